"""Cuts the members of a list out of a JSON text by orjson; whatever is not one plain row after another is ijson's."""

from __future__ import annotations

import re

from worker.readers.cutter import Cut
from worker.readers.faults import Fault
from worker.readers.list_cutter import ListCutter
from worker.readers.slices import sliced
from worker.readers.whole_rows import are_on_one_line, loaded

_BETWEEN_ROWS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
_LONGEST_ROW_BYTES = 1024 * 1024
"""Of a row held for orjson; a longer one is parsed as it comes."""


class MemberCutter:
    """The members of a list whose opening bracket was just read: rows, faults and `after` as ListCutter has them.

    The text is cut at a brace, the bytes between the first two rows, and a brace. If every part is one whole object,
    these are the rows. The values given hold binary fractions, the rows do not.
    """

    is_exact = False

    def __init__(self, *, skip_empty: bool = False) -> None:
        self.fault: Fault | None = None
        self.after: bytes | None = None
        self._skip_empty = skip_empty
        self._between = b""  # rows, with their braces; empty until known
        self._has_rows = False
        self._held = b""
        self._cutter: ListCutter | None = None  # while it is ijson's turn

    def feed(self, text: bytes) -> Cut:
        """The rows that are complete with this text."""
        if self._cutter is not None:
            return self._parsed(text)
        text, self._held = self._held + text, b""
        end = self._last_end(text)
        if end == 0:
            if len(text) > _LONGEST_ROW_BYTES:
                return self._parsed(text)
            self._held = text
            return [], []
        block, rest = text[:end], text[end:]
        cut = self._whole(block)
        if cut is not None:
            self._held = rest
            return cut
        rows, values = self._parsed(block)
        if self.after is not None:
            self.after += rest
        elif self._cutter is None:
            self._held = rest
        else:
            more = self._parsed(rest)
            return rows + more[0], values + more[1]
        return rows, values

    def finish(self) -> Cut:
        """The response ends here: a list not closed is a fault."""
        text, self._held = self._held, b""
        cut = self._parsed(text)
        if self.after is None and self.fault is None:
            cutter = self._cutter or self._list_cutter()
            cutter.finish()
            self.after, self.fault = cutter.after, cutter.fault
        return cut

    def _last_end(self, text: bytes) -> int:
        """Where the last row ends that another one follows, as far as can be told; 0 where there is none."""
        if not self._between and (found := _BETWEEN_ROWS.search(text)):
            self._between = found.group()
        return text.rfind(self._between) + 1 if self._between else 0

    def _whole(self, block: bytes) -> Cut | None:
        """The rows of a text from one row's end to another's; None where they are not in plain sight."""
        start = block.find(b"{")
        if block[:start] != self._between[1:-1] if self._has_rows else block[:start].strip(b" \t\r\n"):
            return None
        rows = [b"{" + part + b"}" for part in block[start + 1 : -1].split(self._between)]
        values = loaded(rows, block) if are_on_one_line(rows) else None
        if values is None:
            return None
        self._has_rows = True
        if self._skip_empty and not all(values):
            rows = [row for row, value in zip(rows, values, strict=True) if value]
            values = [value for value in values if value]
        return rows, values

    def _list_cutter(self) -> ListCutter:
        return ListCutter(skip_empty=self._skip_empty, has_rows=self._has_rows)

    def _parsed(self, text: bytes) -> Cut:
        """The rows of this text by ijson, and of the texts that follow until no row is begun."""
        self._cutter = self._cutter or self._list_cutter()
        cut: Cut = ([], [])
        for part in sliced(text):
            if self.after is not None:
                self.after += part
                continue
            if self.fault is not None:
                self.fault.extend(part)
                continue
            rows, values = self._cutter.feed(part)
            cut[0].extend(rows)
            cut[1].extend(values)
            self._has_rows = self._cutter.has_rows
            self.after, self.fault = self._cutter.after, self._cutter.fault
        if self.fault is None and self._cutter.is_between:
            self._cutter = None
        return cut
