"""Bodies, formats and readings for the tests of the readers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

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

cuts = st.lists(st.integers(min_value=0, max_value=10**6), max_size=8)
"""Where a body is cut into chunks: see `pieces`."""


@dataclass
class Reading:
    """The result of reading a response: its rows, the error at the end, if any, and the facts."""

    rows: list[Row]
    error: MillraceError | None
    facts: Facts

    @property
    def message(self) -> str:
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
    charset: str | None = None,
) -> Reading:
    """Read a body, split into chunks at the given positions, to its end or an error."""
    facts, rows, error = Facts(first_row=first_row, charset=charset), [], None
    chunks = pieces(body, cuts) if isinstance(body, bytes) else body
    try:
        for block in read_blocks(chunks, shape, columns or {}, facts):
            # The text is hashed and written, so it must be exactly these rows.
            assert block == Rows.of(block)
            rows += block
    except MillraceError as raised:
        error = raised
    return Reading(rows, error, facts)


def reading_by_ijson(
    body: bytes, shape: Format, *, columns: Mapping[str, ColumnType] | None = None, cuts: Sequence[int] = ()
) -> Reading:
    """The same without any fast path: ijson parses every row, and each is checked and typed alone."""
    with (
        patch("worker.readers.fast_cutter.FastCutter._cut_by_msgspec", lambda *_: None),
        patch("worker.readers.fast_cutter.Members.decode_end", lambda *_: None),
        patch("worker.readers.messages._make_decoder", lambda *_, **__: None),
        patch("worker.readers.row_pattern.RowPatterns.find", lambda *_: None),
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
