"""NDJSON: each row's JSON and a newline, byte for byte as the digest ran over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from worker.model import Rows
from worker.sinks.files.compression import open_unpacked
from worker.sinks.files.formats.row_format import BeginFile, Columns, Format, OutputFile


class NdjsonWriter:
    """Writes a batch's text as it is: no row is touched."""

    def __init__(self, begin: BeginFile, known: Columns, declared: Mapping[str, str], compression: str) -> None:
        self._begin = begin
        self._file: OutputFile | None = None

    def write(self, rows: Rows) -> None:
        if self._file is None:
            self._file = self._begin(None)
        self._file.write(rows.text)
        self._file.rows += len(rows)

    def finish(self) -> None:
        """Nothing is held back."""

    def discard(self) -> None:
        """Nothing is held."""


def rows(path: Path) -> Iterator[bytes]:
    """The rows of a file, each as it was published."""
    with open_unpacked(path) as lines:
        for line in lines:
            yield line.rstrip(b"\n")


def count(path: Path) -> int:
    return sum(1 for _ in rows(path))


NDJSON = Format(".ndjson", ("none", "gzip", "zstd"), NdjsonWriter, count, rows)
