"""Readers: from the bytes of a response to its rows, incrementally, every digit as the vendor sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from worker.model import Facts, Rows
from worker.readers.delimited import read as read_delimited
from worker.readers.json_page import read as read_json
from worker.readers.ndjson import read as read_ndjson
from worker.sources.schema import ColumnType, Format

# Each takes the one kind of format it is listed for.
Reader = Callable[[Iterable[bytes], Any, Mapping[str, ColumnType], Facts], Iterator[Rows]]

# A new kind of format: one file and one line here.
READERS: dict[str, Reader] = {"json": read_json, "ndjson": read_ndjson, "delimited": read_delimited}


def read_blocks(
    chunks: Iterable[bytes], shape: Format, columns: Mapping[str, ColumnType], facts: Facts
) -> Iterator[Rows]:
    """The rows of one response in order, as many at a time as come at once; `facts` is complete at the end.

    The same bytes give the same rows however they are cut into chunks. Raises RetryLater where the response is cut, or
    broken in a way that reading again might mend, and FailJob where it is not what was declared; both name the row.
    Whatever `chunks` raises goes through. No more than a few chunks and the largest row are held.
    """
    return READERS[shape.kind](chunks, shape, columns, facts)
