"""A page's rows go to the sink in batches: while the sink keeps one, the next is read.

Every reading begins at the start of the page. Rows that the sink has already are checked by their digest and skipped.
From there on, each batch is a compare-and-set against the position before it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from worker.errors import RetryLater, SinkFull, StartOver
from worker.model import Checkpoint, Rows
from worker.publish.batch import ReadBatch, Reading, gather
from worker.sinks.sink import BeginCommit, Sink


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
        self._reading = Reading()
        self._under_way: deque[Callable[[], Checkpoint]] = deque()
        self._has_failed = False
        self.commits = 0
        self.commit_seconds = 0.0

    def start(self) -> Checkpoint:
        """The sink's position: nothing before it is published again."""
        self._at = self._sink.checkpoint(*self._page)
        return self._at

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish the rows behind that position; the checkpoint at the page's end, every row before it kept.

        Raises StartOver where this reading differs from what is kept, and whatever the sink or `blocks` raises; before
        that, what is under way is finished.
        """
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                for rows in gather(blocks, self._sink.batch_size):
                    self._on_read()
                    if self._sink.is_local:
                        self._finish(most_left=1)
                        self._under_way.append(thread.submit(self._keep, rows).result)
                    else:
                        # The other process stands still from the end of one batch until it has the next.
                        batch = self._reading.add(rows)
                        is_new = batch.before.rows >= self._at.rows
                        prepared = self._sink.prepare_commit(*self._page, batch) if is_new else None
                        self._finish()
                        self._under_way.append(self._begin(batch, prepared))
            finally:
                self._finish()
        end = self._reading.at
        if not self._at.is_at(end):
            raise StartOver(f"{self._at.rows} rows are published, this reading has {end.rows} or other ones")
        return self._at

    def close(self, at: Checkpoint) -> None:
        """End the page at `at`, where it was read to its end."""
        stands = self._sink.close(*self._page, at)
        if not stands.is_at(at):
            raise RetryLater(f"the sink stands at row {stands.rows}, this reading ended at {at.rows}")

    def _finish(self, most_left: int = 0) -> None:
        """Wait until the rows of all batches but the last few are in the sink."""
        while len(self._under_way) > most_left:
            began = time.monotonic()
            at = self._under_way.popleft()()
            self.commit_seconds += time.monotonic() - began
            self._on_kept(at)

    def _begin(self, batch: ReadBatch, prepared: BeginCommit | None = None) -> Callable[[], Checkpoint]:
        """Send the sink the rows of a batch that it does not have; the call that is given waits until it has them.

        `prepared` sends the whole batch.
        """
        answer = prepared() if prepared and self._at.is_at(batch.before) else self._send(batch)

        def finish() -> Checkpoint:
            nonlocal answer
            while answer is not None:
                try:
                    self._at = answer()
                except SinkFull as full:
                    self._on_full(full)
                else:
                    self.commits += 1
                answer = self._send(batch)
            return self._at

        return finish

    def _send(self, batch: ReadBatch) -> Callable[[], Checkpoint] | None:
        rest = batch.beyond(self._at)
        return self._sink.prepare_commit(*self._page, rest)() if rest else None

    def _keep(self, rows: Rows) -> Checkpoint:
        """The same at once, in the thread: one batch after another, and none after one that failed."""
        if self._has_failed:
            return self._at
        try:
            return self._begin(self._reading.add(rows))()
        except BaseException:
            self._has_failed = True
            raise
