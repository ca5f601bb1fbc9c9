"""The heart: a page's rows go to the sink in batches, one read ahead while the last is kept.

A page is read from its start, whoever reads it. Rows the sink holds already are read again, checked by their digest and
skipped; from there on each batch is a compare-and-set against the position before it.
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

    `on_read` is called after each batch read; `on_kept` hears the checkpoint after each batch kept and `on_full` waits
    for room. Each raises to stop. `commit_seconds` is how long the page was held up by its `commits`.
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
        """Where the sink stands: nothing before this position is published again."""
        self._at = self._sink.checkpoint(*self._page)
        return self._at

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish what lies beyond the start; the checkpoint at the page's end, every row before it kept.

        Raises StartOver where this reading differs from what is kept, whatever the sink raises, and whatever `blocks`
        raises, once the batch on its way is seen through.
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
        """Send the sink what it lacks of a batch, and do not wait for it."""
        if rest := batch.beyond(self._at):
            self._answer = self._sink.begin_commit(*self._page, rest)
        self._under_way = rest

    def _finish(self) -> None:
        """See the batch under way through: every row of it is in the sink then."""
        while batch := self._under_way:
            # After a failure nothing more is taken.
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
