"""Packs a batch without dead rows into one Redis transaction.

A script would convert each entry to a Lua string and back, which takes half as long as adding it. A transaction avoids
that, but its commands cannot stop one another. So the first command is a script that makes the check of `sink_commit`
and, if the batch is accepted, renames the stream. Entries are added to that name, and only if a stream has it. The
last command is a script that gives the stream its name back and moves the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from worker import keys
from worker.model import Batch, Rows
from worker.scripts import Script
from worker.sinks.redis_server import pack_command

BEGIN = Script("sink_begin_batch", "sink_prelude", "sink_batch")
END = Script("sink_end_batch")

# What can be ready before a batch comes: from the last digits of a row's number (all digits of a number below 1,000) to
# the length of the row, and that length, by the length of the row's line.
_FIELD = b"\r\n$3\r\nrow\r\n$"
_SHORT_NUMBERS = [b"%d%b" % (number, _FIELD) for number in range(1000)]
_LAST_DIGITS = [b"%03d%b" % (number, _FIELD) for number in range(1000)]
_LENGTHS = [b"%d\r\n" % (line - 2) for line in range(4096)]

_LARGE_ENTRY_ROWS = 100
"""To cut off entries as large as this one by one takes less time than to make an object of every row."""


def split_entries(rows: Rows, rows_per_entry: int) -> Iterator[tuple[int, int, bytes]]:
    """The packed entries of rows that are not dead: index of the first row, number of rows, and their text."""
    first = 0
    while rows and rows_per_entry >= _LARGE_ENTRY_ROWS:
        entry, rows = rows.cut(rows_per_entry)
        yield first, len(entry), entry.text
        first += len(entry)
    lines = BytesIO(rows.text).readlines()
    for first in range(0, len(lines), rows_per_entry):
        some = lines[first : first + rows_per_entry]
        yield first, len(some), b"".join(some)


class TransactionPacker:
    """Packs the batches of one job for one stream."""

    def __init__(self, stream: str, job: str, *, bound: int, rows_per_entry: int) -> None:
        adding = keys.stream_being_added_to(stream)
        self._keys = (keys.sink_record(stream, job), stream, adding)
        self._job = job
        self._bound = bound
        self._rows_per_entry = rows_per_entry
        self._add = ("XADD", adding, "NOMKSTREAM", "*", "job", job, "at")
        # An XADD without address and row. The pieces before, between and after them are joined for each row.
        self._start = pack_command(*self._add, "", "row", "").removesuffix(b"0\r\n" + _FIELD + b"0\r\n\r\n")

    def pack(self, generation: int, page: int, batch: Batch, field: str, *, with_scripts: bool) -> list[bytes]:
        """The commands between MULTI and EXEC, in pieces; the last one answers `kept` if the batch was added.

        `field` is the page's field in the sink record afterwards. `with_scripts` sends the scripts' texts as well, for
        a server that may not know them: inside a transaction a command cannot be retried.
        """
        before = batch.before
        command = Script.command_with_text if with_scripts else Script.command
        begin = command(BEGIN, self._keys, (generation, page, before.rows, before.digest, self._bound))
        entries = -(-len(batch.rows) // self._rows_per_entry)  # rounded up
        end = command(END, self._keys, (page, field, len(batch.rows), entries))
        pack = self._pack_rows if self._rows_per_entry == 1 else self._pack_entries
        return [pack_command(*begin), *pack(b"%d.%d." % (generation, page), batch), pack_command(*end)]

    def _pack_entries(self, page: bytes, batch: Batch) -> Iterator[bytes]:
        """An XADD for each packed entry. Its rows are not copied: they are a piece of their own."""
        line_end = b""
        for index, count, text in split_entries(batch.rows, self._rows_per_entry):
            at = b"%b%d" % (page, batch.before.rows + 1 + index)
            add = pack_command(*self._add, at, "count", count, "rows", "").removesuffix(b"0\r\n\r\n")
            yield b"%b%b%d\r\n" % (line_end, add, len(text))
            yield text
            line_end = b"\r\n"
        yield line_end

    def _pack_rows(self, page: bytes, batch: Batch) -> Iterator[bytes]:
        """An XADD for each row. To join pieces that are ready takes half as long as to format them."""
        # With the line ends of Redis's protocol. `readlines` takes a quarter of the time of `split`.
        rows = BytesIO(batch.rows.text.replace(b"\n", b"\r\n")).readlines()
        try:
            lengths = list(map(_LENGTHS.__getitem__, map(len, rows)))
        except IndexError:
            lengths = [b"%d\r\n" % (len(row) - 2) for row in rows]
        index, number = 0, batch.before.rows + 1
        while index < len(rows):
            # As many rows as have the same number but for the last three digits.
            thousands, last = divmod(number, 1000)
            digits = len(str(number))
            last_digits = _LAST_DIGITS[last:] if thousands else _SHORT_NUMBERS[last : 10**digits]
            count = min(len(last_digits), len(rows) - index)
            start = b"%b%d\r\n%b%b" % (self._start, len(page) + digits, page, str(thousands or "").encode())
            pieces = [start] * (4 * count)
            pieces[1::4] = last_digits[:count]
            pieces[2::4] = lengths[index : index + count]
            pieces[3::4] = rows[index : index + count]
            yield b"".join(pieces)
            index, number = index + count, number + count
