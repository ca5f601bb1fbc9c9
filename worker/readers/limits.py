r"""What a JSON parser must not be asked to find out, and what it would not find.

| danger | bound | fast parser (msgspec) | ijson, rows | ijson, what stands around them |
| --- | --- | --- | --- | --- |
| nesting: ijson's memory grows with its square, its stack ends | 100 | `may_be_deep`, after | `Watch`, before | `Scan`, before |
| digits of a number: an integer over Python's bound ends the process | 4,300 | `has_long_number`, before | `Watch`, before | `Scan`, before |
| bytes that are no UTF-8 | none | `is_utf8`, after | the parser refuses them | the parser refuses them |
| half a character, as `\ud800` | none | the parser refuses it | `is_sound`, after | `HalfCharacters`, after |
| vertical tab or form feed as a blank | none | the parser refuses it | `is_sound`, after | `Walk`, after |
| the size of a row | 16 MiB | holds 256 KiB at most | `Cutter`, as it grows | `Walk`, as it grows |

"Before" and "after" say whether the check comes before the parser or after it. What the fast parser refuses, or must
not be given, goes to ijson, which decides. A cheap check of many rows may say yes where there is nothing; it never says
no where there is something.
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

# A number over the bound leaves at least so many digits in a row among every 128th byte of the text: looking at these
# alone finds it, and costs next to nothing.
_SAMPLE_EVERY_BYTES = 128
_SAMPLED_DIGITS = b"0" * (LONGEST_INTEGER_DIGITS // _SAMPLE_EVERY_BYTES)
_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NUMBER_BYTES = 2 * LONGEST_INTEGER_DIGITS
"""So much of the text before a cut is checked with the text behind it, since a long number may lie across the cut."""

_DEEP_ROW_BYTES = 5 * DEEPEST_NESTING
"""Without lists, what is nested too deep is longer: a level takes five bytes at least, as in `{"":{}}`."""

_IN_STRING = re.compile(rb"(?:[^\"\\]+|\\.)*", re.DOTALL)
_OUTSIDE = re.compile(rb"[\"{}\[\]]|[0-9]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A pair of halves is matched as one, so the group holds a half that stands alone.
_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.?)", re.DOTALL)
_PAIR_BYTES = 12
r"""Of a whole pair, such as `\ud83d\ude00`."""


# ------------------------------------------------------------ cheap checks of many rows


def has_long_number(text: bytes) -> bool:
    """May there be an integer over the bound in this text?"""
    return _SAMPLED_DIGITS in text[::_SAMPLE_EVERY_BYTES].translate(_AS_ZEROS)


def is_utf8(text: bytes) -> bool:
    """Is this text UTF-8?"""
    try:
        return text.isascii() or bool(str(text, "utf-8"))
    except UnicodeDecodeError:
        return False


def may_be_deep(text: bytes, rows: list[bytes]) -> bool:
    """May one of these rows of the text be nested too deep?"""
    # Lengths are compared first, because counting the braces costs three times as much.
    if b"[" not in text and (max(map(len, rows), default=0) <= _DEEP_ROW_BYTES or text.count(b"{") == len(rows)):
        return False
    brackets = zip(map(bytes.count, rows, repeat(b"{")), map(bytes.count, rows, repeat(b"[")), strict=True)
    return any(objects + lists > DEEPEST_NESTING for objects, lists in brackets)


def count_open_brackets(text: bytes) -> int:
    """How many more brackets are opened than closed, supposing that those within strings are balanced."""
    return text.count(b"{") + text.count(b"[") - text.count(b"}") - text.count(b"]")


def is_flat(text: bytes, parts: list[bytes]) -> bool:
    """Has each part one opening brace, and the text no list and no long number? Then it is safe to parse at once."""
    return (
        b"[" not in text
        and all(map(contains, parts, repeat(b"{")))
        and text.count(b"{") <= len(parts) + 1
        and not has_long_number(text)
    )


def may_be_unsound(text: bytes) -> bool:
    """May `is_sound` be false of a row within this text? Only of rows that came in one piece; others need it anyhow."""
    return (
        (b"[" in text and text.count(b"[") >= DEEPEST_NESTING)
        or b"\v" in text
        or b"\f" in text
        or (b"\\" in text and _SURROGATE.search(text) is not None)
    )


# ------------------------------------------------------------ exact checks of one row


def is_sound(row: bytes) -> bool:
    """May a row that ijson accepted be published? ijson accepts odd blanks, half characters and any nesting."""
    if b"\v" in row or b"\f" in row or has_half_character(row):
        return False
    return row.count(b"{") + row.count(b"[") <= DEEPEST_NESTING or Scan().feed(row) is None


def has_half_character(raw: bytes) -> bool:
    r"""Is there an escape such as \ud800 without its other half? ijson would give a question mark for it."""
    if b"\\" not in raw or _SURROGATE.search(raw) is None:
        return False
    return any(escape.group(1) for escape in _ESCAPES.finditer(raw))


class HalfCharacters:
    """Looks for half characters in text that comes in pieces."""

    def __init__(self) -> None:
        self._held = b""

    def are_in(self, text: bytes) -> bool:
        """Is there one? An escape that may go on in the next piece is looked at with that."""
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
    """Follows JSON text piece by piece from the start of a value. `reason` says what is too deep or too long in it."""

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
            at = self._skip_string(text, at) if self._in_string else self._skip_structure(text, at)
        return self.reason

    def _skip_string(self, text: bytes, at: int) -> int:
        """Where the string ends, or the text if that comes first."""
        if self._is_escaped:
            self._is_escaped = False
            return at + 1
        matched = _IN_STRING.match(text, at)
        end = matched.end() if matched else at
        if end < len(text):
            self._in_string = text[end] != 0x22
            self._is_escaped = text[end] == 0x5C
        return end + 1

    def _skip_structure(self, text: bytes, at: int) -> int:
        """Where the next string begins, or the text ends; brackets and digits up to there are counted."""
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
                self._count_digits(len(sign), is_first=token.start() == at, is_last=token.end() == len(text))
            if self._depth > DEEPEST_NESTING:
                self.reason = f"nesting is deeper than {DEEPEST_NESTING}"
            if self.reason is not None:
                break
        return len(text)

    def _count_digits(self, length: int, *, is_first: bool, is_last: bool) -> None:
        """Add up the digits of one number, which may go on in the next piece."""
        total = length + (self._digits if is_first else 0)
        if total > LONGEST_INTEGER_DIGITS:
            self.reason = f"a number has more than {LONGEST_INTEGER_DIGITS} digits"
        self._digits = total if is_last else 0


class Watch:
    """Checks a row piece by piece before the parser gets it; scans it only if counting gave a reason to."""

    def __init__(self) -> None:
        self._opened = 0  # brackets in the row begun
        self._row: list[bytes] = []
        self._scan: Scan | None = None  # has followed the row so far
        self._is_suspect = False

    def prepare(self, text: bytes, sent: list[bytes]) -> None:
        """Take notice of the text whose pieces come next, and of what the parser already has of the row begun."""
        if len(sent) != len(self._row):
            self.begin_row()
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

    def begin_row(self) -> None:
        """Forget the row before; another begins."""
        self._opened, self._scan = 0, None
        self._row.clear()
