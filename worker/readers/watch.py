"""Keeps from ijson's parser what would cost it its stack, its memory or its life.

Its memory grows with the square of the nesting, 100,000 open lists exhaust its stack, and an integer over Python's
bound ends the process.
"""

from __future__ import annotations

import re
from itertools import repeat
from operator import contains

from worker.readers.exact import LONGEST_INTEGER_DIGITS
from worker.readers.scan import DEEPEST_NESTING, Scan

_SAMPLE_EVERY_BYTES = 128
_SAMPLED_DIGITS = re.compile(rb"[0-9]{%d}" % (LONGEST_INTEGER_DIGITS // _SAMPLE_EVERY_BYTES))
_NUMBER_BYTES = 2 * LONGEST_INTEGER_DIGITS


def has_long_number(text: bytes) -> bool:
    """May there be an integer over the bound in this text? Cheap; True may be wrong, False is right."""
    return _SAMPLED_DIGITS.search(text[::_SAMPLE_EVERY_BYTES]) is not None


def is_flat(text: bytes, parts: list[bytes]) -> bool:
    """Is there one opening brace before each closing one, no list and no long number? Then nothing is deep."""
    return (
        b"[" not in text
        and all(map(contains, parts, repeat(b"{")))
        and text.count(b"{") <= len(parts) + 1
        and not has_long_number(text)
    )


class Watch:
    """Looks at a row piece by piece before the parser does; scans it closely only where there is reason to."""

    def __init__(self) -> None:
        self._opened = 0  # brackets in the row begun
        self._row: list[bytes] = []
        self._scan: Scan | None = None  # has followed the row so far
        self._is_suspect = False

    def look_at(self, text: bytes, sent: list[bytes]) -> None:
        """The text that comes next, after what was sent of the row begun."""
        if len(sent) != len(self._row):
            self.renew()
            for piece in sent:
                self.refuses(piece)
        self._is_suspect = has_long_number((sent[-1][-_NUMBER_BYTES:] if sent else b"") + text)

    def refuses(self, piece: bytes) -> bool:
        """Must this piece of the row not be parsed?"""
        self._row.append(piece)
        self._opened += piece.count(b"{") + piece.count(b"[")
        if self._scan is not None:
            return self._scan.feed(piece) is not None
        if not self._is_suspect and self._opened <= DEEPEST_NESTING:
            return False
        self._scan = Scan()
        return any(self._scan.feed(part) for part in self._row)

    def renew(self) -> None:
        """The row is complete; another begins."""
        self._opened, self._scan = 0, None
        self._row.clear()
