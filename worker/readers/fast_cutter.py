"""Cuts rows by msgspec, many at a time, where they stand whole in the bytes at hand; the rest goes to ijson's cutter.

Where the network cuts the bytes decides which of the two reads a row, so it must not show: what msgspec takes is what
ijson would take, in the same bytes, and what it refuses is asked of ijson, rows before a fault and the fault itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from operator import itemgetter
from typing import Protocol

import msgspec

from worker.model import Rows
from worker.readers.cutter import Cutter, ListCutter, on_one_line, without_empty
from worker.readers.faults import Fault
from worker.readers.limits import count_open_brackets, has_long_number, is_utf8, may_be_deep
from worker.readers.messages import Messages
from worker.readers.slices import sliced

_LONGEST_HELD_BYTES = 256 * 1024
"""Of rows held until they are whole; a longer one is parsed as it comes."""

_BLANKS = rb"[ \t\r\n]*"
_OBJECT_START = re.compile(_BLANKS + rb'(\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:)')

# Bytes as numbers, compared all at once: half of what `startswith` and `endswith` cost. The last one is the newline.
_FIRST, _LAST = itemgetter(0), itemgetter(-2)

# Raw proves a value to be JSON and gives its bytes; only what UTF-8 stands within text is not looked at.
_LINES = msgspec.json.Decoder(msgspec.Raw)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class Layout(Protocol):
    """How rows stand in a text."""

    has_rows: bool
    """Were there rows before?"""

    def end(self, text: bytes, begun: Cutter | None) -> int:
        """Where the last whole row ends, as far as can be told at a glance; 0 where none does.

        `begun` is the cutter in whose turn a row began before the text.
        """
        ...

    def decode(self, block: bytes) -> Rows | None:
        """The rows of a text that ends where a row ends; None where only ijson can tell.

        Raises msgspec.DecodeError, RecursionError where msgspec refuses the text.
        """
        ...

    def choose(self, objects: Rows) -> Rows:
        """Those of the objects that are rows."""
        ...

    def cutter(self) -> Cutter:
        """A cutter that stands between two rows."""
        ...


class Lines:
    """Objects that each end a line, as a rule; `messages` tells the rows among them."""

    def __init__(self, messages: Messages) -> None:
        self.has_rows = False
        self._messages = messages

    def end(self, text: bytes, begun: Cutter | None) -> int:
        return text.rfind(b"\n") + 1

    def decode(self, block: bytes) -> Rows | None:
        # A file finds the ends of lines by `memchr`, four times as fast as `split` or `count`.
        lines = BytesIO(block).readlines()
        if _fill_lines(block, lines, b"{}") and self._messages.count_rows(block) == len(lines):
            return None if may_be_deep(block, lines) else self._messages.take(Rows(block, len(lines)))
        objects = _proven(_LINES.decode_lines(block), b"{}")
        return None if objects is None else self._messages.choose(objects)

    def choose(self, objects: Rows) -> Rows:
        return self._messages.choose(objects)

    def cutter(self) -> Cutter:
        return Cutter()


class Members:
    """Rows that are the members of a list whose opening bracket was just read: objects, or `of_lists`."""

    def __init__(self, *, skip_empty: bool = False, of_lists: bool = False) -> None:
        self.has_rows = False
        self._opens, self._closes = (b"[", b"]") if of_lists else (b"{", b"}")
        self._skip_empty = skip_empty
        self._of_lists = of_lists
        self._start = self._opens if of_lists else b""  # of each row, as a rule: its brace and its first key
        self._between = b""  # two rows: a bracket, a comma with its blanks, and that start
        self._was_within_row = False  # what looked like the end of a row

    def end(self, text: bytes, begun: Cutter | None) -> int:
        # Lists of objects within a row have braces and commas between them as well, but seldom the same first key.
        if not self._between:
            if not self._start and (start := _OBJECT_START.match(text)):
                self._start = start.group(1)
            between = re.escape(self._closes) + _BLANKS + b"," + _BLANKS + re.escape(self._start)
            if self._start and (found := re.search(between, text)):
                self._between = found.group()
        end = text.rfind(self._between) + 1 if self._between else 0
        if not self._was_within_row:
            return end
        # The last such place where as many brackets are closed as were opened.
        open_brackets = count_open_brackets(text[:end]) + (begun.open_brackets if begun is not None else 0)
        while end and open_brackets:
            before = text.rfind(self._between, 0, end - 1) + 1
            open_brackets -= count_open_brackets(text[before:end])
            end = before
        return end

    def decode(self, block: bytes) -> Rows | None:
        # Before a block that begins with a comma there has to be another member.
        whole = b"[0" + block + b"]" if self.has_rows else b"[" + block + b"]"
        try:
            members = _LIST.decode(whole)
        except msgspec.DecodeError:
            self._was_within_row = True
            raise
        objects = _proven(members[self.has_rows :], self._opens + self._closes)
        if objects is None:
            return None
        self.has_rows = self.has_rows or bool(objects)
        return self.choose(objects)

    def choose(self, objects: Rows) -> Rows:
        return Rows.of(without_empty([*objects])) if self._skip_empty else objects

    def cutter(self) -> Cutter:
        return ListCutter(skip_empty=self._skip_empty, has_rows=self.has_rows, of_lists=self._of_lists)


def _fill_lines(text: bytes, lines: list[bytes], brackets: bytes) -> bool:
    """Is each line of the text one of so many values, proven to be JSON, from its first byte to its last?

    No text of JSON holds a newline as it is. So where a line ends between two brackets, one value ends and another
    begins, and where all lines do and are as many as the values, each is one.
    """
    return (
        text.endswith(b"\n")
        and b"\r" not in text
        and min(map(len, lines)) > 1
        and set(map(_FIRST, lines)) == {brackets[0]}
        and set(map(_LAST, lines)) == {brackets[1]}
    )


def _proven(values: Sequence[msgspec.Raw], brackets: bytes) -> Rows | None:
    """JSON values as rows on a line each; None where one is no object or list, as rows are here, or unsound."""
    text = b"\n".join([*values, b""])
    lines = BytesIO(text).readlines()
    if values and not (len(lines) == len(values) and _fill_lines(text, lines, brackets)):
        objects = list(map(bytes, values))
        if not set(map(_FIRST, objects)) <= {brackets[0]}:
            return None
        text = b"\n".join([*on_one_line(objects), b""])
        lines = BytesIO(text).readlines()
    return Rows(text, len(values)) if is_utf8(text) and not may_be_deep(text, lines) else None


class FastCutter:
    """The rows, the fault and the text `after` that the layout's cutter would give, only sooner."""

    def __init__(self, layout: Layout) -> None:
        self.fault: Fault | None = None
        self.after: bytes | None = None
        self._layout = layout
        self._held = b""
        self._cutter: Cutter | None = None  # while it is ijson's turn

    def feed(self, text: bytes) -> Rows:
        """The rows that are complete with this text, those before a fault included."""
        text, self._held = self._held + text, b""
        end = self._layout.end(text, self._cutter)
        rows = self._whole(text[:end]) if end else Rows()
        rest = text[end:]
        if self._cutter is None and self.after is None and self.fault is None and len(rest) <= _LONGEST_HELD_BYTES:
            self._held = rest
            return rows
        return Rows.joined([rows, self._parsed(rest)])

    def finish(self) -> Rows:
        """The response ends here: a row begun is a fault, and so is a list not closed."""
        text, self._held = self._held, b""
        rows = self._whole(text) if text else Rows()
        if self.after is None and self.fault is None:
            cutter = self._cutter or self._layout.cutter()
            cutter.finish()
            self.after, self.fault = cutter.after, cutter.fault
        return rows

    def _whole(self, block: bytes) -> Rows:
        """The rows of a text that ends where a row ends."""
        rows = self._decoded(block) if self._cutter is None else None
        return self._parsed(block) if rows is None else rows

    def _decoded(self, block: bytes) -> Rows | None:
        """The rows by msgspec; None where it refuses them, or must not be given them."""
        if has_long_number(block):
            return None
        try:
            return self._layout.decode(block)
        except (msgspec.DecodeError, RecursionError):
            return None

    def _parsed(self, text: bytes) -> Rows:
        """The rows by ijson, whose turn it is until no row is begun."""
        cutter = self._cutter = self._cutter or self._layout.cutter()
        objects: list[bytes] = []
        for part in sliced(text):
            if self.after is not None:
                self.after += part
            elif self.fault is not None:
                self.fault.extend(part)
            else:
                objects += cutter.feed(part)
                self.after, self.fault = cutter.after, cutter.fault
        if isinstance(cutter, ListCutter):
            self._layout.has_rows = cutter.has_rows
        if self.fault is None and cutter.is_between:
            self._cutter = None
        return self._layout.choose(Rows.of(objects))
