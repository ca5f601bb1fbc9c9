"""NDJSON by ijson: one object a line, objects spread over lines, several on a line, of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker.model import Facts, Row
from worker.readers.cutter import Cutter
from worker.readers.stream import read_by
from worker.sources.schema import ColumnType, Ndjson


def read(
    chunks: Iterable[bytes], shape: Ndjson, columns: Mapping[str, ColumnType], facts: Facts
) -> Iterator[list[Row]]:
    """The rows of a stream; `facts.total` is what its header says. See `worker.readers.read_lists`."""
    return read_by(Cutter(), chunks, shape, columns, facts)
