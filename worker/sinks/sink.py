"""What every sink promises. One contract suite, `tests/contract/`, runs over all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from worker.model import Batch, Checkpoint, Json, OpenPages, Totals, VoidReason


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The most rows and the most bytes of one batch."""

    rows: int
    bytes: int


SMALL_BATCH = BatchSize(1_000, 256 * 1024)
"""Stays in a processor's cache, and in memory that is used again instead of being asked of the system."""


BeginCommit = Callable[[], Callable[[], Checkpoint]]


class Sink(Protocol):
    """The rows of one job and their record. Each verb may be repeated, by anybody, at any time, without harm.

    The record is open, ended or void, and has one current generation. Any verb raises RecordClosed to whoever writes to
    a record that is missing, over, or in another generation; its `state` says which. Nothing is written by an act that
    is refused. Any verb raises RetryLater while the place of the rows is away, and FailJob where it will never take
    them.
    """

    is_local: bool
    """Is a commit this process's own work, not another's? Then it is worth a thread."""

    @property
    def batch_size(self) -> BatchSize:
        """How large a batch should be at most."""

    def open(self, generation: int) -> None:
        """Make the record, or find it open in this generation. A later generation opens a void record again.

        RecordClosed("superseded"): another generation is open; only a `void` leads from one to the next.
        """

    def checkpoint(self, generation: int, page: int) -> Checkpoint:
        """The durable position in a page; the zero checkpoint where nothing is kept.

        Whoever asks begins to write from there: what this sink kept of the page but is not durable is let go.
        """

    def remove_abandoned(self, generation: int, page: int) -> None:
        """Remove what workers that died left unfinished of a page; what counts or is being written stays."""

    def commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        """Keep a batch if the page stands at `batch.before`, by row and digest, and is open: where it then stands.

        That is `batch.after` where the batch is kept, now or before. Anywhere else nothing was written: another writer
        was here, or the place lost its last second. What is kept may become durable later than it is answered (a part
        of a file), never out of order; `close` makes all of a page durable. Raises SinkFull where there is no room.
        """

    def prepare_commit(self, generation: int, page: int, batch: Batch) -> BeginCommit:
        """The same in three steps. This one asks nothing of the place: another commit may still be under way.

        The call that is given begins, and gives a call that waits for the end: that one gives and raises what `commit`
        does. Once begun, it has to be made before anything else is asked of this sink.
        """

    def close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        """End a page exactly at `at`: where it stands then, closed unless that is somewhere else.

        Closing it again at the same position changes nothing.
        """

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        """Add up pages 1 to `pages`, or name those that are not closed. RecordClosed("ended"): see `finish`."""

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        """Write the end with the receipt, once: the receipt as it was first written, `files` included where there are.

        Where the end is written already the arguments do not matter. Raises StartOver where rows are kept beyond the
        last of `pages`: whoever published them read another report.
        """

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> None:
        """Tell consumers to discard what is open up to `generation`, if it published anything.

        Then the next generation is open, or none is and the record is void. The same where that is so already.
        RecordClosed("ended"): the end was written first and stands; "void": the record is void for good, the next
        generation was not opened; "superseded": a later generation is open.
        """

    def release(self) -> None:
        """Let go of what is held open here; unfinished work stays invisible."""


def totals(pages: Iterable[Checkpoint]) -> Totals:
    """Add up a report's closed pages, given in their order; every sink counts like this.

    The report's digest is SHA-256 over the pages' digests in page order, each as 64 lower-case hexadecimal digits in
    ASCII with nothing between them.
    """
    count = rows = dead_rows = bytes_ = 0
    digest = hashlib.sha256()
    for page in pages:
        count += 1
        rows += page.rows - page.dead_rows
        dead_rows += page.dead_rows
        bytes_ += page.bytes
        digest.update(page.digest.encode("ascii"))
    return Totals(count, rows, dead_rows, bytes_, digest.hexdigest())


def tally(pages: Iterable[Checkpoint]) -> Totals | OpenPages:
    """The same, or the numbers of the pages that are not closed, counted from 1."""
    held = list(pages)
    unclosed = tuple(number for number, page in enumerate(held, 1) if not page.is_closed)
    return OpenPages(unclosed) if unclosed else totals(held)
