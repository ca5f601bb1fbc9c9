"""Reads CSV and TSV files incrementally: each row becomes an object of strings, typed where the report declares it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import repeat
from operator import itemgetter
from typing import Any

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.model import Facts, Rows
from worker.readers.columns import Columns
from worker.readers.footers import Footer
from worker.readers.headings import delimiter_of, dialect_of, expects_header, has_header, names_of, skip_preamble
from worker.readers.limits import LARGEST_ROW_BYTES
from worker.readers.row_maker import RowMaker
from worker.readers.text_lines import TextLines, refuse_escaped_letters
from worker.sources.schema import ColumnType, Delimited
from worker.vendor_errors import error_in_body, excerpt

_START_CHARACTERS = 64 * 1024
_FIRST = itemgetter(0)
_OTHER_FORMATS = ("<", '{"', "[{", "{\n", "{\r")
_TOO_LARGE = f"a row is larger than {LARGEST_ROW_BYTES // 1024 // 1024} MiB"
_STRAY_CR = "there is a CR within a value without quotes; if lines end with CR only, declare `line_end: cr`"

Parser = Any
"""What `csv.reader` returns: an iterator of rows; its `line_num` counts the lines read. Its type has no public name."""

Batch = list[list[Any]]
"""The values of many rows: text, or None where a value is missing."""

csv.field_size_limit(LARGEST_ROW_BYTES)


def read(chunks: Iterable[bytes], shape: Delimited, columns: Mapping[str, ColumnType], facts: Facts) -> Iterator[Rows]:
    """Yield the rows of one file. See `worker.readers.read_blocks`.

    Unless the source file says otherwise, the header must have the required columns and each row as many values as the
    header; if not, FailJob names the line. RetryLater is raised if the file may be cut off: its last line is wrong and
    has no line end, quotes are left open, or a declared footer is missing. A header without rows is a whole report.
    """
    end = "\r" if shape.line_end == "cr" else "\n"
    table = _Table(TextLines(chunks, shape.encoding, facts.charset, end=end), shape, columns)
    types = Columns(columns, shape.null_values)
    maker: RowMaker | None = None
    for batch in table.batches():
        maker = maker or RowMaker(table.names)
        yield types.convert(maker.make(batch))
    totals = (table.footer.count, table.preamble_total, facts.total)
    facts.total = next((total for total in totals if total is not None), None)


class _Table:
    """One file. `names` are its columns, known once the first line was read.

    `preamble_total` is the number of rows stated in the lines before the header, None if they state none.
    """

    def __init__(self, lines: TextLines, shape: Delimited, columns: Mapping[str, ColumnType]) -> None:
        self.names: list[str] = []
        self.footer = Footer(shape.footer)
        self.preamble_total: int | None = None
        self._lines = lines
        self._shape = shape
        self._columns = columns
        self._required = list(columns) if shape.required is None else shape.required
        self._delimiter = shape.delimiter
        self._has_rows = False
        self._header: list[str] | None = None  # if it may be repeated

    def batches(self) -> Iterator[Batch]:
        """Yield the values of many rows at a time, those before a mistake included; then raise the mistake."""
        lines = self._lines
        rows = self._make_parser()
        mistake: MillraceError | None = None
        while mistake is None and not lines.is_over:
            lines.begin_row()
            batch: Batch = []
            line, characters = self._lines_read(rows), lines.characters
            try:
                # A slice ends with a mark, which the parser reads as an empty row. So this takes all rows of a slice
                # without running Python code for each.
                batch.extend(iter(rows.__next__, []))
            except csv.Error as error:
                begins, ends = line + sum(map(lines.count, batch)) + 1, self._lines_read(rows)
                mistake = self._vendor_error(lines.line(rows.line_num)) or self._parser_mistake(
                    str(error), begins, ends
                )
            except MillraceError as error:
                mistake = error
            if batch and not self.names:
                batch, line = self._read_header(batch, line)
            is_large = lines.characters - characters > LARGEST_ROW_BYTES
            is_at_end = lines.is_tail and mistake is None
            sound, found = self._check_rows(batch, line, is_large=is_large, is_at_end=is_at_end)
            mistake = found or mistake
            self._has_rows = self._has_rows or bool(sound)
            if sound:
                yield sound
        if mistake is not None:
            raise mistake
        self._refuse_without_evidence()

    def _make_parser(self) -> Parser:
        """A parser positioned at the header. Raises FailJob if this is not a delimited file."""
        self.preamble_total = skip_preamble(self._lines, self._shape, self._required)
        first = self._lines.peek()
        if "\0" in first:
            line = self._lines.lines_dropped + 1
            raise FailJob(f"line {line}: there are NUL bytes; if the file is in UTF-16, declare that by `encoding`")
        self._refuse_json(first)
        self._delimiter = delimiter_of(first, self._shape, self._required)
        escape = self._shape.escape
        lines = self._lines if escape is None else refuse_escaped_letters(self._lines, escape)
        return csv.reader(lines, **dialect_of(self._shape, self._delimiter))

    def _lines_read(self, rows: Parser) -> int:
        """How many lines of the file the parser has read. Its own count includes the marks at the ends of slices."""
        lines = self._lines
        read: int = rows.line_num
        marks = lines.marks if read == lines.lines_given or lines.is_tail else lines.marks - 1
        return read - max(marks, 0) + lines.lines_dropped

    def _read_header(self, batch: Batch, line: int) -> tuple[Batch, int]:
        """Learn the column names; returns the batch without the header, if there is one, and the line before it."""
        first = batch[0]
        try:
            self.names = names_of(first, self._shape, self._required, self._columns)
        except FailJob as mistake:
            raise FailJob(f"line {line + 1}: {mistake}") from None
        if not has_header(first, self._shape):
            return batch, line
        # In a file of one column, a value may be the column's name.
        self._header = first if len(first) > 1 else None
        return batch[1:], line + self._lines.count(first)

    def _check_rows(
        self, batch: Batch, line: int, *, is_large: bool, is_at_end: bool
    ) -> tuple[Batch, MillraceError | None]:
        """The rows up to the first mistake, and the error for the mistake; `line` is the line before these rows.

        `is_large`: one of the rows may be too large. `is_at_end`: the last one ends the file without a line end.
        """
        width = len(self.names)
        is_plain = not (self.footer.may_be_in(batch) or self._header in batch)
        may_be_error = bool(self._shape.errors) and any(map(str.startswith, map(_FIRST, batch), repeat("{")))
        if not (is_large or may_be_error) and is_plain and set(map(len, batch)) <= {width}:
            return batch, None
        sound: Batch = []
        for number, fields in enumerate(batch, 1):
            line += self._lines.count(fields)
            if (
                may_be_error
                and fields[0].startswith("{")
                and (error := self._vendor_error(self._delimiter.join(fields)))
            ):
                return sound, error
            if self.footer.is_line(fields, width):
                continue
            if fields == self._header and self._shape.repeated_header == "drop":
                continue
            is_last = is_at_end and number == len(batch)
            if len(fields) == 1 < width and fields[0].isspace() and not is_last:
                continue
            reason = self._why_not_a_row(fields)
            if reason is not None:
                mistake = self._vendor_error(self._delimiter.join(fields))
                return sound, mistake or self._mistake(line, reason, is_at_end=is_last)
            sound.append((fields + [None] * (width - len(fields)))[:width])
        return sound, None

    def _why_not_a_row(self, fields: list[str]) -> str | None:
        """Why these values are not a row; None if they are one."""
        shape, surplus = self._shape, len(fields) - len(self.names)
        if self.footer.has_begun:
            return "a row after the footer"
        if fields == self._header:
            return "the header comes again; `repeated_header: drop` would skip it"
        if sum(map(len, fields)) + len(fields) > LARGEST_ROW_BYTES:
            return _TOO_LARGE
        if (surplus > 0 and shape.extra_fields == "fail") or (surplus < 0 and shape.missing_fields == "fail"):
            is_blank = not any((*fields[len(self.names) :], *self.names[len(fields) :]))
            hint = "; what follows a delimiter at the end is left out by `extra_fields: drop`" if is_blank else ""
            return f"{len(fields)} values for {len(self.names)} columns: {excerpt(', '.join(fields).encode())}{hint}"
        return None

    def _refuse_json(self, first: str) -> None:
        """Raise FailJob if the body is JSON or HTML instead of a delimited file."""
        if not first.lstrip().startswith(("{", "[", "<")):
            return
        start = self._lines.start(_START_CHARACTERS)
        is_other = start.lstrip().startswith(_OTHER_FORMATS)
        with suppress(ValueError, RecursionError):
            is_other = is_other or json.loads(start) is not None
        if is_other:
            raise FailJob(f"expected a delimited file, got: {excerpt(start.encode())}")

    def _refuse_without_evidence(self) -> None:
        """Raise if the file may be cut off, or if nothing in it shows that it is a report."""
        shape = self._shape
        if not self.names:
            if expects_header(shape):
                raise FailJob("the file is blank: it does not even have a header")
        elif self.footer and not self.footer.has_begun and not shape.footer_is_optional:
            reason = f"the file may be cut off: it ends without its footer ({' or '.join(map(repr, shape.footer))})"
            raise RetryLater(reason, at_most=READ_AT_MOST)
        elif not (self._has_rows or self._required or shape.columns) and (self._lines.is_tail or len(self.names) == 1):
            reason = "the file is a single line without any declared column, which does not prove a report without rows"
            raise FailJob(f"{reason}: {excerpt(', '.join(self.names).encode())}")

    def _vendor_error(self, line: str) -> MillraceError | None:
        """The error that a line states in a form the source file declares; None if it states none."""
        error = error_in_body(line.encode(), self._shape.errors)
        return error.failure(f"the vendor ended the file with an error: {error.words}") if error else None

    def _parser_mistake(self, reason: str, begins: int, ends: int) -> MillraceError:
        """The error for a row that `csv.reader` refuses for this reason in the line `ends`; `begins` is its first."""
        is_at_end = self._lines.is_over or self._lines.is_tail
        if reason.startswith(("field larger", "new-line character")):
            reason, is_at_end = _TOO_LARGE if reason.startswith("field") else _STRAY_CR, False
        elif "expected after" in reason:
            reason += ": a quote within quotes must be doubled, or `escape` declared"
        # A quote that should not be there hides the line ends after it.
        began = f"; the row begins in line {begins}" if begins < ends else ""
        return self._mistake(ends, reason + began, is_at_end=is_at_end)

    def _mistake(self, line: int, reason: str, *, is_at_end: bool) -> MillraceError:
        """The error for a row that ends in this line: FailJob, or RetryLater if the file may be cut off there."""
        if is_at_end and reason != _TOO_LARGE:
            return RetryLater(f"line {line}: the file may be cut off here: {reason}", at_most=READ_AT_MOST)
        return FailJob(f"line {line}: {reason}")
