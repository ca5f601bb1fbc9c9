"""Writes Parquet, one row group at a time, with types found from the values.

The first rows and the declared columns give the columns and their types. Rows that need another column or a wider type
begin a new file; the file before stays as it is. So no value is ever rounded, cut or lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any

from worker.errors import FailJob
from worker.model import Rows
from worker.sinks.files.compression import GZIP_LEVEL
from worker.sinks.files.formats.cells import Cell, cell_columns, check_columns, text_of
from worker.sinks.files.formats.column_types import (
    BOOLEAN,
    DECLARED,
    INTEGER,
    LOCAL_TIMESTAMP,
    STRING,
    TIMESTAMP,
    WHOLE_DIGITS,
    scale_of,
    widen,
)
from worker.sinks.files.formats.row_format import BeginFile, Columns, Format, OutputFile, RowWriter

if TYPE_CHECKING:
    import pyarrow

GROUP_ROWS = 20_000
GROUP_BYTES = 8 * 1024 * 1024
"""The size of a row group as JSON. Memory holds this much of a page, and the same rows as a table."""


class ParquetWriter(RowWriter):
    """Buffers the rows of one row group at most."""

    def __init__(self, begin: BeginFile, known: Columns, declared: Mapping[str, str], compression: str) -> None:
        self._begin = begin
        self._columns: Columns = dict(known) or {name: DECLARED[kind] for name, kind in declared.items()}
        self._times = {name for name, kind in declared.items() if kind == "datetime"}
        self._compression = compression
        self._texts: list[bytes] = []
        self._rows = 0
        self._bytes = 0
        self._output: Any = None
        self._sink = _Output(None)
        self._file: OutputFile | None = None

    def write(self, rows: Rows) -> None:
        self._texts.append(rows.text)
        self._rows += len(rows)
        self._bytes += len(rows.text)
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        if self._rows:
            self._write_group()
        self._close()

    def discard(self) -> None:
        # An open writer would complete its file when it is collected.
        self._sink.is_dropped = True
        self._close()

    def _write_group(self) -> None:
        text, count = b"".join(self._texts), self._rows
        self._texts, self._rows, self._bytes = [], 0, 0
        found = cell_columns(text)
        # The known columns, followed by new ones in the order of their first occurrence.
        names = self._columns | dict.fromkeys(found, "")
        check_columns(names)
        nulls = [None] * count
        values = {name: found.get(name, nulls) for name in names}
        columns = self._find_types(values)
        if self._file is None or columns != self._columns:
            self._close()
            self._columns = columns
            self._open()
        if self._file is None:
            raise RuntimeError("no file was begun")
        self._output.write_table(_make_table(columns, values), row_group_size=GROUP_ROWS)
        self._file.rows += count

    def _find_types(self, columns_of_values: Mapping[str, Sequence[Cell]]) -> Columns:
        """The types for these columns, without columns that have no value yet."""
        columns: Columns = {}
        for name, values in columns_of_values.items():
            held = self._columns.get(name)
            # As long as no file is written, a column declared as times may still get another type from its values.
            if self._file is None and name in self._times:
                held = widen(None, values, is_time=True) or held
            kind = widen(held, values, is_time=name in self._times)
            if kind is not None:
                columns[name] = kind
        # If all values are null, text is as good as any type.
        return columns or dict.fromkeys(columns_of_values, STRING)

    def _open(self) -> None:
        import pyarrow.parquet

        self._file = self._begin(dict(self._columns))
        self._sink = _Output(self._file)
        schema = pyarrow.schema([(name, _arrow_type(kind)) for name, kind in self._columns.items()])
        # pyarrow's default for gzip is level 9, which takes three times as long for hardly smaller files.
        level = GZIP_LEVEL if self._compression == "gzip" else None
        self._output = pyarrow.parquet.ParquetWriter(
            pyarrow.PythonFile(self._sink, mode="w"), schema, compression=self._compression, compression_level=level
        )

    def _close(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None


class _Output:
    """An OutputFile with the methods that pyarrow needs."""

    closed = False
    is_dropped = False

    def __init__(self, file: OutputFile | None) -> None:
        self._file = file
        self._written = 0

    def write(self, data: bytes) -> int:
        if self._file is not None and not self.is_dropped:
            self._file.write(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing to do: the part flushes when it is sealed."""

    def close(self) -> None:
        self.closed = True


def _make_table(columns: Columns, columns_of_values: Mapping[str, Sequence[Cell]]) -> pyarrow.Table:
    import pyarrow

    arrays = []
    for name, kind in columns.items():
        values: Sequence[object] = columns_of_values[name]
        is_text = kind == STRING and set(map(type, values)) <= {str, NoneType}
        if (convert := _converter(kind)) and not is_text:
            values = [None if value is None else convert(value) for value in values]
        try:
            arrays.append(pyarrow.array(values, _arrow_type(kind)))
        except (pyarrow.ArrowException, ValueError, OverflowError) as error:
            raise FailJob(f"the column {name!r} cannot be written as {kind}: {error}") from error
    return pyarrow.table(arrays, names=list(columns))


def _converter(kind: str) -> Callable[[Any], object] | None:
    """The function that converts a cell to this type; None if no conversion is needed."""
    if kind in {INTEGER, BOOLEAN}:
        return None
    if kind in {TIMESTAMP, LOCAL_TIMESTAMP}:
        return datetime.fromisoformat
    return Decimal if scale_of(kind) is not None else text_of


def _arrow_type(kind: str) -> pyarrow.DataType:
    import pyarrow

    if (scale := scale_of(kind)) is not None:
        return pyarrow.decimal128(WHOLE_DIGITS + scale, scale)
    return {
        BOOLEAN: pyarrow.bool_(),
        INTEGER: pyarrow.int64(),
        STRING: pyarrow.string(),
        TIMESTAMP: pyarrow.timestamp("us", tz="UTC"),
        LOCAL_TIMESTAMP: pyarrow.timestamp("us"),
    }[kind]


def count(path: Path) -> int:
    """The number of rows in a file, by its footer."""
    import pyarrow.parquet

    rows: int = pyarrow.parquet.read_metadata(path).num_rows
    return rows


PARQUET = Format(
    ".parquet",
    ("zstd", "snappy", "gzip", "none"),
    ParquetWriter,
    count,
    packs_itself=True,
    needs="pyarrow",
    extra="parquet",
)
