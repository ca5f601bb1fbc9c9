"""Masks the secrets of an account in errors and links. `worker/observe.py` masks what is logged."""

from __future__ import annotations

import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

from worker.errors import MillraceError, RetryLater

MASK = "***"
LONG_SECRET_CHARACTERS = 8
"""A secret of at least this many characters is masked everywhere, even inside a longer word."""
WORD_SECRET_CHARACTERS = 4
"""A secret of at least this many is masked as a whole word; a shorter one only as a value: `key=abc`, `"abc"`."""


class Redactor:
    """Replaces every secret it knows, in each of its spellings, by `***`. Safe to share between threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(filter(None, secrets))
        self._learning = threading.Lock()

    def learn(self, secret: str) -> None:
        """Mask this secret from now on; of cookies, also the long values alone."""
        if secret and secret not in self._secrets:
            values = (pair.partition("=")[2] for pair in secret.split("; "))
            with self._learning:
                self._secrets |= {secret, *(value for value in values if len(value) >= LONG_SECRET_CHARACTERS)}

    def clean_error(self, error: MillraceError) -> None:
        """Mask the secrets in an error's message."""
        error.args = tuple(self.clean(part) if isinstance(part, str) else part for part in error.args)
        if isinstance(error, RetryLater):
            error.reason = self.clean(error.reason)

    def clean(self, text: str) -> str:
        """The text with all known secrets masked."""
        return _spellings(self._secrets).sub(MASK, text) if self._secrets else text


# Compiled when there is a message to clean, which is rare, and not when a secret is learnt, which is on each request.
@lru_cache(maxsize=64)
def _spellings(secrets: frozenset[str]) -> re.Pattern[str]:
    """A pattern for every secret as it is spelled in JSON, URLs and Basic authentication."""
    found: set[str] = set()
    for secret in secrets:
        # Base64 without its padding, which some writers omit.
        encoded = b64encode(secret.encode()).decode().rstrip("=")
        found |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], encoded}
    patterns = []
    # The longest first, so that no part of a secret remains beside the mask.
    for spelling in sorted(found, key=len, reverse=True):
        pattern = re.escape(spelling)
        # A short secret must not mask parts of other words.
        if len(spelling) < WORD_SECRET_CHARACTERS:
            pattern = rf"(?:(?<=[=:\"])|(?<=: )){pattern}(?![^&;,\"\s)}}\]])"
        elif len(spelling) < LONG_SECRET_CHARACTERS:
            pattern = rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"
        patterns.append(pattern)
    return re.compile("|".join(patterns))
