"""Writes CSV as in RFC 4180: a header, lines that end in CR LF, and quotes if a cell needs them.

A column that is not in the header begins a new file with a wider header. Null is an empty cell, an empty string a
quoted empty cell, a nested value its JSON. Cells that look like formulas are not escaped: they are data.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from worker.model import Rows
from worker.sinks.files.compression import open_unpacked
from worker.sinks.files.formats.cells import Cell, cell_columns, check_columns, text_of
from worker.sinks.files.formats.row_format import BeginFile, Columns, Format, OutputFile, RowWriter

TEXT = "text"
_needs_quotes = re.compile(r'^$|[",\r\n]').search


class CsvWriter(RowWriter):
    """Writes batch by batch. New columns of a batch are in the header of the file before its first row is written."""

    def __init__(self, begin: BeginFile, known: Columns, declared: Mapping[str, str], compression: str) -> None:
        self._begin = begin
        self._columns: Columns = dict(known) or dict.fromkeys(declared, TEXT)
        self._file: OutputFile | None = None

    def write(self, rows: Rows) -> None:
        found = cell_columns(rows.text)
        file = self._file
        if file is None or not found.keys() <= self._columns.keys():
            self._columns |= {name: TEXT for name in found if name not in self._columns}
            check_columns(self._columns)
            file = self._file = self._begin(dict(self._columns))
            file.write(_lines([[name] for name in self._columns]).encode())
        nulls = [None] * len(rows)
        file.write(_lines([found.get(name, nulls) for name in self._columns]).encode())
        file.rows += len(rows)


def _lines(columns: Sequence[Sequence[Cell]]) -> str:
    """The lines of a table, by csv.writer, except for rows with an empty string, which it would write like null."""
    kinds = [set(map(type, cells)) for cells in columns]
    columns = [
        list(map(text_of, cells)) if bool in known else cells for cells, known in zip(columns, kinds, strict=True)
    ]
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    rows = zip(*columns, strict=True)
    if not any("" in cells for cells, known in zip(columns, kinds, strict=True) if str in known):
        writer.writerows(rows)
        return lines.getvalue()
    for row in rows:
        if "" in row:
            lines.write(",".join([_quote(text_of(cell)) for cell in row]) + "\r\n")
        else:
            writer.writerow(row)
    return lines.getvalue()


def _quote(text: str | None) -> str:
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if _needs_quotes(text) else text


def count(path: Path) -> int:
    """The number of rows in a file, without its header."""
    with open_unpacked(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        limit = csv.field_size_limit(2**31 - 1)
        try:
            return sum(1 for _ in csv.reader(text, strict=True)) - 1
        finally:
            csv.field_size_limit(limit)


CSV = Format(".csv", ("none", "gzip", "zstd"), CsvWriter, count)
