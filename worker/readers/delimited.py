"""CSV and TSV, incrementally: each row one object of text values, typed where the report declares it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.model import Facts, Row
from worker.readers.columns import Columns
from worker.readers.headings import delimiter_of, has_header, names_of
from worker.readers.limits import LARGEST_ROW_BYTES
from worker.readers.text_lines import TextLines
from worker.sources.schema import ColumnType, Delimited
from worker.vendor_errors import excerpt

_BATCH_ROWS = 200
_BATCH_CHARACTERS = 256 * 1024
_OTHER_FORMATS = ("<", '{"', "[{", "{\n", "{\r")

csv.field_size_limit(LARGEST_ROW_BYTES)


def read(
    chunks: Iterable[bytes], shape: Delimited, columns: Mapping[str, ColumnType], facts: Facts
) -> Iterator[list[Row]]:
    """The rows of one file; an empty one has none. See `worker.readers.read_lists`.

    Every row must be as wide as the header, else FailJob names the line. A last line without newline that is not may be
    cut: RetryLater, as for a file that ends within quotes.
    """
    table = _Table(TextLines(chunks), shape, columns)
    typed = Columns(columns)
    for batch in table.batches():
        values: list[dict[str, Any]] = [dict(zip(table.names, fields, strict=True)) for fields in batch]
        yield typed.typed(list(map(orjson.dumps, values)))


class _Table:
    """A file of rows of equal width; `names` are those of its columns once the first row was read."""

    def __init__(self, lines: TextLines, shape: Delimited, columns: Mapping[str, ColumnType]) -> None:
        self.names: list[str] = []
        self._lines = lines
        self._shape = shape
        self._columns = columns

    def batches(self) -> Iterator[list[list[str]]]:
        """The values of several rows at a time, those before a mistake included."""
        rows = self._rows()
        mistake: MillraceError | None = None
        is_over = False
        while mistake is None and not is_over:
            batch: list[list[str]] = []
            begun = self._lines.characters
            try:
                is_over = True
                for fields in rows:
                    batch.append(fields)
                    if len(batch) == _BATCH_ROWS or self._lines.characters - begun > _BATCH_CHARACTERS:
                        is_over = False
                        break
            except MillraceError as error:
                mistake = error
            if batch:
                yield batch
        if mistake is not None:
            raise mistake

    def _rows(self) -> Iterator[list[str]]:
        first = self._lines.peek()
        if first.lstrip().startswith(_OTHER_FORMATS):
            raise FailJob(f"no delimited text but: {excerpt(first.encode())}")
        rows = csv.reader(self._lines, delimiter=delimiter_of(first, self._shape), strict=True)
        try:
            for fields in rows:
                if fields and self._is_row(fields):
                    yield fields
                self._lines.mark()
        except csv.Error as error:
            raise self._wrong(str(error)) from None

    def _is_row(self, fields: list[str]) -> bool:
        """Is this a row and not the header? Raises where it is as wide as neither."""
        if not self.names:
            self.names = names_of(fields, self._shape, self._columns)
            if has_header(fields, self._shape):
                return False
        if len(fields) != len(self.names):
            raise self._wrong(f"{len(fields)} values for {len(self.names)} columns")
        return True

    def _wrong(self, what: str) -> MillraceError:
        """A mistake in the row read last: where the file ends in it, it may be cut."""
        if self._lines.is_over:
            return RetryLater(f"line {self._lines.number}: the file may be cut here: {what}", at_most=READ_AT_MOST)
        return FailJob(f"line {self._lines.number}: {what}")
