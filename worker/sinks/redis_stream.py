"""Rows in a Redis stream, beside them the sink record; each verb is one atomic script.

How entries and keys look, and why each row stands in the stream once: docs/sinks.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from worker import keys
from worker.errors import StartOver
from worker.model import (
    Batch,
    Checkpoint,
    DeadRow,
    Ended,
    Finished,
    Full,
    Json,
    Kept,
    OpenPages,
    Refused,
    Totals,
    VoidReason,
)
from worker.scripts import Argument, Script
from worker.sinks.redis_place import NoRoom, RedisPlace
from worker.sinks.redis_record import packed, unpacked
from worker.sinks.totals import totals

OPEN, COMMIT, CLOSE, FINISH, VOID = (
    Script(f"sink_{verb}", prelude="sink_prelude") for verb in ("open", "commit", "close", "finish", "void")
)
KEEP_SECONDS = 30 * 86_400
"""How long a record outlives its end: longer than any writer that may still be on its way."""

PAGES_AT_ONCE = 1_000


class RedisStreamSink:
    """One job's rows in one stream. Used by one thread at a time."""

    def __init__(
        self, place: RedisPlace, stream: str, job: str, *, bound: int, keep_seconds: float = KEEP_SECONDS
    ) -> None:
        """`bound` is on the stream's entries not yet trimmed; 0: none."""
        self._place = place
        self._job = job
        self._bound = bound
        self._keep_milliseconds = int(keep_seconds * 1000)
        self._record = keys.sink_record(stream, job)
        self._keys = (self._record, stream, keys.dead_rows(stream))

    def open(self, generation: int) -> Kept | Ended:
        return _kept_or_ended(self._run(OPEN, generation))

    def checkpoint(self, generation: int, page: int) -> Checkpoint | Ended:
        held = self._read(generation, [page])
        return held if isinstance(held, Ended) else held[0]

    def commit(self, generation: int, page: int, before: Checkpoint, batch: Batch) -> Kept | Refused | Full | Ended:
        rows, dead = _rows_and_dead(before, batch)
        moves = (generation, page, before.rows, before.digest, packed(batch.after))
        try:
            answer = self._run(COMMIT, *moves, self._job, self._bound, len(dead) // 2, *rows, *dead)
        except NoRoom as no_room:
            return Full(no_room.reason)
        if answer[0] == b"kept":
            return Kept(batch.after)
        return _full(answer) if answer[0] == b"full" else _refused_or_ended(answer)

    def close(self, generation: int, page: int, at: Checkpoint) -> Kept | Refused | Ended:
        answer = self._run(CLOSE, generation, page, at.rows, at.digest)
        return Kept(unpacked(answer[1])) if answer[0] == b"kept" else _refused_or_ended(answer)

    def tally(self, generation: int, pages: int) -> Totals | OpenPages | Ended:
        held: list[Checkpoint] = []
        for first in range(1, pages + 1, PAGES_AT_ONCE):
            slice_ = self._read(generation, range(first, min(first + PAGES_AT_ONCE, pages + 1)))
            if isinstance(slice_, Ended):
                return slice_
            held += slice_
        unclosed = tuple(number for number, page in enumerate(held, 1) if not page.is_closed)
        return OpenPages(unclosed) if unclosed else totals(held)

    def finish(self, generation: int, pages: int, receipt: Json) -> Finished | OpenPages | Ended:
        text = json.dumps(receipt, ensure_ascii=False, separators=(",", ":"))
        answer = self._run(FINISH, generation, pages, text, self._job, self._keep_milliseconds)
        if answer[0] == b"finished":
            return Finished(json.loads(answer[1]))
        if answer[0] == b"open":
            return OpenPages(tuple(answer[1]))
        if answer[0] == b"more":
            raise StartOver(f"{answer[1]} rows are published beyond page {pages}, the report's last")
        return _ended(answer)

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> Kept | Ended:
        following = "" if next_generation is None else next_generation
        answer = self._run(VOID, generation, reason, following, self._job, self._keep_milliseconds)
        return _kept_or_ended(answer)

    def release(self) -> None:
        self._place.close()

    def _run(self, script: Script, *arguments: Argument) -> Any:
        return self._place.run(script, self._keys, arguments)

    def _read(self, generation: int, pages: Sequence[int]) -> list[Checkpoint] | Ended:
        """Pages as they stand at one moment in this generation."""
        state, current, *fields = self._place.read(self._record, ["state", "generation", *pages])
        if state is None:
            return Ended("missing")
        if state != b"open":
            return _ended((b"over", state))
        return Ended("superseded") if current != b"%d" % generation else [unpacked(field) for field in fields]


def _rows_and_dead(before: Checkpoint, batch: Batch) -> tuple[Sequence[bytes], list[bytes | int]]:
    """The rows as they came, and after them the place and reason of each dead one."""
    if batch.after.rows != before.rows + len(batch.rows):
        raise ValueError(f"{len(batch.rows)} rows do not lead from row {before.rows} to {batch.after.rows}")
    if batch.after.dead_rows == before.dead_rows:
        return cast("tuple[bytes, ...]", batch.rows), []
    dead: list[bytes | int] = []
    for place, row in enumerate(batch.rows, 1):
        if isinstance(row, DeadRow):
            dead += (place, row.reason.encode())
    return [row.raw if isinstance(row, DeadRow) else row for row in batch.rows], dead


def _kept_or_ended(answer: Any) -> Kept | Ended:
    return Kept(Checkpoint()) if answer[0] == b"kept" else _ended(answer)


def _refused_or_ended(answer: Any) -> Refused | Ended:
    return Refused(unpacked(answer[1])) if answer[0] == b"refused" else _ended(answer)


def _ended(answer: Any) -> Ended:
    return Ended(answer[1].decode())


def _full(answer: Any) -> Full:
    _, what, there, allowed = answer
    if what == b"stream":
        return Full(f"stream full: {there} entries, {allowed} allowed before consumers trim it")
    return Full(f"Redis is full: {there} of {allowed} bytes used, rows stop at 80 %")
