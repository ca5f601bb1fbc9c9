"""Batches of a page, as its publication makes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from worker.model import Rows
from worker.publish.batch import ReadBatch, Reading, gather
from worker.sinks.sink import BatchSize

SMALL_BATCH = BatchSize(1_000, 256 * 1024)


def read_batches(blocks: Iterable[Rows], most: BatchSize = SMALL_BATCH) -> Iterator[ReadBatch]:
    """All rows of a page in batches."""
    return map(Reading().add, gather(blocks, most))
