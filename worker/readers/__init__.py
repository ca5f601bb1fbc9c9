"""Readers parse the body of a response into rows, incrementally, and keep every digit as the vendor sent it.

`READERS` names the reader of each format; a new format is added there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from worker.model import Facts, Rows
from worker.readers.delimited import read as read_delimited
from worker.readers.json_page import read as read_json
from worker.readers.ndjson import read as read_ndjson
from worker.sources.schema import ColumnType, Format

# `Any`: each reader takes its own kind of format only.
Reader = Callable[[Iterable[bytes], Any, Mapping[str, ColumnType], Facts], Iterator[Rows]]

# To add a kind of format, add a module and a line here.
READERS: dict[str, Reader] = {"json": read_json, "ndjson": read_ndjson, "delimited": read_delimited}


def read_blocks(
    chunks: Iterable[bytes], shape: Format, columns: Mapping[str, ColumnType], facts: Facts
) -> Iterator[Rows]:
    """Yield the rows of one response in order, in blocks; `facts` is complete once they are exhausted.

    The same bytes give the same rows however they are cut into chunks. Raises RetryLater if the response is cut off or
    broken in a way that reading it again might mend, FailJob if it is not in the declared format; both name the row.
    Exceptions of `chunks` pass through. Memory holds a few chunks and the largest row at most.
    """
    return READERS[shape.kind](chunks, shape, columns, facts)
