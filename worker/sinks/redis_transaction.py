"""Packs a batch without dead rows, one entry per row, into one Redis transaction.

A script would convert each row to a Lua string and back, which takes half as long as adding it. A transaction avoids
that, but its commands cannot stop one another. So the first command is a script that makes the check of `sink_commit`
and, if the batch is accepted, renames the stream. The rows are added to that name, and only if a stream has it. The
last command is a script that gives the stream its name back and moves the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from itertools import chain

from worker import keys
from worker.model import Batch
from worker.scripts import Script
from worker.sinks.redis_server import pack_command

BEGIN = Script("sink_begin_batch", "sink_prelude", "sink_batch")
END = Script("sink_end_batch")


class TransactionPacker:
    """Packs the batches of one job for one stream."""

    def __init__(self, stream: str, job: str, *, bound: int) -> None:
        adding = keys.stream_being_added_to(stream)
        self._keys = (keys.sink_record(stream, job), stream, adding)
        self._job = job
        self._bound = bound
        add = pack_command("XADD", adding, "NOMKSTREAM", "*", "job", job, "at", "", "row", "")
        # Only address and row differ from entry to entry: they take the place of the two empty arguments.
        start, middle, _ = b"".join(add).replace(b"%", b"%%").rsplit(b"$0\r\n\r\n", 2)
        self._start, self._row = start, middle + b"$%d\r\n%b"

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
        return [*pack_command(*begin), *rows, *pack_command(*end)]

    def _pack_rows(self, page: bytes, batch: Batch) -> Iterator[bytes]:
        """An XADD for each row; rows whose numbers have the same number of digits are formatted together."""
        # With the line ends of Redis's protocol. `readlines` takes a quarter of the time of `split`.
        rows = BytesIO(batch.rows.text.replace(b"\n", b"\r\n")).readlines()
        first = batch.before.rows + 1
        while rows:
            digits = len(str(first))
            numbers = range(first, min(first + len(rows), 10**digits))
            alike, rows = rows[: len(numbers)], rows[len(numbers) :]
            one = self._start + b"$%d\r\n%b%%d\r\n" % (len(page) + digits, page) + self._row
            lengths = [len(row) - 2 for row in alike]
            yield one * len(alike) % tuple(chain.from_iterable(zip(numbers, lengths, alike, strict=True)))
            first = numbers.stop
