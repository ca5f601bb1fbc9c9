"""Takes secrets out of text before anybody sees it."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from worker.errors import MillraceError, RetryLater

MASK = "***"


class Redactor:
    """Knows secrets and replaces each, however it is spelled, by `***`. Safe to share between threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: tuple[str, ...] = ()
        self._learning = threading.Lock()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Redact this from now on."""
        if not secret or secret in self._spellings:
            return
        encoded = b64encode(secret.encode()).decode()
        found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded.rstrip("=")}
        with self._learning:
            # The longest first, so that no part of a secret remains beside the mask.
            self._spellings = tuple(sorted({*self._spellings, *found}, key=len, reverse=True))

    def clean_error(self, error: MillraceError) -> None:
        """Take the secrets out of an error's own words."""
        error.args = tuple(self.clean(part) if isinstance(part, str) else part for part in error.args)
        if isinstance(error, RetryLater):
            error.reason = self.clean(error.reason)

    def clean(self, text: str) -> str:
        """The text without any secret known."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text
