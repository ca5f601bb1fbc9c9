"""The heart: a page's rows go to the sink in batches, one read ahead while the last is kept.

A page is read from its start, whoever reads it. Rows the sink holds already are read again, checked by their digest and
skipped; from there on each batch is a compare-and-set against the position before it.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from worker.errors import RetryLater, SinkFull, StartOver
from worker.model import Checkpoint, Rows
from worker.publish.batch import ReadBatch, read_batches
from worker.sinks.sink import Sink

AHEAD = 2
"""Batches that may wait for the sink: the one it is keeping, and one to go on with at once. Memory holds one more."""

SWITCH_SECONDS = 0.0005
"""How long the reading may go on once the sink has answered. Python's own 5 ms are longer than a batch takes the sink,
so that the sink would stand still about half of the time."""


class Publication:
    """One page of one generation on its way into the sink.

    `on_read` is called after each batch read; `on_kept` hears the checkpoint after each batch kept and `on_full` waits
    for room, both on another thread. Each raises to stop. `commits` and `commit_seconds` say how quick the sink was.
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
        self.commits = 0
        self.commit_seconds = 0.0

    def start(self) -> Checkpoint:
        """Where the sink stands: nothing before this position is published again."""
        self._at = self._sink.checkpoint(*self._page)
        return self._at

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish what lies beyond the start; the checkpoint at the page's end, every row before it kept.

        Raises StartOver where this reading differs from what is kept, whatever the sink raises, and whatever `blocks`
        raises, once the batches on their way are seen through.
        """
        sys.setswitchinterval(SWITCH_SECONDS)
        end = Checkpoint()
        waiting: deque[Future[None]] = deque()
        with ThreadPoolExecutor(max_workers=1) as keeper:
            try:
                for batch in read_batches(blocks, self._sink.batch_rows):
                    self._on_read()
                    if len(waiting) == AHEAD:
                        # Left where it is until it is kept: its failure is the one to tell, not that of those behind.
                        waiting[0].result()
                        waiting.popleft()
                    waiting.append(keeper.submit(self._keep, batch))
                    end = batch.after
            finally:
                for kept in waiting:
                    kept.result()
        if not self._at.is_at(end):
            raise StartOver(f"{self._at.rows} rows are published, this reading has {end.rows} or other ones")
        return self._at

    def close(self, at: Checkpoint) -> None:
        """End the page at `at`, where it was read to its end."""
        stands = self._sink.close(*self._page, at)
        if not stands.is_at(at):
            raise RetryLater(f"the sink stands at row {stands.rows}, this reading ended at {at.rows}")

    def _keep(self, batch: ReadBatch) -> None:
        """See a batch through: every row of it is in the sink then. After a failure nothing more is taken."""
        rest = batch.beyond(self._at)
        while rest:
            began = time.monotonic()
            try:
                self._at = self._sink.commit(*self._page, rest)
            except SinkFull as full:
                self._on_full(full)
                continue
            self.commits += 1
            self.commit_seconds += time.monotonic() - began
            rest = rest.beyond(self._at)
            self._on_kept(self._at)
