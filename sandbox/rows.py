"""Rows that are made when they are needed; the same seed and row number always give the same bytes.

A report's rows repeat every `PERIOD` rows, except for the row's own number. So a block is a template filled with
numbers, any row can be made directly, and memory does not grow with the report.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Literal

from sandbox.columns import Column, Style, json_value, sample, with_carrier

PERIOD = 500

Form = Literal["json", "csv"]
Restatement = Literal["values", "order"]


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that a row's bytes depend on, except its number."""

    columns: tuple[Column, ...]
    seed: str
    form: Form = "json"
    style: Style = "numbers"
    buckets: tuple[str, ...] = ("2026-02-01T00:00:00Z",)
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive rows of a report.

    `first` is the number of the first one, from 1; a header stands in block 0.
    """

    first: int
    rows: list[bytes]


@dataclass(frozen=True, slots=True)
class RowPlan:
    """The rows of one report, all of them, in order."""

    look: Look
    total: int
    shift: int = 0

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Rows `start` (from 0) up to `stop`, in blocks of at most `PERIOD`."""
        stop = self.total if stop is None else min(stop, self.total)
        start = max(start, 0)
        while start < stop:
            end = min(stop, (start // PERIOD + 1) * PERIOD)
            yield Block(start + 1, self._rows(start, end))
            start = end

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The same rows one by one."""
        for block in self.blocks(start, stop):
            yield from block.rows

    def row(self, number: int) -> bytes:
        """Row `number`, from 1."""
        return next(self.rows(number - 1, number))

    def digest(self, start: int = 0, stop: int | None = None) -> str:
        """SHA-256 over the rows in order, each with a newline."""
        running = hashlib.sha256()
        for block in self.blocks(start, stop):
            running.update(b"\n".join(block.rows) + b"\n")
        return running.hexdigest()

    def byte_count(self) -> int:
        """How many bytes all rows take, each with a newline; found without making them."""
        per_row = [len(row % 1) + 1 for row in _template(self.look)[1]]
        full, rest = divmod(self.total, PERIOD)
        return full * sum(per_row) + sum(per_row[:rest]) + _digits(self.total)

    def _rows(self, start: int, end: int) -> list[bytes]:
        if not self.shift:
            return _render(self.look, start, end)
        # Another order: the rows of each block are rotated by `shift`; all in all they are the same rows.
        begin = start // PERIOD * PERIOD
        whole = _render(self.look, begin, min(begin + PERIOD, self.total))
        turn = self.shift % len(whole)
        turned = whole[turn:] + whole[:turn]
        return turned[start - begin : end - begin]


@dataclass(frozen=True, slots=True)
class FixedRows:
    """A few fixed rows, with the methods of a plan."""

    known: tuple[bytes, ...]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.known)

    def blocks(self, start: int = 0, stop: int | None = None) -> Iterator[Block]:
        """Rows `start` up to `stop`, as one block."""
        if rows := list(self.known[start:stop]):
            yield Block(start + 1, rows)

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The same rows one by one."""
        yield from self.known[start:stop]


Rows = RowPlan | FixedRows


def _render(look: Look, start: int, end: int) -> list[bytes]:
    whole, rows = _template(look)
    first = start % PERIOD
    text = whole if end - start == PERIOD else b"\n".join(rows[first : first + end - start])
    # One formatting for a whole block: this makes the sandbox faster than its readers.
    return (text % tuple(range(start + 1, end + 1))).split(b"\n")


@lru_cache(maxsize=32)
def _template(look: Look) -> tuple[bytes, list[bytes]]:
    """A period of rows with a `%d` in each where its number goes: as one text, and row by row."""
    # One generator for the whole period, used in order, so that a seed gives the same rows in every process.
    random = Random(look.seed)
    rows = []
    for place in range(PERIOD):
        bucket = look.buckets[place % len(look.buckets)]
        texts = [sample(column, random, bucket) for column in look.columns]
        if look.form == "json":
            pairs = zip(look.columns, texts, strict=True)
            values = [f'"{column.name}":{json_value(column, text, look.style, place)}' for column, text in pairs]
            rows.append(("{" + ",".join(values) + "}").encode())
        else:
            rows.append(csv_line(texts, look.delimiter))
    return b"\n".join(rows), rows


def csv_line(values: Iterable[str], delimiter: str) -> bytes:
    """One line of a CSV file, without its end."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(values)
    return line.getvalue().encode()


def _digits(last: int) -> int:
    """How many characters the numbers 1 to `last` take beyond one each."""
    total, width, low = 0, 1, 1
    while low <= last:
        high = min(last, low * 10 - 1)
        total += (high - low + 1) * (width - 1)
        width, low = width + 1, low * 10
    return total


@dataclass(frozen=True, slots=True)
class Rendering:
    """How the rows of any report are made: how many, from which seed, in which revision, written in which form."""

    rows: int
    seed: int = 1
    revision: int = 1
    restate: Restatement = "values"
    style: Style = "numbers"
    form: Form = "json"
    delimiter: str = ","


def plan_rows(
    report: str, columns: tuple[Column, ...], rendering: Rendering, buckets: tuple[str, ...] = ("2026-02-01T00:00:00Z",)
) -> RowPlan:
    """The rows of `vendor.report` with these columns.

    The same arguments give the same rows, in any process.
    """
    is_other_order = rendering.restate == "order"
    seed = f"{rendering.seed}/{report}/{1 if is_other_order else rendering.revision}"
    look = Look(with_carrier(columns), seed, rendering.form, rendering.style, buckets, rendering.delimiter)
    return RowPlan(look, rendering.rows, rendering.revision - 1 if is_other_order else 0)
