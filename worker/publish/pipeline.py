"""The heart: page -> rows -> batches -> sink, with a checkpoint after each batch.

A page is read from its start, whoever reads it. Rows the sink holds already are read again, checked by their digest and
skipped; from there on each batch is a compare-and-set against the position this reading has reached. While the sink
keeps one batch the next is being read, so memory holds two batches and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NoReturn

from worker.errors import FailJob, LeaseLost, RetryLater, StartOver
from worker.model import Checkpoint, Ended, Full, Kept, Refused, Row
from worker.publish.batch import Section, sections
from worker.sinks.sink import Sink

RECORD_GONE = (
    "the sink record is gone: what the sink holds of this job cannot be proven"
    " (was it deleted, or is the directory not the same place for every worker?)"
)

Outcome = Kept | Refused | Full | Ended


class Publication:
    """One page of one generation on its way into the sink.

    `on_read` is called after each section read, `on_kept` hears the checkpoint after each batch kept, `on_full` waits
    for room; each raises to stop.
    """

    def __init__(
        self,
        sink: Sink,
        generation: int,
        page: int,
        *,
        on_read: Callable[[], None],
        on_kept: Callable[[Checkpoint], None],
        on_full: Callable[[Full], None],
    ) -> None:
        self._sink = sink
        self._place = (generation, page)
        self._on_read = on_read
        self._on_kept = on_kept
        self._on_full = on_full

    def start(self) -> Checkpoint:
        """Where the sink stands: nothing before this position is published again."""
        stands = self._sink.checkpoint(*self._place)
        return _over(stands) if isinstance(stands, Ended) else stands

    def publish(self, lists: Iterable[list[Row]], at: Checkpoint, reader: str) -> Checkpoint:
        """Publish what lies beyond `at`; the checkpoint at the page's end, every row before it kept.

        Raises StartOver where this reading differs from what is kept, LeaseLost where the job is over, FailJob where
        the sink record is gone, and whatever `lists` raises, once the batch on its way is settled.
        """
        pending: tuple[Section, Future[Outcome]] | None = None
        end = Checkpoint(reader=reader)
        with ThreadPoolExecutor(max_workers=1) as committer:
            try:
                for section in sections(lists, reader):
                    end = section.after
                    self._on_read()
                    on_its_way, pending = pending, None
                    at = self._settled(at, on_its_way)
                    if rest := section.beyond(at):
                        pending = rest, committer.submit(self._sink.commit, *self._place, at, rest.batch())
            finally:
                at = self._settled(at, pending)
        if at.rows != end.rows or at.digest != end.digest:
            raise StartOver(f"{at.rows} rows are published, this reading has {end.rows} or other ones")
        return at

    def close(self, at: Checkpoint) -> None:
        """End the page at `at`, where it was read to its end."""
        outcome = self._sink.close(*self._place, at)
        if isinstance(outcome, Ended):
            _over(outcome)
        if isinstance(outcome, Refused):
            raise RetryLater(f"the sink stands at row {outcome.checkpoint.rows}, this reading ended at {at.rows}")

    def _settled(self, at: Checkpoint, pending: tuple[Section, Future[Outcome]] | None) -> Checkpoint:
        """Wait for the batch on its way and see it through: the position after it."""
        if pending is None:
            return at
        section: Section | None
        section, future = pending
        outcome = future.result()
        while True:
            if isinstance(outcome, Ended):
                _over(outcome)
            if isinstance(outcome, Full):
                self._on_full(outcome)
            else:
                at = outcome.checkpoint
                section = section.beyond(at)
            if section is None:
                self._on_kept(at)
                return at
            outcome = self._sink.commit(*self._place, at, section.batch())


def _over(ended: Ended) -> NoReturn:
    if ended.state == "missing":
        raise FailJob(RECORD_GONE)
    if ended.state == "superseded":
        raise StartOver("another worker began the next generation")
    raise LeaseLost(f"the sink record is {ended.state}")
