r"""What a JSON parser must not be asked to find out, and what it would not find.

| danger | bound | fast parser (msgspec) | ijson, rows | ijson, what stands around them |
| --- | --- | --- | --- | --- |
| nesting: ijson's memory grows with its square, its stack ends | 100 | `may_be_deep`, after | `Watch`, before | `Scan`, before |
| digits of a number: an integer over Python's bound ends the process | 4,300 | `has_long_number`, before | `Watch`, before | `Scan`, before |
| bytes that are no UTF-8 | none | `is_utf8`, after | the parser refuses them | the parser refuses them |
| half a character, as `\ud800` | none | the parser refuses it | `is_sound`, after | `HalfCharacters`, after |
| vertical tab or form feed as a blank | none | the parser refuses it | `is_sound`, after | `Walk`, after |
| the size of a row | 16 MiB | holds 256 KiB at most | `Cutter`, as it grows | `Walk`, as it grows |

What the fast parser refuses, or must not be given, goes to ijson, which decides. "Before" and "after" are meant of the
parser's turn. Cheap looks may say yes where there is nothing; they never say no where there is something.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from itertools import repeat
from operator import contains

DEEPEST_NESTING = 100
LARGEST_ROW_BYTES = 16 * 1024 * 1024
LONGEST_INTEGER_DIGITS = 4300
"""Python's own bound on integers read from text. ijson's C parser ends the process on a longer one."""
BLANK = b" \t\r\n\v\f"
"""What ijson takes for blanks. JSON knows no vertical tab and no form feed; between rows they do no harm."""

_SAMPLE_EVERY_BYTES = 128
_SAMPLED_DIGITS = re.compile(rb"[0-9]{%d}" % (LONGEST_INTEGER_DIGITS // _SAMPLE_EVERY_BYTES))
_NUMBER_BYTES = 2 * LONGEST_INTEGER_DIGITS

_DEEP_ROW_BYTES = 5 * DEEPEST_NESTING
"""Without lists, what is nested too deep is longer: a level takes five bytes at least, as in `{"":{}}`."""

_IN_STRING = re.compile(rb"(?:[^\"\\]+|\\.)*", re.DOTALL)
_OUTSIDE = re.compile(rb"[\"{}\[\]]|[0-9]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.?)", re.DOTALL)
_PAIR_BYTES = 12


# ------------------------------------------------------------ cheap looks at many rows


def has_long_number(text: bytes) -> bool:
    """May there be an integer over the bound in this text?"""
    return _SAMPLED_DIGITS.search(text[::_SAMPLE_EVERY_BYTES]) is not None


def is_utf8(text: bytes) -> bool:
    """Is this text UTF-8?"""
    try:
        return text.isascii() or bool(str(text, "utf-8"))
    except UnicodeDecodeError:
        return False


def may_be_deep(text: bytes, rows: list[bytes]) -> bool:
    """May one of these rows of the text be nested too deep?"""
    # The lengths first: counting one byte in a text costs three times as much.
    if b"[" not in text and (max(map(len, rows), default=0) <= _DEEP_ROW_BYTES or text.count(b"{") == len(rows)):
        return False
    brackets = zip(map(bytes.count, rows, repeat(b"{")), map(bytes.count, rows, repeat(b"[")), strict=True)
    return any(objects + lists > DEEPEST_NESTING for objects, lists in brackets)


def count_open_brackets(text: bytes) -> int:
    """How many more brackets are opened than closed, if those within texts are as many of each."""
    return text.count(b"{") + text.count(b"[") - text.count(b"}") - text.count(b"]")


def is_flat(text: bytes, parts: list[bytes]) -> bool:
    """Is there one opening brace before each closing one, no list and no long number? Then nothing is deep."""
    return (
        b"[" not in text
        and all(map(contains, parts, repeat(b"{")))
        and text.count(b"{") <= len(parts) + 1
        and not has_long_number(text)
    )


def may_be_unsound(text: bytes) -> bool:
    """May a row within this text be unsound? Rows of several pieces are to be looked at in any case."""
    return (
        (b"[" in text and text.count(b"[") >= DEEPEST_NESTING)
        or b"\v" in text
        or b"\f" in text
        or (b"\\" in text and _SURROGATE.search(text) is not None)
    )


# ------------------------------------------------------------ close looks at one row


def is_sound(row: bytes) -> bool:
    """Is a row that ijson took one that can be published?"""
    if b"\v" in row or b"\f" in row or has_half_character(row):
        return False
    return row.count(b"{") + row.count(b"[") <= DEEPEST_NESTING or Scan().feed(row) is None


def has_half_character(raw: bytes) -> bool:
    r"""Is there an escape such as \ud800 without its other half? ijson would give a question mark for it."""
    if b"\\" not in raw or _SURROGATE.search(raw) is None:
        return False
    return any(escape.group(1) for escape in _ESCAPES.finditer(raw))


class HalfCharacters:
    """The same for text that comes in pieces."""

    def __init__(self) -> None:
        self._held = b""

    def are_in(self, text: bytes) -> bool:
        """Is there one, up to an escape that may go on in the next piece?"""
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


class Scan:
    """Follows JSON text piece by piece from the start of a value on. `reason` says what is wrong, if anything."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._depth = 0
        self._digits = 0
        self._in_string = False
        self._is_escaped = False

    def feed(self, text: bytes) -> str | None:
        """Follow the text; the first thing that is wrong, here or before."""
        at = 0
        while at < len(text) and self.reason is None:
            at = self._string(text, at) if self._in_string else self._structure(text, at)
        return self.reason

    def _string(self, text: bytes, at: int) -> int:
        """Go to the end of a string."""
        if self._is_escaped:
            self._is_escaped = False
            return at + 1
        matched = _IN_STRING.match(text, at)
        end = matched.end() if matched else at
        if end < len(text):
            self._in_string = text[end] != 0x22
            self._is_escaped = text[end] == 0x5C
        return end + 1

    def _structure(self, text: bytes, at: int) -> int:
        """Go to the next string, counting brackets and digits."""
        if self._digits and not text[at : at + 1].isdigit():
            self._digits = 0
        for token in _OUTSIDE.finditer(text, at):
            sign = token.group()
            if sign == b'"':
                self._in_string = True
                return token.end()
            if sign in b"{[":
                self._depth += 1
            elif sign in b"}]":
                self._depth -= 1
            else:
                self._count(len(sign), is_first=token.start() == at, is_last=token.end() == len(text))
            if self._depth > DEEPEST_NESTING:
                self.reason = f"nesting is deeper than {DEEPEST_NESTING}"
            if self.reason is not None:
                break
        return len(text)

    def _count(self, length: int, *, is_first: bool, is_last: bool) -> None:
        """Add up the digits of one number, which may go on in the next piece."""
        total = length + (self._digits if is_first else 0)
        if total > LONGEST_INTEGER_DIGITS:
            self.reason = f"a number has more than {LONGEST_INTEGER_DIGITS} digits"
        self._digits = total if is_last else 0


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
