"""Batches of a page's rows, each with the page's running digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.errors import RetryLater, StartOver
from worker.model import Batch, Checkpoint, Rows
from worker.sinks.sink import BatchSize

if TYPE_CHECKING:
    from hashlib import _Hash

_KEPT_BYTES = 4 * 1024 * 1024
# glibc gives the memory of a large batch back to the system and gets it again for the next one, page by page: 5 % of
# the processor time of writing files. Once a block of this size was freed, it keeps smaller ones (mallopt(3),
# M_MMAP_THRESHOLD). The block is never written to, so it takes no memory.
bytes(_KEPT_BYTES)


@dataclass(frozen=True, slots=True)
class ReadBatch(Batch):
    """A batch that can be cut anywhere: `running` is the state of the digest before its first row."""

    running: _Hash = field(repr=False, compare=False)

    def rest_after(self, at: Checkpoint) -> ReadBatch | None:
        """The rest of this batch, for a sink that is at position `at`; None if it has all of these rows.

        Raises StartOver if the sink has the rows of another reading, RetryLater if it has lost rows that it once had.
        """
        if at.rows < self.before.rows:
            raise RetryLater(f"the sink went back from row {self.before.rows} to {at.rows}")
        if at.rows > self.after.rows:
            return None
        if at.rows == self.before.rows:
            held, rest = self.before, self
        elif at.rows == self.after.rows:
            held, rest = self.after, None
        else:
            first, others = self.rows.cut(at.rows - self.before.rows)
            held, running = _position_after(first, self.before, self.running)
            rest = ReadBatch(held, others, self.after, running)
        if at.digest != held.digest:
            raise StartOver(f"the rows up to {at.rows} are not the ones that were published")
        if rest and at.is_closed:
            raise StartOver(f"the page was closed at row {at.rows}, but this reading has more rows")
        return rest


class Reading:
    """One reading of a page from its first row on; `at` is the position it has reached, with the digest up to there."""

    def __init__(self) -> None:
        self.at = Checkpoint()
        self._running = hashlib.sha256()

    def add(self, rows: Rows) -> ReadBatch:
        """The next rows as a batch with the positions before and after it."""
        before, running = self.at, self._running
        self.at, self._running = _position_after(rows, before, running)
        return ReadBatch(before, rows, self.at, running)


def gather(blocks: Iterable[Rows], most: BatchSize) -> Iterator[Rows]:
    """Regroup blocks of rows into batches no larger than `most`; a row larger than that is a batch of its own.

    A block is not cut to fill a batch that is already three quarters full, because cutting looks at every row.
    """
    held: list[Rows] = []
    rows_left, bytes_left = most.rows, most.bytes
    for block in blocks:
        rest = block
        while rest:
            if len(rest) <= rows_left and len(rest.text) <= bytes_left:
                part, rest = rest, Rows()
            elif held and (
                4 * rows_left < most.rows or 4 * bytes_left < most.bytes or rest.text.find(b"\n", 0, bytes_left) < 0
            ):
                yield Rows.join(held)
                held, rows_left, bytes_left = [], most.rows, most.bytes
                continue
            else:
                part, rest = rest.cut(rows_left, bytes_left)
            held.append(part)
            rows_left -= len(part)
            bytes_left -= len(part.text)
    if held:
        yield Rows.join(held)


def _position_after(rows: Rows, before: Checkpoint, running: _Hash) -> tuple[Checkpoint, _Hash]:
    """The position after rows that follow `before`, and the state of the digest there."""
    running = running.copy()
    running.update(rows.text)
    after = Checkpoint(
        before.rows + len(rows),
        running.hexdigest(),
        before.dead_rows + len(rows.dead),
        before.bytes + len(rows.text),
    )
    return after, running
