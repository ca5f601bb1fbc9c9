"""Cuts a page's rows into batches, the digest running over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.errors import RetryLater, StartOver
from worker.model import Batch, Checkpoint
from worker.sinks.sink import BATCH_ROWS

if TYPE_CHECKING:
    from hashlib import _Hash

BATCH_BYTES = 256 * 1024
"""Small enough for a processor's cache, and for memory that is used again rather than asked for anew."""


@dataclass(frozen=True, slots=True)
class ReadBatch(Batch):
    """A batch with the digest's running state before its first row, so that it can be cut anywhere."""

    running: _Hash = field(repr=False, compare=False)

    def beyond(self, at: Checkpoint) -> ReadBatch | None:
        """The rows the sink does not hold yet where it stands at `at`, None where it holds them all.

        Raises StartOver where what it holds is another reading, RetryLater where it lost rows it once held.
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
            count = at.rows - self.before.rows
            first, running = _read_batch(self.before, self.rows[:count], self.running)
            held, rest = first.after, _read_batch(first.after, self.rows[count:], running)[0]
        if at.digest != held.digest:
            raise StartOver(f"row {at.rows} and those before it are not what was published")
        if rest and at.is_closed:
            raise StartOver(f"the page was closed at row {at.rows}, this reading goes on")
        return rest


class Reading:
    """One reading of a page, from its first row on: `at` is the position behind the rows it was given so far."""

    def __init__(self) -> None:
        self.at = Checkpoint()
        self._running = hashlib.sha256()

    def batch(self, rows: Sequence[bytes]) -> ReadBatch:
        """The next rows of the page as a batch."""
        batch, ended = _read_batch(self.at, rows, self._running)
        self.at, self._running = batch.after, ended
        return batch


def batches(lists: Iterable[list[bytes]]) -> Iterator[ReadBatch]:
    """A page's rows, from its first on, in batches as `cut` makes them."""
    return map(Reading().batch, cut(lists))


def _read_batch(before: Checkpoint, rows: Sequence[bytes], running: _Hash) -> tuple[ReadBatch, _Hash]:
    """Rows that follow `before`, where the digest's state is `running`; and its state behind them."""
    # Joining with an empty row at the end puts a newline behind the last one, and copies the rows once.
    text = b"\n".join([*rows, b""])
    ended = running.copy()
    ended.update(text)
    dead_rows = len(rows) - list(map(type, rows)).count(bytes)
    after = Checkpoint(
        before.rows + len(rows), ended.hexdigest(), before.dead_rows + dead_rows, before.bytes + len(text)
    )
    return ReadBatch(before, rows, after, text, running), ended


def cut(lists: Iterable[list[bytes]], most_rows: int = BATCH_ROWS) -> Iterator[list[bytes]]:
    """Rows as they come, in lists of at most so many rows and 256 KiB; a larger row is alone."""
    part: list[bytes] = []
    size = 0
    for rest in lists:
        rest_size = sum(map(len, rest))
        while len(part) + len(rest) > most_rows or size + rest_size > BATCH_BYTES:
            count = _how_many_fit(rest[: most_rows - len(part)], BATCH_BYTES - size)
            if not count and not part:
                count = 1
            yield part + rest[:count]
            rest_size -= sum(map(len, rest[:count]))
            rest = rest[count:]  # noqa: PLW2901 - what is left of the list
            part, size = [], 0
        part += rest
        size += rest_size
    if part:
        yield part


def _how_many_fit(rows: list[bytes], room: int) -> int:
    """How many rows from the first on are no larger together than `room` bytes."""
    for count, row in enumerate(rows):
        room -= len(row)
        if room < 0:
            return count
    return len(rows)
