"""The sink for a Redis stream, with the sink record beside it. Each method is one atomic script, or a transaction.

docs/sinks.md describes the entries and keys, and why each row is in the stream exactly once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import groupby
from typing import Any

from worker import keys
from worker.errors import FailJob, RecordClosed, SinkFull, StartOver
from worker.model import Batch, Checkpoint, DeadRow, Json, OpenPages, Rows, Totals, VoidReason
from worker.scripts import Argument, Script
from worker.sinks.redis_server import RedisServer
from worker.sinks.redis_transaction import TransactionPacker, split_entries
from worker.sinks.sink import BatchSize, BeginCommit, tally

OPEN, CLOSE, FINISH, VOID = (Script(f"sink_{verb}", "sink_prelude") for verb in ("open", "close", "finish", "void"))
COMMIT = Script("sink_commit", "sink_prelude", "sink_batch")
KEEP_SECONDS = 30 * 86_400
"""How long a record is kept after its end: longer than any delayed writer can still be alive."""

PAGES_AT_ONCE = 1_000

BATCH = BatchSize(500, 512 * 1024)
"""For one entry per row. A commit costs the server as much as 30 entries; but of more than 500, the first are no
longer in its core's cache when it executes them."""
PACKED_BATCH = BatchSize(1_000, 512 * 1024)
OLD_BATCH = BatchSize(100, 256 * 1024)
"""For a server before Redis 7."""
MOST_TRANSACTIONS_IN_VAIN = 3
"""After this many transactions in a row that failed although the script then succeeded, only scripts are used: a proxy
may not support transactions, or the user may lack a right. Two may fail if the server was restarted: one for its
connection, and the next, packed before that was known, because the server no longer knows the scripts."""


