"""What every sink promises. One contract suite, `tests/contract/`, runs over all of them."""

from __future__ import annotations

from typing import Protocol

from worker.model import (
    Batch,
    Checkpoint,
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


class Sink(Protocol):
    """The rows of one job and their record. Each verb may be repeated, by anybody, at any time, without harm.

    The record is open, ended or void, and has one current generation. `Ended` answers whoever writes to a record that
    is missing, over, or in another generation. Nothing is written by an act that is refused. Any verb raises
    RetryLater while the place of the rows is away, and FailJob where it will never take them.
    """

    def open(self, generation: int) -> Kept | Ended:
        """Make the record, or find it open in this generation. A later generation opens a void record again.

        `Ended("superseded")`: another generation is open; only a `void` leads from one to the next.
        """

    def checkpoint(self, generation: int, page: int) -> Checkpoint | Ended:
        """The durable position in a page; the zero checkpoint where nothing is kept.

        Whoever asks begins to write from there: what this sink kept of the page but is not durable is let go.
        """

    def commit(self, generation: int, page: int, before: Checkpoint, batch: Batch) -> Kept | Refused | Full | Ended:
        """Keep a batch if position and digest are `before`, and the page is not closed.

        What is kept may become durable later than it is answered (a part of a file), never out of order; `close`
        makes all of a page durable. `Refused` may name an earlier position than `before`, where another writer
        took the part this one was writing or the place lost its last second.
        """

    def close(self, generation: int, page: int, at: Checkpoint) -> Kept | Refused | Ended:
        """End a page exactly at `at`; closing it again at the same position changes nothing."""

    def tally(self, generation: int, pages: int) -> Totals | OpenPages | Ended:
        """Add up pages 1 to `pages`, or name those that are not closed. `Ended("ended")`: `finish` has the receipt."""

    def finish(self, generation: int, pages: int, receipt: Json) -> Finished | OpenPages | Ended:
        """Write the end with the receipt, once; the answer holds the receipt as it was first written.

        Where the end is written already the arguments do not matter. Raises StartOver where rows are kept beyond
        the last of `pages`: whoever published them read another report.
        """

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> Kept | Ended:
        """Tell consumers to discard what is open up to `generation`, if it published anything.

        Then the next generation is open, or none is and the record is void. Kept too where that is so already.
        `Ended("ended")`: the end was written first and stands; `Ended("void")`: the record is void for good, the
        next generation was not opened; `Ended("superseded")`: a later generation is open.
        """

    def release(self) -> None:
        """Let go of what is held open here; unfinished work stays invisible."""
