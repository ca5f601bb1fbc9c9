"""Writes NDJSON: each row's JSON and a newline, exactly the bytes that the digest covers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from worker.model import Rows
from worker.sinks.files.compression import open_unpacked
from worker.sinks.files.formats.row_format import BeginFile, Columns, Format, OutputFile, RowWriter


class NdjsonWriter(RowWriter):
    """Writes the text of a batch as it is, without looking at single rows."""

    def __init__(self, begin: BeginFile, known: Columns, declared: Mapping[str, str], compression: str) -> None:
        self._begin = begin
        self._file: OutputFile | None = None

    def write(self, rows: Rows) -> None:
        if self._file is None:
            self._file = self._begin(None)
        self._file.write(rows.text)
        self._file.rows += len(rows)


def rows(path: Path) -> Iterator[bytes]:
    """The rows of a file, each as it was published."""
    with open_unpacked(path) as lines:
        for line in lines:
            yield line.rstrip(b"\n")


def count(path: Path) -> int:
    return sum(1 for _ in rows(path))


NDJSON = Format(".ndjson", ("none", "gzip", "zstd"), NdjsonWriter, count, rows)
