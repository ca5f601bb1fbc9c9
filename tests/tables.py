"""Tables for tests: rows that a format writes into memory, and that other libraries read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow.parquet

from worker.model import Rows
from worker.sinks.files.formats.kinds import FORMATS
from worker.sinks.files.formats.row_format import Columns


class MemoryFile:
    """The file that a format writes a part into, in memory."""

    def __init__(self, columns: Columns | None) -> None:
        self.columns = columns
        self.rows = 0
        self.content = b""

    def write(self, data: bytes) -> None:
        self.content += data


def written(
    kind: str,
    *batches: Sequence[bytes],
    declared: Mapping[str, str] | None = None,
    known: Columns | None = None,
    compression: str = "none",
) -> list[MemoryFile]:
    """The files that a format makes from these batches of rows."""
    files: list[MemoryFile] = []

    def begin(columns: Columns | None) -> MemoryFile:
        files.append(MemoryFile(columns))
        return files[-1]

    writer = FORMATS[kind].writer(begin, known or {}, declared or {}, compression)
    for rows in batches:
        writer.write(Rows.of(rows))
    writer.finish()
    return files


def csv_rows(file: MemoryFile) -> list[dict[str, str]]:
    """A CSV file as Python's own reader sees it."""
    return list(csv.DictReader(io.StringIO(file.content.decode(), newline=""), strict=True))


def parquet_rows(file: MemoryFile) -> list[dict[str, Any]]:
    """A Parquet file as pyarrow sees it."""
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(io.BytesIO(file.content)).to_pylist()
    return rows


def exact(row: bytes) -> dict[str, Any]:
    """A row's members; a number with a point or an exponent is a decimal."""
    members: dict[str, Any] = json.loads(row, parse_float=Decimal)
    return members
