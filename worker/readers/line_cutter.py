"""Cuts rows out of NDJSON line by line with orjson; whatever is not one plain object a line goes to ijson's parser.

So it gives the rows and the faults that Cutter gives, only sooner where every line is one whole object.
"""

from __future__ import annotations

from worker.readers.cutter import Cut, Cutter
from worker.readers.faults import Fault
from worker.readers.slices import sliced
from worker.readers.whole_rows import are_on_one_line, loaded

_LONGEST_LINE_BYTES = 1024 * 1024
"""Of a line held for orjson; a longer one is parsed as it comes."""


class LineCutter:
    """JSON objects, as a rule one a line. The values given hold binary fractions, the rows do not."""

    is_exact = False

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self._cutter: Cutter | None = None  # while it is ijson's turn
        self._held: list[bytes] = []
        self._held_bytes = 0

    def feed(self, text: bytes) -> Cut:
        """The rows that are complete with this text."""
        if self._cutter is not None:
            return self._parsed(text)
        before, newline, after = text.rpartition(b"\n")
        if not newline:
            self._hold(text)
            return self._parsed(self._taken()) if self._held_bytes > _LONGEST_LINE_BYTES else ([], [])
        block = self._taken() + before
        self._hold(after)
        cut = self._whole(block)
        if cut is None:
            # With its newline, so that a number at the end of the line is known to be one.
            cut = self._parsed(block + newline)
        if self._cutter is not None:
            more = self._parsed(self._taken())
            return cut[0] + more[0], cut[1] + more[1]
        return cut

    def finish(self) -> Cut:
        """The response ends here: the last line needs no newline."""
        block = self._taken()
        cut = self._whole(block) if self._cutter is None else None
        if cut is None:
            cut = self._parsed(block)
        if self._cutter is not None:
            self._cutter.finish()
            self.fault = self._cutter.fault
        return cut

    def _hold(self, text: bytes) -> None:
        self._held.append(text)
        self._held_bytes += len(text)

    def _taken(self) -> bytes:
        text = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        return text

    def _whole(self, block: bytes) -> Cut | None:
        """The rows of whole lines; None where a line is anything but one plain object."""
        rows = list(filter(None, map(bytes.strip, block.split(b"\n"))))
        if b"\r" in block and not are_on_one_line(rows):
            return None
        values = loaded(rows, block)
        return None if values is None else (rows, values)

    def _parsed(self, text: bytes) -> Cut:
        """The rows of this text by ijson, and of the texts that follow until no row is begun."""
        self._cutter = self._cutter or Cutter()
        cut: Cut = ([], [])
        for part in sliced(text):
            if self.fault is not None:
                self.fault.extend(part)
                continue
            rows, values = self._cutter.feed(part)
            cut[0].extend(rows)
            cut[1].extend(values)
            self.fault = self._cutter.fault
        if self.fault is None and self._cutter.is_between:
            self._cutter = None
        return cut