class RedisStreamSink:
    """One job's rows in one stream. Used by one thread at a time."""

    is_local = False

    def __init__(
        self,
        server: RedisServer,
        stream: str,
        job: str,
        *,
        bound: int,
        rows_per_entry: int = 1,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        """`bound` limits the entries that are not yet trimmed (0: no limit); `rows_per_entry` above 1 packs rows."""
        self._server = server
        self._job = job
        self._bound = bound
        self._rows_per_entry = rows_per_entry
        self._keep_milliseconds = int(keep_seconds * 1000)
        self._record = keys.sink_record(stream, job)
        self._keys = (self._record, stream, keys.dead_rows(stream))
        self._packer = TransactionPacker(stream, job, bound=bound, rows_per_entry=rows_per_entry)
        self._transactions_in_vain = 0
        self._knows_scripts = False

    @cached_property
    def batch_size(self) -> BatchSize:
        if self._rows_per_entry > 1:
            return replace(PACKED_BATCH, rows=PACKED_BATCH.rows // self._rows_per_entry * self._rows_per_entry)
        # Before Redis 7, Lua hashes only 32 bytes of a string, so rows that look alike collide and cost eight times as
        # much. A packed entry is one string.
        return BATCH if self._server.major_version() >= 7 else OLD_BATCH

    def open(self, generation: int) -> None:
        answer = self._run(OPEN, generation)
        if answer[0] == b"evicts":
            reason = f"its maxmemory-policy is {answer[1].decode()}, so it may drop rows"
            raise FailJob(f"the sink {self._server.display_name}: {reason}; CONFIG SET maxmemory-policy noeviction")

    def checkpoint(self, generation: int, page: int) -> Checkpoint:
        return self._read(generation, [page])[0]

    def remove_abandoned(self, generation: int, page: int) -> None:
        """A stream has no unfinished files."""

    def commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        return self.prepare_commit(generation, page, batch)()()

    def prepare_commit(self, generation: int, page: int, batch: Batch) -> BeginCommit:
        if batch.rows.dead or self._transactions_in_vain >= MOST_TRANSACTIONS_IN_VAIN:
            return lambda: partial(self._commit_by_script, generation, page, batch)
        field = pack_checkpoint(batch.after)
        commands = self._packer.pack(generation, page, batch, field, with_scripts=not self._knows_scripts)
        execute = self._server.transactions.queue(commands, b"kept")

        def begin() -> Callable[[], Checkpoint]:
            is_kept = execute()

            def finish() -> Checkpoint:
                if is_kept():
                    self._transactions_in_vain, self._knows_scripts = 0, True
                    return batch.after
                # The script finds out the reason, or adds the rows that the transaction could not.
                self._knows_scripts = False
                at = self._commit_by_script(generation, page, batch)
                self._transactions_in_vain += at == batch.after
                return at

            return finish

        return begin

    def _commit_by_script(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        """Commit by one script, which works for all rows and all servers."""
        runs, dead = self._separate_dead(batch.rows) if batch.rows.dead else (self._pack_entries(0, batch.rows), [])
        arguments = (
            generation, page, batch.before.rows, batch.before.digest, pack_checkpoint(batch.after), len(batch.rows),
            self._job, self._bound, self._rows_per_entry, len(batch.rows.dead), *runs, *dead,
        )  # fmt: skip
        match self._run(COMMIT, *arguments):
            case [b"full", b"stream", there, allowed]:
                raise SinkFull(f"stream full: {there} entries; consumers must trim it below {allowed}")
            case [b"full", _, used, allowed]:
                raise SinkFull(f"Redis is full: {used} of {allowed} bytes used; no rows are added above 80 %")
            case [b"refused", field]:
                return unpack_checkpoint(field)
        return batch.after

    def close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        return unpack_checkpoint(self._run(CLOSE, generation, page, at.rows, at.digest)[1])

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        held: list[Checkpoint] = []
        for first in range(1, pages + 1, PAGES_AT_ONCE):
            held += self._read(generation, range(first, min(first + PAGES_AT_ONCE, pages + 1)))
        return tally(held)

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        text = json.dumps(receipt, ensure_ascii=False, separators=(",", ":"))
        answer = self._run(FINISH, generation, pages, text, self._job, self._keep_milliseconds)
        if answer[0] == b"open":
            return OpenPages(tuple(answer[1]))
        if answer[0] == b"more":
            raise StartOver(f"{answer[1]} rows are published after page {pages}, the report's last")
        written: Json = json.loads(answer[1])
        return written

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> None:
        following = "" if next_generation is None else next_generation
        self._run(VOID, generation, reason, following, self._job, self._keep_milliseconds)

    def release(self) -> None:
        self._server.close()

    def _run(self, script: Script, *arguments: Argument) -> Any:
        return _require_open(self._server.run(script, self._keys, arguments))

    def _read(self, generation: int, pages: Sequence[int]) -> list[Checkpoint]:
        """The checkpoints of pages of this generation, all read at one moment."""
        state, current, *fields = self._server.read(self._record, ["state", "generation", *pages])
        if state != b"open":
            raise RecordClosed(state.decode() if state else "missing")  # type: ignore[arg-type]
        if current != b"%d" % generation:
            raise RecordClosed("superseded")
        return [unpack_checkpoint(field) for field in fields]

    def _pack_entries(self, index: int, rows: Rows) -> Iterator[Argument]:
        """Arguments of the script for rows that are not dead: index of the first row, number of rows, and their text.

        With one row per entry, all rows go as one text, which the script splits; else each entry has its own text.
        """
        if self._rows_per_entry == 1:
            yield from (index, len(rows), rows.text)
            return
        for first, count, text in split_entries(rows, self._rows_per_entry):
            yield from (index + first, count, text)

    def _separate_dead(self, rows: Rows) -> tuple[list[Argument], list[Argument]]:
        """The same arguments for each run of rows between dead ones; and index, reason and row of each dead row.

        Dead rows count in the row numbers, so each run needs the index of its first row.
        """
        runs: list[Argument] = []
        dead: list[Argument] = []
        index = 0
        for is_dead, group in groupby(rows, key=lambda row: isinstance(row, DeadRow)):
            alike = list(group)
            if is_dead:
                for number, row in enumerate(alike, index):
                    dead += (number, row.reason.encode(), bytes(row))  # type: ignore[attr-defined]
            else:
                runs += self._pack_entries(index, Rows.of(alike))
            index += len(alike)
        return runs, dead


def pack_checkpoint(page: Checkpoint) -> str:
    """A page's field in the sink record, in the format described in worker/lua/sink_prelude.lua."""
    return f"{page.rows} {page.digest} {int(page.is_closed)} {page.dead_rows} {page.bytes}"


def unpack_checkpoint(field: bytes | None) -> Checkpoint:
    """The checkpoint in a page's field; the zero checkpoint if there is no field."""
    if field is None:
        return Checkpoint()
    # The field of a page that an earlier version began has a sixth word, which no longer means anything.
    rows, digest, is_closed, dead_rows, bytes_ = field.decode().split(" ")[:5]
    return Checkpoint(int(rows), digest, int(dead_rows), int(bytes_), is_closed == "1")


def _require_open(answer: Any) -> Any:
    """A script's answer. Raises RecordClosed if it says that the record is not open in this generation."""
    if answer[0] == b"over":
        raise RecordClosed(answer[1].decode())
    return answer
