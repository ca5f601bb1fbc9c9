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

    The record is open, ended or void, and has one current generation. `Ended` answers whoever writes to a record that is
    missing, over, or in another generation. Nothing is written by an act that is refused.
    """

    def open(self, generation: int) -> Kept | Ended:
        """Make the record, or find it open in this generation. A void record is opened again by a later generation."""

    def checkpoint(self, generation: int, page: int) -> Checkpoint | Ended:
        """The durable position in a page; the zero checkpoint where nothing is kept."""

    def commit(
        self, generation: int, page: int, before: Checkpoint, batch: Batch
    ) -> Kept | Refused | Full | Ended:
        """Keep a batch if position and digest are `before`, and the page is not closed.

        What is kept may become durable later than it is answered (a part of a file), never out of order; `close` makes all
        of a page durable.
        """

    def close(self, generation: int, page: int, at: Checkpoint) -> Kept | Refused | Ended:
        """End a page exactly at `at`; closing it again at the same position changes nothing."""

    def tally(self, generation: int, pages: int) -> Totals | OpenPages | Ended:
        """Add up pages 1 to `pages`, or name those that are not closed."""

    def finish(self, generation: int, pages: int, receipt: Json) -> Finished | OpenPages | Ended:
        """Write the end with the receipt, once; the answer holds the receipt as it was first written."""

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> Kept | Ended:
        """Tell consumers to discard a generation, if it published anything, and open the next or leave the record void.

        `Ended("ended")`: the end was written first and stands. Voiding a generation already void changes nothing.
        """

    def release(self) -> None:
        """Let go of what is held open here; unfinished work stays invisible."""
