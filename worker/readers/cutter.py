"""Cuts rows out of JSON text byte for byte, while ijson's C parser proves that they are valid JSON.

The text goes to the parser in pieces that end at a closing brace. If the parser reports a row after a piece, the row
ends with that brace. So its bytes are known and need not be serialized again: digits, exponents and escapes stay as the
vendor wrote them.
"""

from __future__ import annotations

import re
from decimal import Context, localcontext
from typing import Any

import msgspec

from worker.model import DeadRow, Row
from worker.readers import parser
from worker.readers.faults import Fault, RowKind
from worker.readers.limits import (
    BLANK,
    ESCAPE_BYTES,
    LARGEST_ROW_BYTES,
    RowGuard,
    find_lone_surrogate,
    has_odd_blank,
    is_flat,
    may_be_unsound,
    without_surrogates,
)

_HELD_BYTES = 16 * 1024
"""Up to this size an incomplete row is held back, since whole rows are cut faster; a longer one goes to the parser."""
BETWEEN_ROWS = Fault(b"", is_cut=True)
"""The fault of a list that ends after a row, without its bracket."""
_UNTRAPPED = Context(traps=[])
_BLANKS = rb"[ \t\r\n]*"
_CLOSING = re.compile(_BLANKS + rb"\]")
# Such an end with empty lists before it, which `skip_empty` passes over: after a row, and at the start of the list.
_EMPTY = _BLANKS + rb"\[" + _BLANKS + rb"\]" + _BLANKS
_CLOSING_AFTER_EMPTY = {
    True: re.compile(_BLANKS + b"(?:," + _EMPTY + rb")*\]"),
    False: re.compile(_BLANKS + b"(?:" + _EMPTY + b"(?:," + _EMPTY + rb")*)?\]"),
}


class Cutter:
    """Cuts JSON objects that follow one another, with any blanks between and inside them."""

    has_rows = False
    """Have rows come?"""
    _separators = BLANK
    _opens, _closes = b"{", b"}"
    _kind: RowKind = dict

    def __init__(self) -> None:
        self.fault: Fault | None = None
        """Set once text came that is not a row; all rows before it have been returned."""
        self.after: bytes | None = None
        """The text after the end of the list, once that was read; stays None for objects that are not in a list."""
        self._values: list[Any] = []
        self._parser = self._make_parser()
        # The incomplete row: the part that the parser has, and the part it does not have yet.
        self._sent: list[bytes] = []
        self._held = b""
        self._guard = RowGuard()

    @property
    def is_between(self) -> bool:
        """Does the text so far end between two rows?"""
        return not self._sent and not self._held.strip(BLANK)

    @property
    def incomplete(self) -> bytes:
        """The text after the last row."""
        return b"".join(self._sent) + self._held

    def feed(self, text: bytes) -> list[bytes]:
        """The rows that this text completes, up to the first fault."""
        text, self._held = self._held + text, b""
        parts = text.split(self._closes)
        rest = parts.pop()
        rows = self._cut_flat(text, parts, rest) if not self._sent else None
        if rows is None:
            rows = self._cut_pieces(text, [part + self._closes for part in parts], rest)
        if self.fault is None:
            self._hold(rest)
        return rows

    def finish(self) -> None:
        """Handle the end of the response: an incomplete row is a fault."""
        if self.fault is not None or self.is_between:
            return
        left = self.incomplete
        is_taken = not self._held or bool(self._send([self._held], self._held))
        if is_taken and left.lstrip(self._separators)[:1] in (self._opens, b""):
            self.fault = Fault(left.lstrip(BLANK), is_cut=True, kind=self._kind)
        else:
            self._stop(left)

    def _cut_flat(self, text: bytes, parts: list[bytes], rest: bytes) -> list[bytes] | None:
        """The rows, parsed in one call, if each part with its closing brace is a row; else None and nothing changes."""
        if self._kind is not dict or not parts or not is_flat(text, parts):
            return None
        values = self._values
        try:
            self._parse(text[: len(text) - len(rest)])
            # Each part has one brace of each kind, so if there are as many objects as parts, each part is one.
            is_whole = len(values) == len(parts) and set(map(type, values)) == {dict}
        except parser.PARSE_ERRORS:
            is_whole = False
        values.clear()
        if not is_whole:
            self._parser = self._make_parser()
            return None
        rows = [part.lstrip(self._separators) + b"}" for part in parts]
        self.has_rows = True
        return self._take_sound(rows) if may_be_unsound(text) else put_on_one_line(rows)

    def _cut_pieces(self, text: bytes, pieces: list[bytes], rest: bytes) -> list[bytes]:
        """The rows that end in these pieces; a row may take several. Any other value is a fault."""
        ends = self._send(pieces, text)
        rows: list[bytes] = []
        start = 0
        for index, (piece, end) in enumerate(zip(pieces, ends, strict=False), 1):
            self._sent.append(piece)
            new, start = self._values[start:end], end
            if any(not self._may_skip(value) for value in new if type(value) is not self._kind):
                self._stop(b"".join((*self._sent, *pieces[index:], rest)))
                break
            if new and type(new[-1]) is self._kind:
                row = b"".join(self._sent)
                rows.append(row[row.index(self._opens) :])
                self._sent.clear()
        self.has_rows = self.has_rows or bool(rows)
        rows = self._take_sound(rows)
        self._values.clear()
        if len(ends) < len(pieces):
            self._stop(b"".join((*self._sent, *pieces[len(ends) :], rest)))
        return rows

    def _send(self, pieces: list[bytes], text: bytes) -> list[int]:
        """Give pieces of this text to the parser until one is refused; returns the number of values after each."""
        ends: list[int] = []
        waiting: list[bytes] = []
        guard = self._guard
        guard.prepare(text, self._sent)
        try:
            for number, piece in enumerate(pieces, 1):
                if guard.refuses(piece):
                    break
                waiting.append(piece)
                # Given a piece of a string, the parser reads the string again from its start.
                if not guard.is_in_string or number == len(pieces):
                    self._parse(b"".join(waiting))
                    waiting.clear()
                ends.append(len(self._values))
                # After a value that is skipped, the piece continues with the next row.
                if ends[-1] > (ends[-2] if len(ends) > 1 else 0) and type(self._values[-1]) is self._kind:
                    guard.begin_row()
        except parser.PARSE_ERRORS:
            pass
        return ends

    def _parse(self, text: bytes) -> None:
        # Only the bytes are kept, not the values, so a number too large for a Decimal must not fail the row.
        with localcontext(_UNTRAPPED):
            self._parser.send(without_surrogates(text))

    def _take_sound(self, rows: list[bytes]) -> list[bytes]:
        """The rows, each on one line, up to the first that the parser accepted wrongly: that one is the fault."""
        taken: list[bytes] = []
        for row in rows:
            if has_odd_blank(row) or len(row) > LARGEST_ROW_BYTES:
                self.fault = Fault(row, is_whole=True, kind=self._kind)
                break
            taken.append(set_aside_half(row))
        return put_on_one_line(taken)

    def _hold(self, rest: bytes) -> None:
        """Hold an incomplete row; give a long one to the parser, so that an error in it shows before its end."""
        if len(rest) < _HELD_BYTES:
            self._held = rest
            return
        escape = rest.rfind(b"\\", 1 - ESCAPE_BYTES)  # one that may continue in the next text
        if escape >= 0:
            rest, self._held = rest[:escape], rest[escape:]
        is_taken = bool(self._send([rest], rest))
        odd = [value for value in self._values if not self._may_skip(value)]
        self._values.clear()
        if self._sent or rest.strip(BLANK):
            self._sent.append(rest)
        if not is_taken or odd or sum(map(len, self._sent)) > LARGEST_ROW_BYTES:
            self._stop(self.incomplete)

    def _make_parser(self) -> parser.Parser:
        """A parser in the state between two rows."""
        return parser.values(self._values)

    def _may_skip(self, value: Any) -> bool:
        """May this value, which is not a row, be passed over?"""
        return False

    def _stop(self, left: bytes) -> None:
        """Set the fault: nothing from here on is a row. `left` begins where the last row ended."""
        if self.fault is None:
            self.fault = Fault(left.lstrip(self._separators), kind=self._kind)


