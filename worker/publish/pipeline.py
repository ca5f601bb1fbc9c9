"""A page's rows go to the sink in batches: while the sink keeps one, the next is read.

Every reading begins at the start of the page. Rows that the sink has already are checked by their digest and skipped.
From there on, each batch is a compare-and-set against the position before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from worker.errors import RetryLater, SinkFull, StartOver
from worker.model import Checkpoint, Rows
from worker.publish.batch import ReadBatch, read_batches
from worker.sinks.sink import Sink


class Publication:
    """One page of one generation on its way into the sink.

    `on_read` is called after each batch read, `on_kept` with the checkpoint after each batch kept, `on_full` to wait
    for room. Each may raise to stop. `commit_seconds` is how long reading waited for the `commits`.
    """

    def __init__(
        self,
        sink: Sink,
        generation: int,
        page: int,
        *,
        on_read: Callable[[], None],
        on_kept: Callable[[Checkpoint], None],
        on_full: Callable[[SinkFull], None],
    ) -> None:
        self._sink = sink
        self._page = (generation, page)
        self._on_read = on_read
        self._on_kept = on_kept
        self._on_full = on_full
        self._at = Checkpoint()
        self._under_way: ReadBatch | None = None
        self._answer: Callable[[], Checkpoint]
        self.commits = 0
        self.commit_seconds = 0.0

    def start(self) -> Checkpoint:
        """The sink's position: nothing before it is published again."""
        self._at = self._sink.checkpoint(*self._page)
        return self._at

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish the rows behind that position; the checkpoint at the page's end, every row before it kept.

        Raises StartOver where this reading differs from what is kept, and whatever the sink or `blocks` raises; before
        that, the batch under way is finished.
        """
        end = Checkpoint()
        try:
            for batch in read_batches(blocks, self._sink.batch_rows):
                self._on_read()
                self._finish()
                self._begin(batch)
                end = batch.after
        finally:
            self._finish()
        if not self._at.is_at(end):
            raise StartOver(f"{self._at.rows} rows are published, this reading has {end.rows} or other ones")
        return self._at

    def close(self, at: Checkpoint) -> None:
        """End the page at `at`, where it was read to its end."""
        stands = self._sink.close(*self._page, at)
        if not stands.is_at(at):
            raise RetryLater(f"the sink stands at row {stands.rows}, this reading ended at {at.rows}")

    def _begin(self, batch: ReadBatch) -> None:
        """Send the sink the rows of a batch that it does not have, without waiting for its answer."""
        if rest := batch.beyond(self._at):
            self._answer = self._sink.begin_commit(*self._page, rest)
        self._under_way = rest

    def _finish(self) -> None:
        """Wait until every row of the batch under way is in the sink."""
        while batch := self._under_way:
            # If the sink fails, `publish` comes here once more, and must not send the batch again.
            self._under_way = None
            began = time.monotonic()
            try:
                self._at = self._answer()
            except SinkFull as full:
                self._on_full(full)
            else:
                self.commits += 1
                self.commit_seconds += time.monotonic() - began
                self._on_kept(self._at)
            self._begin(batch)
