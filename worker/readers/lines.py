"""NDJSON by orjson, for streams whose every line is one whole object; the same rows and errors as ndjson.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from worker.model import Facts, Row
from worker.readers.line_cutter import LineCutter
from worker.readers.stream import read_by
from worker.sources.schema import ColumnType, Ndjson


def read(
    chunks: Iterable[bytes], shape: Ndjson, columns: Mapping[str, ColumnType], facts: Facts
) -> Iterator[list[Row]]:
    """The rows of a stream; `facts.total` is what its header says. See `worker.readers.read_lists`."""
    return read_by(LineCutter(), chunks, shape, columns, facts)
