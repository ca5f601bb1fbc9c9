"""Masks secrets in texts that people will see."""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from worker.errors import MillraceError, RetryLater

MASK = "***"
LONG_ENOUGH = 8
"""A secret of at least so many characters is masked wherever it occurs, even within a longer word."""
A_WORD = 4
"""A shorter one is masked only as a word of its own; an even shorter one only as a value: `key=abc`, `"abc"`."""


class Redactor:
    """Replaces every secret it knows, in each of its spellings, by `***`. Safe to share between threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._patterns: dict[str, str] = {}
        self._any: re.Pattern[str] | None = None
        self._learning = threading.Lock()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Redact this from now on."""
        if not secret or secret in self._patterns:
            return
        # As it is spelled in JSON, URLs and Basic authentication; Base64 without its padding, which some writers omit.
        encoded = b64encode(secret.encode()).decode()
        found = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded.rstrip("=")}
        with self._learning:
            patterns = dict(self._patterns)
            for spelling in found:
                pattern = re.escape(spelling)
                # Shorter ones only where they are the secret, and not a part of some other word.
                if len(spelling) < A_WORD:
                    pattern = rf"(?:(?<=[=:\"])|(?<=: )){pattern}(?![^&;,\"\s)}}\]])"
                elif len(spelling) < LONG_ENOUGH:
                    pattern = rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
                patterns[spelling] = pattern
            # The longest first, so that no part of a secret remains beside the mask.
            ordered = sorted(patterns, key=len, reverse=True)
            self._any = re.compile("|".join(patterns[spelling] for spelling in ordered))
            self._patterns = patterns

    def clean_error(self, error: MillraceError) -> None:
        """Take the secrets out of an error's own words."""
        error.args = tuple(self.clean(part) if isinstance(part, str) else part for part in error.args)
        if isinstance(error, RetryLater):
            error.reason = self.clean(error.reason)

    def clean(self, text: str) -> str:
        """The text without any secret known."""
        return text if self._any is None else self._any.sub(MASK, text)
