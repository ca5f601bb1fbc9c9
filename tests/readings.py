"""Bodies, formats and readings for the tests of the readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from worker.errors import MillraceError
from worker.model import DeadRow, Facts, Row, Rows
from worker.readers import read_blocks
from worker.sources.schema import ColumnType, Delimited, ErrorShape, Format, JsonRows, Ndjson, StreamHeader

PLAIN = Ndjson(kind="ndjson")
STREAM = Ndjson(
    kind="ndjson",
    header=StreamHeader(),
    metadata="meta",
    errors=[
        ErrorShape(when="error_code", code="error_code", message="message", request_id="request_id"),
        ErrorShape(
            when="meta.status", equals="error", code="errors.0.code", message="errors.0.message", request_id="meta.uuid"
        ),
    ],
)
PAGE = JsonRows(
    kind="json",
    rows=["data.rows", "rows", "data"],
    total=["data.total_rows", "total_rows"],
    total_pages=["meta.total_pages"],
    next=["data.links.next", "links.next"],
    errors=[ErrorShape(when="error_code", code="error_code", message="message", request_id="request_id")],
)
FILE = Delimited(kind="delimited")


@dataclass
class Reading:
    """What came of reading a response: its rows, what was raised in the end, and the facts."""

    rows: list[Row]
    error: MillraceError | None
    facts: Facts

    @property
    def said(self) -> str:
        return str(self.error)

    @property
    def published(self) -> list[bytes]:
        assert self.error is None, self.error
        assert not any(isinstance(row, DeadRow) for row in self.rows)
        return [row for row in self.rows if isinstance(row, bytes)]


def reading(
    body: bytes | Iterable[bytes],
    shape: Format,
    *,
    columns: Mapping[str, ColumnType] | None = None,
    cuts: Sequence[int] = (),
    first_row: int = 1,
) -> Reading:
    """Read a body, cut into chunks at the given places, to its end or its error."""
    facts, rows, error = Facts(first_row=first_row), [], None
    chunks = pieces(body, cuts) if isinstance(body, bytes) else body
    try:
        for block in read_blocks(chunks, shape, columns or {}, facts):
            # What is hashed and written is the text, so it has to be these rows and no other byte.
            assert block == Rows.of(block)
            rows += block
    except MillraceError as raised:
        error = raised
    return Reading(rows, error, facts)


def reading_by_ijson(
    body: bytes, shape: Format, *, columns: Mapping[str, ColumnType] | None = None, cuts: Sequence[int] = ()
) -> Reading:
    """The same without whatever makes reading fast: every row by ijson, looked at and typed alone."""
    with (
        patch("worker.readers.fast_cutter.FastCutter._cut_by_msgspec", lambda *_: None),
        patch("worker.readers.messages._make_decoder", lambda *_, **__: None),
        patch("worker.readers.columns._MOST_PATTERNS", 0),
    ):
        return reading(body, shape, columns=columns, cuts=cuts)


def pieces(body: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """The body in chunks, some of them empty."""
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return (body[start:end] for start, end in pairwise(places))


def header(names: Iterable[str], total: int) -> bytes:
    """The first line of a stream."""
    fields: list[Any] = [{"name": name} for name in names]
    return (repr({"fields": fields, "total_items_count": total}).replace("'", '"') + "\n").encode()
