"""Publishes the rows of one page exactly once: while the sink writes one batch, the next is read.

Every reading begins at the start of the page. Rows that the sink already has are checked by their digest and skipped.
After that, each commit is a compare-and-set against the position before the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from worker.errors import RetryLater, SinkFull, StartOver
from worker.model import Checkpoint, Rows
from worker.publish.batch import gather
from worker.publish.commits import Commits
from worker.sinks.sink import Sink


class Publication:
    """The publication of one page of one generation: `start`, then `publish`, then `close`.

    `on_read` is called after each batch that was read, `on_commit` with the checkpoint after each batch that the sink
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
        on_commit: Callable[[Checkpoint], None],
        on_full: Callable[[SinkFull], None],
    ) -> None:
        self._sink = sink
        self._page = (generation, page)
        self._on_read = on_read
        self._on_commit = on_commit
        self._on_full = on_full
        self._start = Checkpoint()
        self.commits = 0
        self.commit_seconds = 0.0

    def start(self) -> Checkpoint:
        """Read the page's checkpoint from the sink: no row before it is published again."""
        self._start = self._sink.checkpoint(*self._page)
        return self._start

    def publish(self, blocks: Iterable[Rows]) -> Checkpoint:
        """Publish the rows after the checkpoint of `start`; returns the checkpoint at the page's end.

        All rows are in the sink then. Raises StartOver if this reading differs from what the sink has, and whatever the
        sink or `blocks` raises; commits that were begun are finished first.
        """
        with Commits(self._sink, self._page, self._start, on_commit=self._on_commit, on_full=self._on_full) as commits:
            for rows in gather(blocks, self._sink.batch_size):
                self._on_read()
                commits.begin(rows)
        self.commits, self.commit_seconds = commits.count, commits.seconds
        at, end = commits.at, commits.read_at
        if not at.is_at(end):
            raise StartOver(f"{at.rows} rows are published, but this reading has {end.rows}, or different ones")
        return at

    def close(self, at: Checkpoint) -> None:
        """Close the page in the sink at `at`, its end. Raises RetryLater if the sink's position is another."""
        closed_at = self._sink.close(*self._page, at)
        if not closed_at.is_at(at):
            raise RetryLater(f"the sink is at row {closed_at.rows}, but this reading ended at row {at.rows}")