class ListCutter(Cutter):
    """Cuts the members of a list. Feed it what follows the opening bracket or, if `has_rows`, a member of the list.

    The members are objects, or lists if `of_lists`. `skip_empty` passes over `[]`.
    """

    _separators = b"," + BLANK

    def __init__(self, *, skip_empty: bool = False, has_rows: bool = False, of_lists: bool = False) -> None:
        self.has_rows = has_rows
        if of_lists:
            self._opens, self._closes, self._kind = b"[", b"]", list
        self._skip_empty = skip_empty
        super().__init__()

    def finish(self) -> None:
        """Handle the end of the response: a list that is not closed is a fault."""
        if self.is_between and self.after is None and self.fault is None:
            self.fault = BETWEEN_ROWS
        elif self.after is None:
            super().finish()

    def _hold(self, rest: bytes) -> None:
        # What follows the end of the list is not an incomplete row.
        if self.after is None:
            super()._hold(rest)

    def _make_parser(self) -> parser.Parser:
        begun = parser.members(self._values)
        # The bracket, and any members before, were read by somebody else: this parser has not seen them.
        begun.send(b"[{}" if self.has_rows else b"[")
        self._values.clear()
        return begun

    def _may_skip(self, value: Any) -> bool:
        return self._skip_empty and value == [] and self._kind is dict

    def _stop(self, left: bytes) -> None:
        end = _CLOSING_AFTER_EMPTY[self.has_rows] if self._may_skip([]) else _CLOSING
        if self.fault is None and (closing := end.match(left)):
            self.after = left[closing.end() :]
        else:
            super()._stop(left)


def set_aside_half(row: bytes) -> Row:
    """The row; a dead row on one line if it has a lone surrogate: it is JSON, but most programs refuse to read it."""
    if find_lone_surrogate(row) is None:
        return row
    row = row.translate(None, b"\r\n")  # not by msgspec, which refuses the escape
    at = find_lone_surrogate(row) or 0
    return DeadRow(row, f"{row[at : at + ESCAPE_BYTES].decode()} at byte {at + 1} is half of a surrogate pair")


def put_on_one_line(rows: list[bytes]) -> list[bytes]:
    """The rows without line breaks: if a row has any, all its blanks are removed, and its values stay byte for byte."""
    text = b"".join(rows)
    if b"\n" not in text and b"\r" not in text:
        return rows
    return [msgspec.json.format(row, indent=-1) if b"\n" in row or b"\r" in row else row for row in rows]
