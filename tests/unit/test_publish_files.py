"""A page's rows get into files in order: a thread writes one batch while the next is read, and never two at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Lock
from typing import cast

import pytest

from tests.sinks import READING, position, sink_job
from worker.errors import FailJob, LeaseLost
from worker.model import Batch, Checkpoint, Rows
from worker.publish.pipeline import Publication
from worker.sinks.files.sink import FileSink
from worker.sinks.kinds import open_sink, parse_address

PAGE = READING * 3
BATCH_ROWS = 2
BATCHES_AHEAD = 2
"""How many may be under way while the next is read: the one that is written, and one that waits."""


@pytest.fixture
def sink(memory_path: Path) -> Iterator[FileSink]:
    sink = open_sink(parse_address(f"file:{memory_path}"), sink_job(part_rows=BATCH_ROWS))
    sink.open(1)
    yield cast("FileSink", sink)
    sink.release()


def publish(sink: FileSink, rows: tuple[bytes, ...], on_read: Callable[[], None] = lambda: None) -> Checkpoint:
    def fail(full: object) -> None:
        raise FailJob(str(full))

    work = Publication(sink, 1, 1, on_read=on_read, on_commit=lambda at: None, on_full=fail)
    work.start()
    return work.publish(Rows.of([row]) for row in rows)


def test_batches_are_written_one_after_another_and_no_more_than_one_waits(
    sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, is_free = sink.commit, Lock()
    written: list[int] = []
    batches_read = count()

    def commit_alone(generation: int, page: int, batch: Batch) -> Checkpoint:
        assert is_free.acquire(blocking=False), "two batches are written at a time"
        at = commit(generation, page, batch)
        written.append(at.rows)
        is_free.release()
        return at

    def on_read() -> None:
        assert len(written) >= next(batches_read) - BATCHES_AHEAD

    monkeypatch.setattr(sink, "commit", commit_alone)
    assert publish(sink, PAGE, on_read) == position(PAGE)
    assert written == [*range(BATCH_ROWS, len(PAGE), BATCH_ROWS), len(PAGE)]


def test_a_batch_after_a_failed_one_is_not_written_and_the_failure_is_the_reason(
    sink: FileSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, begun = sink.commit, list[int]()

    def fail_in_row_five(generation: int, page: int, batch: Batch) -> Checkpoint:
        begun.append(batch.before.rows)
        if batch.before.rows == 4:
            raise FailJob("row five cannot be kept")
        return commit(generation, page, batch)

    monkeypatch.setattr(sink, "commit", fail_in_row_five)
    with pytest.raises(FailJob, match="row five"):
        publish(sink, PAGE)
    assert begun == [0, 2, 4]


def test_a_reading_that_has_lost_its_lease_stops(sink: FileSink) -> None:
    def lose() -> None:
        raise LeaseLost

    with pytest.raises(LeaseLost):
        publish(sink, PAGE, lose)
    assert publish(sink, PAGE) == position(PAGE)
