"""Consecutive rows of a page and the digest that runs over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.errors import RetryLater, StartOver
from worker.model import Batch, Checkpoint, DeadRow, Row

if TYPE_CHECKING:
    from hashlib import _Hash

BATCH_ROWS = 1_000
BATCH_BYTES = 256 * 1024
"""Small enough for a processor's cache, and for memory that is used again rather than asked for anew."""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows as they were read, from `before` to `after`, and the digest's running state at either end."""

    before: Checkpoint
    rows: list[Row]
    running: _Hash
    after: Checkpoint
    ended: _Hash

    def batch(self) -> Batch:
        """What the sink is asked to keep."""
        return Batch(tuple(self.rows), self.after)

    def beyond(self, at: Checkpoint) -> Section | None:
        """The rows the sink does not hold yet, None where it holds them all.

        Raises StartOver where what it holds is another reading, RetryLater where it lost rows it once held.
        """
        if at.rows < self.before.rows:
            raise RetryLater(f"the sink went back from row {self.before.rows} to {at.rows}")
        if at.rows > self.after.rows:
            return None
        held, rest = self._split(at.rows - self.before.rows)
        if at.digest != held.after.digest:
            raise StartOver(f"row {at.rows} and those before it are not what was published")
        if rest and at.is_closed:
            raise StartOver(f"the page was closed at row {at.rows}, this reading goes on")
        return rest

    def _split(self, count: int) -> tuple[Section, Section | None]:
        if count == len(self.rows):
            return self, None
        held = _section(self.before, self.rows[:count], self.running)
        return held, _section(held.after, self.rows[count:], held.ended)


def sections(lists: Iterable[list[Row]], reader: str) -> Iterator[Section]:
    """Cut a page's rows into sections of at most 1,000 rows and 256 KiB; a larger row stands alone."""
    at, running = Checkpoint(reader=reader), hashlib.sha256()
    for part in _parts(lists):
        section = _section(at, part, running)
        yield section
        at, running = section.after, section.ended


def _parts(lists: Iterable[list[Row]]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for at_once in lists:
        rest = at_once
        while rest:
            taken = _that_fit(rest[: BATCH_ROWS - len(part)], BATCH_BYTES - size)
            if not taken and not part:
                taken = rest[:1]
            part += taken
            size += _size(taken)
            rest = rest[len(taken) :]
            if rest:
                yield part
                part, size = [], 0
    if part:
        yield part


def _that_fit(rows: list[Row], room: int) -> list[Row]:
    """The first rows that are no larger together than `room` bytes."""
    if _size(rows) <= room:
        return rows
    for count, row in enumerate(rows):
        room -= _length(row)
        if room < 0:
            return rows[:count]
    return rows


def _size(rows: list[Row]) -> int:
    try:
        return sum(map(len, rows))  # type: ignore[arg-type]
    except TypeError:
        return sum(map(_length, rows))


def _length(row: Row) -> int:
    return len(row.raw if isinstance(row, DeadRow) else row)


def _section(before: Checkpoint, rows: list[Row], running: _Hash) -> Section:
    text, dead_rows = _text(rows)
    ended = running.copy()
    ended.update(text)
    after = Checkpoint(
        rows=before.rows + len(rows),
        digest=ended.hexdigest(),
        dead_rows=before.dead_rows + dead_rows,
        bytes=before.bytes + len(text),
        reader=before.reader,
    )
    return Section(before, rows, running, after, ended)


def _text(rows: list[Row]) -> tuple[bytes, int]:
    """What the digest runs over, each row's JSON bytes and a newline, a dead row as it came; and how many are dead."""
    if not rows:
        return b"", 0
    try:
        return b"\n".join(rows) + b"\n", 0  # type: ignore[arg-type]
    except TypeError:
        dead_rows = sum(isinstance(row, DeadRow) for row in rows)
        return b"".join((row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in rows), dead_rows
