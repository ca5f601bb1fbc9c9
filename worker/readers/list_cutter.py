"""Cuts the members of one list out of a JSON text, and tells where the list ends."""

from __future__ import annotations

import re
from typing import Any

from worker.readers import parser
from worker.readers.cutter import Cut, Cutter
from worker.readers.faults import Fault
from worker.readers.scan import BLANK

_CLOSING = re.compile(rb"[ \t\r\n]*(?:,?[ \t\r\n]*\[[ \t\r\n]*\][ \t\r\n]*)*\]")


class ListCutter(Cutter):
    """The members of a list whose opening bracket was just read, or, where it `has_rows`, those after some others.

    `skip_empty` passes over `[]` and `{}`. `after` is the text after the closing bracket, once that was read; objects
    that are only joined by commas have none.
    """

    _around = b"," + BLANK

    def __init__(self, *, skip_empty: bool = False, has_rows: bool = False, is_joined: bool = False) -> None:
        self.after: bytes | None = None
        self.has_rows = has_rows
        self._skip_empty = skip_empty
        self._is_joined = is_joined
        super().__init__()

    def _given(self, rows: list[bytes], values: list[dict[str, Any]]) -> Cut:
        self.has_rows = self.has_rows or bool(rows)
        if self._skip_empty and not all(values):
            rows = [row for row, value in zip(rows, values, strict=True) if value]
            values = [value for value in values if value]
        return rows, values

    def finish(self) -> Cut:
        """The response ends here: a list not closed is a fault, unless objects were only joined by commas."""
        if self.after is not None or (self._is_joined and self.is_between):
            return [], []
        if self.is_between and self.fault is None:
            self.fault = Fault(b"", is_cut=True)
        return super().finish()

    def _keep(self, rest: bytes) -> None:
        # What follows the list is no row begun, however long.
        if self.after is None:
            super()._keep(rest)

    def _parser_between(self) -> parser.Parser:
        begun = parser.members(self._values)
        begun.send(b"[{}" if self.has_rows else b"[")
        self._values.clear()
        return begun

    def _may_skip(self, value: Any) -> bool:
        return self._skip_empty and value == []

    def _stop(self, left: bytes) -> None:
        closing = None if self.fault or self._is_joined else _CLOSING.match(left)
        if closing and self._closes(closing.group()):
            self.after = left[closing.end() :]
        else:
            super()._stop(left)

    def _closes(self, text: bytes) -> bool:
        """Does this text, after the last row, close the list as JSON wants it?"""
        if b"[" in text and not self._skip_empty:
            return False
        try:
            parser.members([]).send((b"[{}" if self.has_rows else b"[") + text)
        except parser.PARSE_ERRORS:
            return False
        return True
