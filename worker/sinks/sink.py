"""The interface of all sinks, and the totals that they compute. `tests/contract/` holds every sink to it."""

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


BeginCommit = Callable[[], Callable[[], Checkpoint]]
"""See `Sink.prepare_commit`."""


class Sink(Protocol):
    """The rows of one job and their sink record. Every method may be repeated, by any worker, at any time.

    The record is open, ended or void, and has one current generation. Every method raises RecordClosed if the record is
    missing, ended, void, or in another generation; `state` says which. A method that raises has written nothing. Every
    method raises RetryLater while the place of the rows is away, and FailJob if it can never accept them.
    """

    is_local: bool
    """Is a commit work of this process, not of a server? Then it gets a thread of its own."""

    @property
    def batch_size(self) -> BatchSize:
        """The largest batch that the sink should be given."""

    def open(self, generation: int) -> None:
        """Create the record, or accept one that is open in this generation. A later generation reopens a void record.

        RecordClosed("superseded"): another generation is open, and must be made void first.
        """

    def checkpoint(self, generation: int, page: int) -> Checkpoint:
        """The durable position in a page; the zero checkpoint if it has no rows.

        The caller begins to write from there, so rows of the page that this sink has but are not durable are dropped.
        """

    def remove_abandoned(self, generation: int, page: int) -> None:
        """Remove unfinished files of a page that dead workers left; files that count or are being written stay."""

    def commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        """Add a batch if the page is open and at `batch.before`, by row and digest; returns the page's position then.

        The result is `batch.after` if the batch is in the sink, by this call or an earlier one. Any other position
        means that nothing was written: another writer was faster, or the place has lost its last second. Rows may
        become durable later than this returns (with the part of a file), but in order; `close` makes all rows of a page
        durable. Raises SinkFull if there is no room.
        """

    def prepare_commit(self, generation: int, page: int, batch: Batch) -> BeginCommit:
        """The same as `commit` in three steps. This one changes nothing, and another commit may be under way.

        The function returned begins the commit, and returns a function that waits for its end and returns or raises
        what `commit` does. Once the commit has begun, that function must be called before this sink is used again,
        except to prepare the next commit. A prepared commit need not be begun.
        """

    def close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        """Close a page if it is at `at`; returns its position, which is another one if it could not be closed.

        Closing it again at the same position changes nothing.
        """

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        """The totals of pages 1 to `pages`, or the pages that are not closed. RecordClosed("ended"): see `finish`."""

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        """Write the end with the receipt, once; returns the receipt as it was first written, with `files` if any.

        If the end was written before, the arguments are ignored. Raises StartOver if the sink has rows in pages after
        the last of `pages`: they are from another reading.
        """

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> None:
        """Void the open generation, up to `generation`: consumers are told to discard its rows, if it has any.

        Afterwards `next_generation` is open or, without one, the record is void. RecordClosed("ended"): the end was
        written first and counts; "void": the record is void for good, and the next generation was not opened;
        "superseded": a later generation is open.
        """

    def release(self) -> None:
        """Close the files and connections that this sink has open; unfinished work stays invisible."""


def totals(pages: Iterable[Checkpoint]) -> Totals:
    """Add up a report's closed pages, given in page order; every sink computes its totals by this.

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
    """The totals of pages, or the numbers, from 1, of those that are not closed."""
    held = list(pages)
    unclosed = tuple(number for number, page in enumerate(held, 1) if not page.is_closed)
    return OpenPages(unclosed) if unclosed else totals(held)
