"""Publishes the rows of one page exactly once: while the sink writes one batch, the next is read.

Every reading begins at the start of the page. Rows that the sink already has are checked by their digest and skipped.
After that, each commit is a compare-and-set against the position before the batch.
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
    """The publication of one page of one generation: `start`, then `publish`, then `close`.

    `on_read` is called after each batch that was read, `on_kept` with the checkpoint after each batch that the sink
    has, `on_full` to wait for room in the sink. Each may raise to stop. `commits` counts commits, and `commit_seconds`
    is how long reading waited for them.
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
        """Read the page's checkpoint from the sink: no row before it is published again."""
        self._at = self._sink.checkpoint(*self._page)
        return self._at

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish the rows after the checkpoint of `start`; returns the checkpoint at the page's end.

        All rows are in the sink then. Raises StartOver if this reading differs from what the sink has, and whatever the
        sink or `blocks` raises; commits that were begun are finished first.
        """
        with ThreadPoolExecutor(max_workers=1) as thread:
            try:
                for rows in gather(blocks, self._sink.batch_size):
                    self._on_read()
                    # A local sink works in this process, so it gets a thread. Any other works while we read on.
                    if self._sink.is_local:
                        self._finish(most_left=1)
                        self._under_way.append(thread.submit(self._commit_in_thread, rows).result)
                    else:
                        # The server idles from the end of one commit until the next, so the next is prepared first.
                        batch = self._reading.add(rows)
                        is_new = batch.before.rows >= self._at.rows
                        prepared = self._sink.prepare_commit(*self._page, batch) if is_new else None
                        self._finish()
                        self._under_way.append(self._begin(batch, prepared))
            finally:
                self._finish()
        end = self._reading.at
        if not self._at.is_at(end):
            raise StartOver(f"{self._at.rows} rows are published, but this reading has {end.rows}, or different ones")
        return self._at

    def close(self, at: Checkpoint) -> None:
        """Close the page in the sink at `at`, its end. Raises RetryLater if the sink's position is another."""
        closed_at = self._sink.close(*self._page, at)
        if not closed_at.is_at(at):
            raise RetryLater(f"the sink is at row {closed_at.rows}, but this reading ended at row {at.rows}")

    def _finish(self, most_left: int = 0) -> None:
        """Wait until all batches but the last `most_left` are in the sink."""
        while len(self._under_way) > most_left:
            began = time.monotonic()
            at = self._under_way.popleft()()
            self.commit_seconds += time.monotonic() - began
            self._on_kept(at)

    def _begin(self, batch: ReadBatch, prepared: BeginCommit | None = None) -> Callable[[], Checkpoint]:
        """Begin to commit a batch; returns a function that waits until the sink has all of it.

        `prepared` sends the whole batch, if nobody else has written since. A sink that is at another position (another
        worker writes the same page) gets what it still lacks of the batch, until it lacks nothing.
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

    def _commit_in_thread(self, rows: Rows) -> Checkpoint:
        """Commit a batch in the thread. The batches queued after one that failed must not be committed."""
        if self._has_failed:
            return self._at
        try:
            return self._begin(self._reading.add(rows))()
        except BaseException:
            self._has_failed = True
            raise
