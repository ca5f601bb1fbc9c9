"""Packs a batch without dead rows, one entry per row, into one Redis transaction.

A script would convert each row to a Lua string and back, which takes half as long as adding it. A transaction avoids
that, but its commands cannot stop one another. So the first command is a script that makes the check of `sink_commit`
and, if the batch is accepted, renames the stream. The rows are added to that name, and only if a stream has it. The
last command is a script that gives the stream its name back and moves the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from worker import keys
from worker.model import Batch
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


class TransactionPacker:
    """Packs the batches of one job for one stream."""

    def __init__(self, stream: str, job: str, *, bound: int) -> None:
        adding = keys.stream_being_added_to(stream)
        self._keys = (keys.sink_record(stream, job), stream, adding)
        self._job = job
        self._bound = bound
        # An XADD without address and row. The pieces before, between and after them are joined for each row.
        add = pack_command("XADD", adding, "NOMKSTREAM", "*", "job", job, "at", "", "row", "")
        self._start = add.removesuffix(b"0\r\n" + _FIELD + b"0\r\n\r\n")

    def pack(self, generation: int, page: int, batch: Batch, field: str, *, with_scripts: bool) -> list[bytes]:
        """The commands between MULTI and EXEC, in pieces; the last one answers `kept` if the batch was added.

        `field` is the page's field in the sink record afterwards. `with_scripts` sends the scripts' texts as well, for
        a server that may not know them: inside a transaction a command cannot be retried.
        """
        before = batch.before
        command = Script.command_with_text if with_scripts else Script.command
        begin = command(BEGIN, self._keys, (generation, page, before.rows, before.digest, self._bound))
        last = f"{generation}.{page}.{batch.after.rows}"
        end = command(END, self._keys, (page, field, len(batch.rows), self._job, last))
        rows = self._pack_rows(b"%d.%d." % (generation, page), batch)
        return [pack_command(*begin), *rows, pack_command(*end)]

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
