"""Cuts rows out of JSON text exactly as they came, while ijson's C parser proves that they are JSON.

A row's bytes are known without writing them anew: the text goes to the parser up to each closing brace, and a row that
appears then ends in that very byte. So digits, exponents and escapes stay as the vendor wrote them.
"""

from __future__ import annotations

from typing import Any

from worker.readers import parser
from worker.readers.exact import dumps
from worker.readers.faults import LARGEST_ROW_BYTES, Fault
from worker.readers.scan import BLANK, is_sound, may_be_unsound
from worker.readers.watch import Watch, is_flat
from worker.readers.whole_rows import are_on_one_line

Cut = tuple[list[bytes], list[dict[str, Any]]]
"""Rows, and the value of each."""

_HELD_BYTES = 16 * 1024


class Cutter:
    """JSON objects one after another, whatever blanks stand between and inside them."""

    is_exact = True
    _around = BLANK

    def __init__(self) -> None:
        self.fault: Fault | None = None
        """Why what comes next will never be a row; the rows before it were given."""
        self._values: list[Any] = []
        self._parser = self._parser_between()
        self._sent: list[bytes] = []  # of the row begun, what the parser has
        self._held = b""  # and what it does not have yet
        self._watch = Watch()

    @property
    def is_between(self) -> bool:
        """Is no row begun?"""
        return not self._sent and not self._held.strip(BLANK)

    def feed(self, text: bytes) -> Cut:
        """The rows that are complete with this text, those before a fault included."""
        text, self._held = self._held + text, b""
        parts = text.split(b"}")
        rest = parts.pop()
        cut = self._at_once(text, parts, rest) if not self._sent else None
        if cut is None:
            cut = self._one_by_one(text, [part + b"}" for part in parts], rest)
        if self.fault is None:
            self._keep(rest)
        return cut

    def finish(self) -> Cut:
        """The response ends here: a row begun is a fault."""
        if self.fault is not None or self.is_between:
            return [], []
        left = b"".join(self._sent) + self._held
        is_taken = not self._held or bool(self._send([self._held], self._held))
        if is_taken and left.lstrip(self._around)[:1] in (b"{", b""):
            self.fault = Fault(left, is_cut=True)
        else:
            self._stop(left)
        return [], []

    def _at_once(self, text: bytes, parts: list[bytes], rest: bytes) -> Cut | None:
        """The rows where each part, with its brace, is one; None, and nothing parsed, where that is not so."""
        if not parts or not is_flat(text, parts):
            return None
        values = self._values
        try:
            self._parser.send(text[: len(text) - len(rest)])
            # With one brace of each kind in a part, as many objects as parts are one in each.
            is_whole = len(values) == len(parts) and set(map(type, values)) == {dict}
        except parser.PARSE_ERRORS:
            is_whole = False
        if not is_whole:
            values.clear()
            self._parser = self._parser_between()
            return None
        rows = [part.lstrip(self._around) + b"}" for part in parts]
        cut = rows, values[:]
        values.clear()
        if may_be_unsound(text) or not are_on_one_line(rows):
            cut = self._proven(*cut)
        return self._given(*cut)

    def _one_by_one(self, text: bytes, pieces: list[bytes], rest: bytes) -> Cut:
        """The rows that end in these pieces."""
        ends = self._send(pieces, text)
        cut = self._given(*self._proven(*self._pieced_together(pieces, ends, rest)))
        self._values.clear()
        if len(ends) < len(pieces):
            self._stop(b"".join((*self._sent, *pieces[len(ends) :], rest)))
        return cut

    def _send(self, pieces: list[bytes], text: bytes) -> list[int]:
        """Give pieces of this text to the parser: how many values there are after each, up to the one it refuses."""
        ends: list[int] = []
        watch = self._watch
        watch.look_at(text, self._sent)
        try:
            for piece in pieces:
                if watch.refuses(piece):
                    break
                self._parser.send(piece)
                ends.append(len(self._values))
                if ends[-1] > (ends[-2] if len(ends) > 1 else 0):
                    watch.renew()
        except parser.PARSE_ERRORS:
            pass
        return ends

    def _pieced_together(self, pieces: list[bytes], ends: list[int], rest: bytes) -> Cut:
        """Rows of one or more pieces; a value that is no object is a fault."""
        rows: list[bytes] = []
        values: list[dict[str, Any]] = []
        start = 0
        for index, (piece, end) in enumerate(zip(pieces, ends, strict=False), 1):
            self._sent.append(piece)
            new, start = self._values[start:end], end
            if any(not self._may_skip(value) for value in new if type(value) is not dict):
                self._stop(b"".join((*self._sent, *pieces[index:], rest)))
                break
            if new and type(new[-1]) is dict:
                row = b"".join(self._sent)
                rows.append(row[row.index(b"{") :])
                values.append(new[-1])
                self._sent.clear()
        return rows, values

    def _proven(self, rows: list[bytes], values: list[dict[str, Any]]) -> Cut:
        """The rows before the first that is unsound in a way the parser does not see."""
        for index, row in enumerate(rows):
            if not is_sound(row) or len(row) > LARGEST_ROW_BYTES:
                self.fault = Fault(row, is_whole=True)
                return rows[:index], values[:index]
            rows[index] = _on_one_line(row, values[index])
        return rows, values

    def _keep(self, rest: bytes) -> None:
        """Hold the beginning of a row; a long one goes to the parser, and is watched."""
        if len(rest) < _HELD_BYTES:
            self._held = rest
            return
        is_taken = bool(self._send([rest], rest))
        odd = [value for value in self._values if not self._may_skip(value)]
        self._values.clear()
        if self._sent or rest.strip(BLANK):
            self._sent.append(rest)
        if not is_taken or odd or sum(map(len, self._sent)) > LARGEST_ROW_BYTES:
            self._stop(b"".join(self._sent))

    def _parser_between(self) -> parser.Parser:
        """A parser that stands between two rows."""
        return parser.values(self._values)

    def _given(self, rows: list[bytes], values: list[dict[str, Any]]) -> Cut:
        return rows, values

    def _may_skip(self, value: Any) -> bool:  # a list may have members that are no rows
        return False

    def _stop(self, left: bytes) -> None:
        """Nothing after this is a row; `left` begins where the last row ended."""
        if self.fault is None:
            self.fault = Fault(left.lstrip(self._around))


def _on_one_line(row: bytes, value: dict[str, Any]) -> bytes:
    """A row spread over lines, written on one."""
    return dumps(value) if b"\n" in row or b"\r" in row else row
