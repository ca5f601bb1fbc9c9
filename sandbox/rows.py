"""Makes rows when they are needed; the same seed and row number always give the same bytes.

A report's rows repeat every `PERIOD` rows, except for the row numbers in them. So a block is a template filled with
numbers, any row can be made directly, and memory does not grow with the report.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any, Literal

from sandbox.columns import Column, Style, json_value, sample, with_carrier

PERIOD = 500


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a report.

    `first` is the number of the first one, from 1; a header is in block 0.
    """

    first: int
    rows: list[bytes]


class Cut(bytes):
    """Ends the body after these bytes, and breaks the connection."""


class CleanCut(Cut):
    """Ends the body after these bytes as if it were complete."""


class Last(bytes):
    """The last row: the body then ends correctly."""


class Gone(bytes):
    """A row that is left out."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """How the rows of a report are made: their number, seed, revision and written form."""

    rows: int
    seed: int = 1
    revision: int = 1
    restate: Literal["values", "order"] = "values"
    style: Style = "numbers"
    form: Literal["json", "csv"] = "json"
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class RowPlan:
    """All rows of `report` (`vendor.name`), in order. The same plan gives the same rows, in any process.

    The times in `buckets` are used in turn, one for each row. `known` are fixed rows, which need not be made.
    """

    report: str
    columns: tuple[Column, ...]
    how: Rendering
    buckets: tuple[str, ...] = ("2026-02-01T00:00:00Z",)
    known: tuple[bytes, ...] | None = None

    @property
    def total(self) -> int:
        """The number of rows."""
        return self.how.rows

    def rendered(self, **changes: Any) -> RowPlan:
        """The same plan with these fields of its rendering changed."""
        return replace(self, how=replace(self.how, **changes))

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Rows `start` (from 0) up to `stop`, in blocks of at most `PERIOD`."""
        stop = self.total if stop is None else min(stop, self.total)
        start = max(start, 0)
        while start < stop:
            begin = start // PERIOD * PERIOD
            end = min(stop, begin + PERIOD)
            if self.how.restate == "values":
                rows = self._render(start, end)
            else:
                # Another order of the same rows: each block is rotated by one row for each revision.
                block = self._render(begin, min(begin + PERIOD, self.total))
                turn = (self.how.revision - 1) % len(block)
                rows = (block[turn:] + block[:turn])[start - begin : end - begin]
            yield Block(start + 1, rows)
            start = end

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The same rows one by one."""
        for block in self.blocks(start, stop):
            yield from block.rows

    def row(self, number: int) -> bytes:
        """Row `number`, from 1."""
        return next(self.rows(number - 1, number))

    def byte_count(self) -> int:
        """The bytes of all rows, each with a newline; computed without making the rows."""
        per_row = [len(row % 1) + 1 for row in self._template()[1]]
        full, rest = divmod(self.total, PERIOD)
        # Above, each row number counted as one digit; these are the further digits of larger numbers.
        more_digits = sum(self.total + 1 - int(10**width) for width in range(1, len(str(self.total))))
        return full * sum(per_row) + sum(per_row[:rest]) + more_digits

    def _render(self, start: int, end: int) -> list[bytes]:
        if self.known is not None:
            return list(self.known[start:end])
        whole, rows = self._template()
        first = start % PERIOD
        text = whole if end - start == PERIOD else b"\n".join(rows[first : first + end - start])
        # One % operation for a whole block, which makes the sandbox faster than its readers.
        return (text % tuple(range(start + 1, end + 1))).split(b"\n")

    def _template(self) -> tuple[bytes, list[bytes]]:
        how = self.how
        seed = f"{how.seed}/{self.report}/{how.revision if how.restate == 'values' else 1}"
        return _template(self.columns, self.buckets, seed, how.style, how.delimiter if how.form == "csv" else None)


@lru_cache(maxsize=32)
def _template(
    columns: tuple[Column, ...], buckets: tuple[str, ...], seed: str, style: Style, delimiter: str | None
) -> tuple[bytes, list[bytes]]:
    """A period of rows, each with a `%d` for its number, as one text and row by row; as JSON if `delimiter` is None."""
    # One generator for the whole period, in order, so that a seed gives the same rows in every process.
    random = Random(seed)
    columns = with_carrier(columns)
    rows = []
    for place in range(PERIOD):
        bucket = buckets[place % len(buckets)]
        texts = [sample(column, random, bucket) for column in columns]
        if delimiter is None:
            pairs = zip(columns, texts, strict=True)
            values = [f'"{column.name}":{json_value(column, text, style, place)}' for column, text in pairs]
            rows.append(("{" + ",".join(values) + "}").encode())
        else:
            rows.append(csv_line(texts, delimiter))
    return b"\n".join(rows), rows


def csv_line(values: Iterable[str], delimiter: str) -> bytes:
    """One line of a CSV file, without its newline."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(values)
    return line.getvalue().encode()


def fixed_rows(report: str, *rows: bytes) -> RowPlan:
    """A plan of exactly these rows."""
    return RowPlan(report, (), Rendering(len(rows)), known=rows)


def digest(rows: Iterable[bytes]) -> str:
    """SHA-256 over the rows, each with a newline."""
    running = hashlib.sha256()
    for row in rows:
        running.update(row + b"\n")
    return running.hexdigest()
