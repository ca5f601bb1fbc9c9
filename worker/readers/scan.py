"""What a JSON parser must not be asked to find out: nesting without end, integers without end, half a character."""

from __future__ import annotations

import re

from worker.readers.exact import LONGEST_INTEGER_DIGITS

DEEPEST_NESTING = 100
BLANK = b" \t\r\n\v\f"
"""What the parser takes for blanks. JSON knows no vertical tab and no form feed; between rows they do no harm."""

_IN_STRING = re.compile(rb"(?:[^\"\\]+|\\.)*", re.DOTALL)
_OUTSIDE = re.compile(rb"[\"{}\[\]]|[0-9]+")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.?)", re.DOTALL)

_PAIR_BYTES = 12


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


def may_be_unsound(text: bytes) -> bool:
    """May a row within this text be unsound? Cheap; rows of several pieces are to be looked at in any case."""
    return (
        (b"[" in text and text.count(b"[") >= DEEPEST_NESTING)
        or b"\v" in text
        or b"\f" in text
        or (b"\\" in text and _SURROGATE.search(text) is not None)
    )


def is_sound(row: bytes) -> bool:
    """Is a row that the parser took one that can be published?"""
    if b"\v" in row or b"\f" in row or has_half_character(row):
        return False
    return row.count(b"{") + row.count(b"[") <= DEEPEST_NESTING or Scan().feed(row) is None
