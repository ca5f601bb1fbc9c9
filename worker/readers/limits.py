r"""Limits on JSON input: what a parser must not be given because it would crash, and what it wrongly accepts.

| danger | bound | fast parser (msgspec) | ijson, rows | ijson, around the rows |
| --- | --- | --- | --- | --- |
| nesting: ijson's memory grows with its square, its stack overflows | 100 | `may_be_deep`, after | `RowGuard`, before | `LimitScanner`, before |
| digits of a number: ijson kills the process at more than Python allows | 4,300 | `has_long_number`, before | `RowGuard`, before | `LimitScanner`, before |
| invalid UTF-8 | none | `is_utf8`, after | the parser refuses them | the parser refuses them |
| a lone surrogate such as `\ud800` | none | the parser refuses it | `find_lone_surrogate`, after: the row is dead | `LoneSurrogateFinder`, after |
| vertical tab or form feed as a blank | none | the parser refuses it | `has_odd_blank`, after | `EnvelopeWalker`, after |
| the size of a row | 16 MiB | holds 256 KiB at most | `Cutter`, as it grows | `EnvelopeWalker`, as it grows |

"Before" and "after" say whether the check comes before the parser or after it. What the fast parser refuses, or must
not be given, goes to ijson, which decides. A cheap check of many rows may give a false alarm; it never misses anything.
What a `RowPattern` matches is free of all dangers but long numbers, which `has_long_number` finds before it as well.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from itertools import repeat
from operator import contains

DEEPEST_NESTING = 100
LARGEST_ROW_BYTES = 16 * 1024 * 1024
LONGEST_INTEGER_DIGITS = 4300
"""Python's default limit for int(str). ijson's C parser ends the process on a longer one."""
BLANK = b" \t\r\n\v\f"
"""What ijson takes for blanks. Vertical tab and form feed are not blanks in JSON; between rows they do no harm."""

# In a sample of every 128th byte, a number over the limit shows as at least this many digits in a row. So looking at
# the sample finds it, and costs next to nothing.
_SAMPLE_EVERY_BYTES = 128
_SAMPLED_DIGITS = b"0" * (LONGEST_INTEGER_DIGITS // _SAMPLE_EVERY_BYTES)
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NUMBER_BYTES = 2 * LONGEST_INTEGER_DIGITS
"""How much of the text before a cut is checked together with the text after it: a number may lie across the cut."""

_MANY_PIECES = 1_000
"""A row of more pieces is scanned, which costs little compared with parsing them."""

_DEEP_ROW_BYTES = 5 * DEEPEST_NESTING
"""A row without lists that is nested too deep is longer than this: a level takes five bytes or more, `{"":` and `}`."""

_IN_STRING = re.compile(rb"(?:[^\"\\]+|\\.)*", re.DOTALL)
_OUTSIDE = re.compile(rb"[\"{}\[\]]|[0-9]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A surrogate pair is matched as one escape, so the group holds a lone surrogate only.
_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.?)", re.DOTALL)
ESCAPE_BYTES = 6
r"""The length of an escape such as `\ud83d`."""
_PAIR_BYTES = 2 * ESCAPE_BYTES


# ------------------------------------------------------------ cheap checks of many rows


def has_long_number(text: bytes) -> bool:
    """May this text hold an integer with too many digits?"""
    return _SAMPLED_DIGITS in text[::_SAMPLE_EVERY_BYTES].translate(_AS_ZEROS)


def is_utf8(text: bytes) -> bool:
    """Is this text valid UTF-8?"""
    try:
        return text.isascii() or bool(str(text, "utf-8"))
    except UnicodeDecodeError:
        return False


def may_be_deep(text: bytes, rows: list[bytes]) -> bool:
    """May one of these rows, which the text consists of, be nested too deep?"""
    # Lengths are compared first, because counting braces takes three times as long.
    if b"[" not in text and (max(map(len, rows), default=0) <= _DEEP_ROW_BYTES or text.count(b"{") == len(rows)):
        return False
    brackets = zip(map(bytes.count, rows, repeat(b"{")), map(bytes.count, rows, repeat(b"[")), strict=True)
    return any(objects + lists > DEEPEST_NESTING for objects, lists in brackets)


def count_open_brackets(text: bytes) -> int:
    """How many more brackets are opened than closed, assuming that those inside strings are balanced."""
    return text.count(b"{") + text.count(b"[") - text.count(b"}") - text.count(b"]")


def is_flat(text: bytes, parts: list[bytes]) -> bool:
    """Does each part have one opening brace, and the text no list and no long number? Then it is safe to parse."""
    return (
        b"[" not in text
        and all(map(contains, parts, repeat(b"{")))
        and text.count(b"{") <= len(parts) + 1
        and not has_long_number(text)
    )


def may_be_unsound(text: bytes) -> bool:
    """May a row in this text, which ijson accepted, have an odd blank or a lone surrogate?"""
    return has_odd_blank(text) or (b"\\" in text and _SURROGATE.search(text) is not None)


# ------------------------------------------------------------ exact checks of one row


def has_odd_blank(row: bytes) -> bool:
    """Has this text a blank that ijson accepts although JSON does not?"""
    return b"\v" in row or b"\f" in row


def find_lone_surrogate(raw: bytes) -> int | None:
    r"""The offset of an escape such as \ud800 without its other half, which ijson would turn into a question mark."""
    if b"\\" not in raw or _SURROGATE.search(raw) is None:
        return None
    return next((escape.start() for escape in _ESCAPES.finditer(raw) if escape.group(1)), None)


def without_surrogates(text: bytes) -> bytes:
    """The text for ijson, which refuses some lone surrogates: each becomes another character of the same length."""
    return _SURROGATE.sub(rb"\\u00", text) if b"\\" in text else text


class LoneSurrogateFinder:
    """Looks for lone surrogates in text that comes in pieces."""

    def __init__(self) -> None:
        self._held = b""

    def are_in(self, text: bytes) -> bool:
        """Is there one in the next piece? An escape at its end may continue, so it is checked with the piece after."""
        text, self._held = self._held + text, b""
        if b"\\" not in text:
            return False
        for escape in _ESCAPES.finditer(text):
            if escape.start() > len(text) - _PAIR_BYTES:
                self._held = text[escape.start() :]
                break
            if escape.group(1):
                return True
        return False


class LimitScanner:
    """Scans JSON text for the limits on nesting and digits, piece by piece, from the start of a value.

    `reason` says which limit was exceeded, None if none was. `is_in_string`: the text so far ends in a string.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._depth = 0
        self._digits = 0
        self.is_in_string = False
        self._is_escaped = False

    def feed(self, text: bytes) -> str | None:
        """Scan the next piece; returns `reason`."""
        at = 0
        while at < len(text) and self.reason is None:
            at = self._skip_string(text, at) if self.is_in_string else self._skip_structure(text, at)
        return self.reason

    def _skip_string(self, text: bytes, at: int) -> int:
        """The offset after the string, or at the end of the text if that comes first."""
        if self._is_escaped:
            self._is_escaped = False
            return at + 1
        matched = _IN_STRING.match(text, at)
        end = matched.end() if matched else at
        if end < len(text):
            self.is_in_string = text[end] != 0x22
            self._is_escaped = text[end] == 0x5C
        return end + 1

    def _skip_structure(self, text: bytes, at: int) -> int:
        """The offset inside the next string, or at the end of the text. Counts brackets and digits on the way."""
        if self._digits and not text[at : at + 1].isdigit():
            self._digits = 0
        for token in _OUTSIDE.finditer(text, at):
            sign = token.group()
            if sign == b'"':
                self.is_in_string = True
                return token.end()
            if sign in b"{[":
                self._depth += 1
            elif sign in b"}]":
                self._depth -= 1
            else:
                self._count_digits(len(sign), is_first=token.start() == at, is_last=token.end() == len(text))
            if self._depth > DEEPEST_NESTING:
                self.reason = f"nesting is deeper than {DEEPEST_NESTING}"
            if self.reason is not None:
                break
        return len(text)

    def _count_digits(self, length: int, *, is_first: bool, is_last: bool) -> None:
        """Add up the digits of a number, which may have begun in an earlier piece and may continue in the next."""
        total = length + (self._digits if is_first else 0)
        if total > LONGEST_INTEGER_DIGITS:
            self.reason = f"a number has more than {LONGEST_INTEGER_DIGITS} digits"
        self._digits = total if is_last else 0


