"""Cuts rows with msgspec, many at a time, if they are whole in the bytes at hand; leaves the rest to ijson's cutter.

Which of the two parsers reads a row depends on where the network cuts the bytes, so the result must not depend on it.
Therefore msgspec's rows count only if ijson would accept them too, with the same bytes. Text that msgspec refuses goes
to ijson, which finds the rows before the fault, and the fault.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from operator import itemgetter
from typing import Protocol

import msgspec

from worker.model import Rows
from worker.readers.columns import Columns
from worker.readers.cutter import Cutter, ListCutter, put_on_one_line
from worker.readers.faults import Fault
from worker.readers.limits import BLANK, count_open_brackets, has_long_number, is_utf8, may_be_deep
from worker.readers.messages import Messages
from worker.readers.slices import slice_text

_LONGEST_HELD_BYTES = 256 * 1024
"""The most text that is held back until a row in it is whole; a longer row goes to ijson as it arrives."""

_LONG_BYTES = 16 * 1024
"""If no row ends in a text longer than this, rows are looked for again when there is twice as much."""

_SHORT_LIST_BYTES = 4 * 1024
_MOST_ENDS_TRIED = 8
"""How many closing brackets may be tried as the end of a short list: rows may hold lists."""

_BLANKS = rb"[ \t\r\n]*"
_OBJECT_START = re.compile(rb'[ \t\r\n,]*(\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:)')

# The first byte of a line, and the last one before its newline. Comparing sets of these numbers takes half the time of
# `startswith` and `endswith` on each line.
_FIRST, _LAST = itemgetter(0), itemgetter(-2)

# Decoding to Raw proves that a value is JSON and gives its bytes. It does not check strings for UTF-8: `is_utf8` does.
_LINES = msgspec.json.Decoder(msgspec.Raw)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


class Layout(Protocol):
    """How rows are laid out in a text: one per line, or as the members of a list."""

    has_rows: bool
    """Have rows come before this text?"""

    def find_end(self, text: bytes) -> int:
        """The offset at which the last whole row ends, 0 if none does: a guess, for `decode` to check."""
        ...

    def decode(self, block: bytes) -> Rows | None:
        """The rows of a text that ends where a row ends; None if ijson has to decide.

        Raises msgspec.DecodeError or RecursionError if msgspec refuses the text.
        """
        ...

    def decode_end(self, text: bytes) -> tuple[Rows, bytes] | None:
        """The last rows, if they end within this text, and the text after them; None if ijson has to decide."""
        ...

    def choose_rows(self, objects: Rows) -> Rows:
        """Those of the objects that are rows."""
        ...

    def make_cutter(self) -> Cutter:
        """A cutter in the state between two rows."""
        ...


class Lines:
    """Objects, as a rule one per line; `messages` tells which of them are rows."""

    def __init__(self, messages: Messages) -> None:
        self.has_rows = False
        self._messages = messages

    def find_end(self, text: bytes) -> int:
        return text.rfind(b"\n") + 1

    def decode(self, block: bytes) -> Rows | None:
        alike, rest = self._messages.prove_alike(block)
        if not rest:
            return self._messages.take(alike)
        # BytesIO finds newlines with `memchr`, four times as fast as `split` or `count`.
        lines = BytesIO(rest).readlines()
        # To count the rows is to decode the text, which proves it to be JSON.
        are_rows = _are_bracketed(rest, lines, b"{}") and self._messages.count_rows(rest) == len(lines)
        if are_rows:
            objects = None if may_be_deep(rest, lines) else Rows(rest, len(lines))
        else:
            objects = _join_sound(_LINES.decode_lines(rest), b"{}")
        if objects is None:
            return None
        return Rows.join([self._messages.take(alike), self._messages.choose(objects, are_rows=are_rows)])

    def decode_end(self, text: bytes) -> tuple[Rows, bytes] | None:
        return None

    def choose_rows(self, objects: Rows) -> Rows:
        return self._messages.choose(objects)

    def make_cutter(self) -> Cutter:
        return Cutter()


class Members:
    """Rows that are the members of a list whose opening bracket was just read: objects, or lists if `of_lists`."""

    def __init__(self, *, skip_empty: bool, of_lists: bool, columns: Columns | None, has_rows: bool = False) -> None:
        """`columns` are the declared columns, to whose types rows are converted."""
        self.has_rows = has_rows
        self._columns = columns
        self._opens, self._closes = (b"[", b"]") if of_lists else (b"{", b"}")
        self._skip_empty = skip_empty
        self._of_lists = of_lists
        # The usual start of a row (its brace and first key), and the text between two rows (a closing bracket, a comma
        # with its blanks, the start of a row). Both are learned from the first rows.
        self._start = self._opens if of_lists else b""
        self._between = b""
        self._has_false_ends = False  # has text inside a row looked like the end of a row?

    def find_end(self, text: bytes) -> int:
        # Objects nested in a row are separated by brace and comma as well, but they seldom have the same first key.
        if not self._between:
            if not self._start and (start := _OBJECT_START.match(text)):
                self._start = start.group(1)
            between = re.escape(self._closes) + _BLANKS + b"," + _BLANKS + re.escape(self._start)
            if self._start and (found := re.search(between, text)):
                self._between = found.group()
        end = text.rfind(self._between) + 1 if self._between else 0
        if not self._has_false_ends:
            return end
        # Go back to the last such place at which all brackets are closed: only that one is not inside a row.
        open_brackets = count_open_brackets(text[:end])
        while end and open_brackets:
            before = text.rfind(self._between, 0, end) + 1
            open_brackets -= count_open_brackets(text[before:end])
            end = before
        return end

    def decode(self, block: bytes) -> Rows | None:
        # The first member is given a comma too: then all are like those of a list that begins with another one.
        alike, rest = Rows(), block if self.has_rows else b"," + block
        if self._columns:
            alike, rest = self._columns.convert_members(rest)
            if not rest:
                self.has_rows = True
                return alike
        try:
            members = _LIST.decode(b"[0" + rest + b"]")[1:]
        except msgspec.DecodeError:
            self._has_false_ends = True
            raise
        objects = _join_sound(members, self._opens + self._closes)
        if objects is None:
            return None
        self.has_rows = self.has_rows or bool(alike) or bool(objects)
        return Rows.join([alike, self.choose_rows(objects)])

    def decode_end(self, text: bytes) -> tuple[Rows, bytes] | None:
        # A page may have thousands of short lists. To cut each out of the whole text takes a hundred times as long.
        # And to make a parser of ijson for the last row of a page takes as long as 50 rows.
        before = [b"0"] if self.has_rows else []
        end = -1
        for _ in range(_MOST_ENDS_TRIED):
            end = text.find(b"]", end + 1, _SHORT_LIST_BYTES)
            if end < 0 or has_long_number(text[:end]):
                return None
            try:
                members = _LIST.decode(b"".join([b"[", *before, text[: end + 1]]))[len(before) :]
            except (msgspec.DecodeError, RecursionError):
                continue  # this bracket is inside a row
            objects = _join_sound(members, self._opens + self._closes)
            return None if objects is None else (self.choose_rows(objects), text[end + 1 :])
        return None

    def choose_rows(self, objects: Rows) -> Rows:
        # `{}` and `[]` have nothing within their brackets.
        rows = Rows.of(row for row in objects if row[1:-1].strip(BLANK)) if self._skip_empty else objects
        return self._columns.convert_list(rows) if self._columns else rows

    def make_cutter(self) -> Cutter:
        return ListCutter(skip_empty=self._skip_empty, has_rows=self.has_rows, of_lists=self._of_lists)


def _are_bracketed(text: bytes, lines: list[bytes], brackets: bytes) -> bool:
    """Does every line begin and end with these brackets? Then each line has one value if there are as many as lines.

    No value can continue on the next line: a JSON string contains no raw newline, and inside a value there is a comma
    between a closing and an opening bracket.
    """
    return (
        text.endswith(b"\n")
        and b"\r" not in text
        and set(map(_FIRST, lines)) == {brackets[0]}  # so none is empty, and `_LAST` finds a byte
        and set(map(_LAST, lines)) == {brackets[1]}
    )


def _join_sound(values: Sequence[msgspec.Raw], brackets: bytes) -> Rows | None:
    """JSON values as rows, one per line; None if one has other brackets, is not UTF-8 or may be nested too deep."""
    text = b"\n".join([*values, b""])
    lines = BytesIO(text).readlines()
    if values and not _are_bracketed(text, lines, brackets):
        objects = list(map(bytes, values))
        if not set(map(_FIRST, objects)) <= {brackets[0]}:
            return None
        text = b"\n".join([*put_on_one_line(objects), b""])
        lines = BytesIO(text).readlines()
    return Rows(text, len(values)) if is_utf8(text) and not may_be_deep(text, lines) else None


class FastCutter:
    """Gives the same rows, the same `fault` and the same text `after` the rows as the layout's cutter, but faster."""

    def __init__(self, layout: Layout) -> None:
        self.fault: Fault | None = None
        self.after: bytes | None = None
        self._layout = layout
        self._held = b""
        self._look_at = 0  # how much text there has to be before a row is looked for in it
        self._cutter: Cutter | None = None  # set while it has a long row that is incomplete, and after the last row

    def feed(self, text: bytes) -> Rows:
        """The rows that this text completes, up to the first fault."""
        text, self._held = self._held + text, b""
        rows = Rows()
        if self._cutter is None and (len(text) >= self._look_at or len(text) > _LONGEST_HELD_BYTES):
            end = self._layout.find_end(text)
            rows = self._cut_whole(text[:end]) if end else rows
            text = text[end:]
            if end and self._cutter is None:
                self._look_at = 0
            else:
                text = self._take_incomplete() + text
                # To look through a long text again with every small chunk takes time with the square of its length.
                self._look_at = 2 * len(text) if len(text) > _LONG_BYTES else 0
        if self._cutter is not None or len(text) > _LONGEST_HELD_BYTES:
            others = self._cut_by_ijson(text)
            rows = Rows.join([rows, others])
            text = self._take_incomplete() if others else b""
            self._look_at = 0
        self._held = text
        return rows

    def finish(self) -> Rows:
        """Handle the end of the response; returns the last rows. An incomplete row or list is a fault."""
        text, self._held = self._held, b""
        if text and (end := self._layout.decode_end(text)):
            rows, self.after = end
            return rows
        rows = self._cut_whole(text) if text else Rows()
        if self.after is None and self.fault is None:
            cutter = self._cutter or self._layout.make_cutter()
            cutter.finish()
            self.after, self.fault = cutter.after, cutter.fault
        return rows

    def _take_incomplete(self) -> bytes:
        """Take an incomplete row back from the cutter, to cut it together with the text that follows.

        A cutter that has seen the end of the rows or a fault stays.
        """
        cutter = self._cutter
        if cutter is None or self.after is not None or self.fault is not None:
            return b""
        self._cutter = None
        return cutter.incomplete

    def _cut_whole(self, block: bytes) -> Rows:
        """The rows of a text that ends where a row ends: cut by msgspec if possible, else by ijson."""
        rows = self._cut_by_msgspec(block)
        return self._cut_by_ijson(block) if rows is None else rows

    def _cut_by_msgspec(self, block: bytes) -> Rows | None:
        """The rows of the text; None if msgspec refuses it or must not be given it."""
        if has_long_number(block):
            return None
        try:
            return self._layout.decode(block)
        except (msgspec.DecodeError, RecursionError):
            return None

    def _cut_by_ijson(self, text: bytes) -> Rows:
        """The rows of the text. Later text goes to the same cutter, unless `_take_incomplete` takes its row back."""
        cutter = self._cutter = self._cutter or self._layout.make_cutter()
        objects: list[bytes] = []
        for part in slice_text(text):
            if self.after is not None:
                self.after += part
            elif self.fault is not None:
                self.fault.extend(part)
            else:
                objects += cutter.feed(part)
                self.after, self.fault = cutter.after, cutter.fault
        self._layout.has_rows = cutter.has_rows
        return self._layout.choose_rows(Rows.of(objects))
