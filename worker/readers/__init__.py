"""Readers: from the bytes of a response to its rows, incrementally, every digit as the vendor sent it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from worker.model import Facts, Row
from worker.readers.delimited import read as read_delimited
from worker.readers.json_page import read as read_json
from worker.readers.lines import read as read_lines
from worker.readers.ndjson import read as read_ndjson
from worker.sources.schema import ColumnType, Format, Ndjson

# Each takes the one kind of format it is listed for.
Reader = Callable[[Iterable[bytes], Any, Mapping[str, ColumnType], Facts], Iterator[list[Row]]]

# A new kind of format: one file and one line here.
READERS: dict[tuple[str, str], Reader] = {
    ("json", "ijson"): read_json,
    ("ndjson", "ijson"): read_ndjson,
    ("ndjson", "lines"): read_lines,
    ("delimited", "delimited"): read_delimited,
}


def reader_for(shape: Format, preferred: str | None = None) -> str:
    """The name of the reader of a format. For NDJSON the source file decides, then `preferred`, then it is ijson."""
    if isinstance(shape, Ndjson):
        wanted = shape.reader or preferred or "ijson"
        return wanted if (shape.kind, wanted) in READERS else "ijson"
    return next(name for kind, name in READERS if kind == shape.kind)


def read(
    chunks: Iterable[bytes], shape: Format, columns: Mapping[str, ColumnType], facts: Facts, *, reader: str
) -> Iterator[Row]:
    """The rows of one response in order, each as its JSON bytes or set aside; `facts` is complete at the end.

    The same bytes give the same rows however they are cut into chunks. Raises RetryLater where the response is cut, or
    broken in a way that reading again might mend, and FailJob where it is not what was declared; both name the row.
    Whatever `chunks` raises goes through. No more than a few chunks and the largest row are held.
    """
    return chain.from_iterable(read_lists(chunks, shape, columns, facts, reader=reader))


def read_lists(
    chunks: Iterable[bytes], shape: Format, columns: Mapping[str, ColumnType], facts: Facts, *, reader: str
) -> Iterator[list[Row]]:
    """The same rows, as many at a time as come at once; some of the lists are empty."""
    return READERS[shape.kind, reader](chunks, shape, columns, facts)