class RowGuard:
    """Checks the pieces of a row before the parser gets them; scans them only if a cheap count finds them suspect.

    A row of many pieces is scanned too, for `is_in_string`.
    """

    def __init__(self) -> None:
        self._opened = 0  # brackets opened in the row so far
        self._row: list[bytes] = []
        self._scan: LimitScanner | None = None  # if there is one, it has scanned the row so far
        self._is_suspect = False

    @property
    def is_in_string(self) -> bool:
        """Does the last piece end in a string? Known only of rows that are scanned; False for others."""
        return self._scan is not None and self._scan.is_in_string

    def prepare(self, text: bytes, sent: list[bytes]) -> None:
        """Look at the text whose pieces come next; `sent` is what the parser already has of an incomplete row."""
        if not sent:
            self.begin_row()
        self._is_suspect = len(sent) > _MANY_PIECES or has_long_number(
            (sent[-1][-_NUMBER_BYTES:] if sent else b"") + text
        )

    def refuses(self, piece: bytes) -> bool:
        """Must this piece of the row not be parsed?"""
        self._row.append(piece)
        self._opened += piece.count(b"{") + piece.count(b"[")
        if self._scan is not None:
            return self._scan.feed(piece) is not None
        if not self._is_suspect and self._opened <= DEEPEST_NESTING:
            return False
        self._scan = LimitScanner()
        return any(self._scan.feed(part) for part in self._row)

    def begin_row(self) -> None:
        """Forget the last row: another one begins."""
        self._opened, self._scan = 0, None
        self._row.clear()
