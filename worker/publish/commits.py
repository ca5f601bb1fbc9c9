"""Commits the batches of one page in order; while the sink writes one, the caller reads the next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self

from worker.errors import SinkFull
from worker.model import Checkpoint, Rows
from worker.publish.batch import ReadBatch, Reading
from worker.sinks.sink import BeginCommit, Sink


class Commits:
    """A context manager: when it ends, every batch is in the sink, or the error that kept one out is raised.

    `at` is the sink's position and `read_at` the reading's; `count` counts the commits, and `seconds` is how long
    reading waited for them. `on_commit` is called with the checkpoint after each batch that the sink has, `on_full` to
    wait for room in the sink; each may raise to stop.
    """

    def __init__(
        self,
        sink: Sink,
        page: tuple[int, int],
        at: Checkpoint,
        *,
        on_commit: Callable[[Checkpoint], None],
        on_full: Callable[[SinkFull], None],
    ) -> None:
        """`page` is its generation and number, `at` its checkpoint."""
        self.at = at
        self.count = 0
        self.seconds = 0.0
        self._sink = sink
        self._page = page
        self._on_commit = on_commit
        self._on_full = on_full
        self._reading = Reading()
        self._under_way: deque[Callable[[], Checkpoint]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._begun = 0
        self._has_failed = False

    @property
    def read_at(self) -> Checkpoint:
        return self._reading.at

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._thread:
            self._finish()

    def begin(self, rows: Rows) -> None:
        """Begin to commit the next rows, once no more than one batch waits."""
        if self._sink.is_local:
            # The work is this process's own. Hashing and writing let other threads run, so they get one; but nothing is
            # left to do beside the only batch of a page.
            commit: Callable[[], Checkpoint] = partial(self._commit, rows)
            if self._begun == 1:
                self._under_way[0] = self._thread.submit(self._under_way[0]).result
            if self._begun:
                self._finish(most_left=1)
                commit = self._thread.submit(commit).result
            self._under_way.append(commit)
            self._begun += 1
            return
        # A server would idle from the end of one commit until the next arrives, so the next is prepared before.
        batch = self._reading.add(rows)
        is_new = batch.before.rows >= self.at.rows
        prepared = self._sink.prepare_commit(*self._page, batch) if is_new else None
        self._finish()
        self._under_way.append(self._begin(batch, prepared))

    def _finish(self, most_left: int = 0) -> None:
        """Wait until all batches but the last `most_left` are in the sink."""
        while len(self._under_way) > most_left:
            began = time.monotonic()
            at = self._under_way.popleft()()
            self.seconds += time.monotonic() - began
            self._on_commit(at)

    def _begin(self, batch: ReadBatch, prepared: BeginCommit | None = None) -> Callable[[], Checkpoint]:
        """Begin to commit a batch; returns a function that waits until the sink has all of it.

        `prepared` sends the whole batch, if nobody else has written since. A sink that is at another position (another
        worker writes the same page) gets what it still lacks of the batch, until it lacks nothing.
        """
        answer = prepared() if prepared and self.at.is_at(batch.before) else self._send(batch)

        def finish() -> Checkpoint:
            nonlocal answer
            while answer is not None:
                try:
                    self.at = answer()
                except SinkFull as full:
                    self._on_full(full)
                else:
                    self.count += 1
                answer = self._send(batch)
            return self.at

        return finish

    def _send(self, batch: ReadBatch) -> Callable[[], Checkpoint] | None:
        rest = batch.rest_after(self.at)
        return self._sink.prepare_commit(*self._page, rest)() if rest else None

    def _commit(self, rows: Rows) -> Checkpoint:
        """Commit a batch. The batches queued after one that failed must not be committed."""
        if self._has_failed:
            return self.at
        try:
            return self._begin(self._reading.add(rows))()
        except BaseException:
            self._has_failed = True
            raise
