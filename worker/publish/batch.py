"""Batches of a page's rows, each with the page's running digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.errors import RetryLater, StartOver
from worker.model import Batch, Checkpoint, Rows
from worker.sinks.sink import SMALL_BATCH, BatchSize

if TYPE_CHECKING:
    from hashlib import _Hash


@dataclass(frozen=True, slots=True)
class ReadBatch(Batch):
    """A batch with the digest's running state before its first row, so that it can be cut anywhere."""

    running: _Hash = field(repr=False, compare=False)

    def beyond(self, at: Checkpoint) -> ReadBatch | None:
        """The rows of this batch that a sink at position `at` does not have yet; None where it has them all.

        Raises StartOver where the rows it has are of another reading, RetryLater where it has lost some it once had.
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
            first, behind = self.rows.cut(at.rows - self.before.rows)
            held, running = _position_behind(first, self.before, self.running)
            rest = ReadBatch(held, behind, self.after, running)
        if at.digest != held.digest:
            raise StartOver(f"row {at.rows} and those before it are not what was published")
        if rest and at.is_closed:
            raise StartOver(f"the page was closed at row {at.rows}, this reading goes on")
        return rest


class Reading:
    """One reading of a page from its first row: where it stands, `at`, and the digest up to there."""

    def __init__(self) -> None:
        self.at = Checkpoint()
        self._running = hashlib.sha256()

    def add(self, rows: Rows) -> ReadBatch:
        """The next rows as a batch, the position before and after it included."""
        before, running = self.at, self._running
        self.at, self._running = _position_behind(rows, before, running)
        return ReadBatch(before, rows, self.at, running)


def gather(blocks: Iterable[Rows], most: BatchSize) -> Iterator[Rows]:
    """The same rows in batches no larger than `most`, in which a row that is larger stands alone.

    A batch ends with a block if it is three quarters full: cutting looks at every row.
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
                yield Rows.joined(held)
                held, rows_left, bytes_left = [], most.rows, most.bytes
                continue
            else:
                part, rest = rest.cut(rows_left, bytes_left)
            held.append(part)
            rows_left -= len(part)
            bytes_left -= len(part.text)
    if held:
        yield Rows.joined(held)


def read_batches(blocks: Iterable[Rows], most: BatchSize = SMALL_BATCH) -> Iterator[ReadBatch]:
    """A page's rows, from its first on, in batches."""
    return map(Reading().add, gather(blocks, most))


def _position_behind(rows: Rows, before: Checkpoint, running: _Hash) -> tuple[Checkpoint, _Hash]:
    """Where a page stands behind rows that follow `before`, and the digest's state there."""
    running = running.copy()
    running.update(rows.text)
    after = Checkpoint(
        before.rows + len(rows),
        running.hexdigest(),
        before.dead_rows + len(rows.dead),
        before.bytes + len(rows.text),
    )
    return after, running
