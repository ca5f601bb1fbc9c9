"""Tells the objects of a stream apart: header, row, metadata, error. Nothing in them says which they are.

The order of the tests is made for MediaMath, whose documentation says what may come when: a header, rows, and at any
time metadata or an error, which ends the stream. They go by what came before and by the whole set of keys, so that a
column called `meta` or `message` does no harm.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from operator import eq
from typing import Any

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.json_path import find
from worker.model import Facts
from worker.readers.cutter import Cut
from worker.readers.exact import dumps
from worker.readers.faults import excerpt
from worker.sources.schema import ErrorShape, Ndjson, StreamHeader
from worker.vendor_errors import VendorError, describe, error_in, paths_of


class Messages:
    """The objects of one stream, in order. `facts.total` is what its header says; `rows` counts the rows so far."""

    def __init__(self, shape: Ndjson, facts: Facts) -> None:
        self.rows = 0
        self.is_empty = True
        self._shape = shape
        self._facts = facts
        self._columns: frozenset[str] | None = None
        self._row_keys: list[str] | None = None  # of a row, in their order: another with the same is a row
        # The vendor's definition of an error requires none of its fields, so any of them alone is one.
        plain = [error for error in shape.errors if error.equals is error.unless is error.contains is None]
        self._flat = [error for error in plain if "." not in "".join(paths_of([error]))]

    @property
    def next_row(self) -> int:
        """The number of the row that comes next, for messages."""
        return self._facts.first_row + self.rows

    def sorted(self, rows: list[bytes], values: list[dict[str, Any]]) -> tuple[Cut, MillraceError | None]:
        """The rows among the objects, up to what ends the stream, and that."""
        self.is_empty = self.is_empty and not rows
        if self._row_keys is not None and all(map(eq, map(list, values), repeat(self._row_keys))):
            self.rows += len(rows)
            return (rows, values), None
        kept: Cut = ([], [])
        for row, value in zip(rows, values, strict=True):
            try:
                if not self._is_row(value):
                    continue
            except MillraceError as end:
                return kept, end
            kept[0].append(row)
            kept[1].append(value)
            self.rows += 1
        return kept, None

    def end(self) -> None:
        """The stream ended as its protocol wants. Raises where a header had to come and did not."""
        if self._shape.header is None or self._columns is not None:
            return
        if self.is_empty:
            raise FailJob("the stream is empty: its header never came")
        raise RetryLater("the stream ended before its header", at_most=READ_AT_MOST)

    def _is_row(self, value: dict[str, Any]) -> bool:
        header = self._shape.header
        if header is None:
            return self._is_plain_row(value)
        if self._columns is None and self._begins(value, header):
            return False
        columns = self._columns or frozenset()
        if self._columns is not None and value.keys() == columns:
            self._row_keys = list(value)
            return True
        self._refuse_error(value, columns)
        if self._is_metadata(value) and self._shape.metadata not in columns:
            return False
        is_sparse = bool(value) and value.keys() < columns and value.keys() != {self._shape.metadata}
        if not is_sparse:
            what = "before the header" if self._columns is None else "neither a row nor another message of this stream"
            raise FailJob(f"row {self.next_row}: {what}: {excerpt(dumps(value))}")
        return True

    def _is_plain_row(self, value: dict[str, Any]) -> bool:
        """In a stream without header every object is a row, unless it is declared to be something else."""
        if error := error_in(partial(find, value), self._shape.errors):
            raise self._ended_by(error)
        if self._is_metadata(value):
            return False
        names = {path.split(".")[0] for path in paths_of(self._shape.errors)} | {self._shape.metadata}
        self._row_keys = None if names & value.keys() else list(value)
        return True

    def _begins(self, value: dict[str, Any], header: StreamHeader) -> bool:
        """Is this the header? If so, remember its columns and its count."""
        columns, total = find(value, header.columns), find(value, header.total)
        if not isinstance(columns, list) or type(total) is not int:
            return False
        names = [find(column, header.name) for column in columns]
        if not all(isinstance(name, str) for name in names):
            return False
        self._columns = frozenset(names)
        self._facts.total = total if total >= 0 else None
        self._refuse_ambiguous(self._columns)
        return True

    def _refuse_ambiguous(self, columns: frozenset[str]) -> None:
        """Some columns would make every row look like another message."""
        flat = ({*paths_of([error])} for error in self._flat)
        if columns == {self._shape.metadata} or any(columns and columns <= names for names in flat):
            raise FailJob(f"rows with no columns but {', '.join(sorted(columns))} cannot be told from other messages")

    def _refuse_error(self, value: dict[str, Any], columns: frozenset[str]) -> None:
        """Raise if this is an error. What may be a row of these columns is none."""
        if value and value.keys() <= columns:
            return
        error = error_in(partial(find, value), self._shape.errors)
        if error is None and (shape := self._partial(value, columns)) is not None:
            error = VendorError(describe(partial(find, value), shape), shape.then)
        if error is not None:
            raise self._ended_by(error)

    def _partial(self, value: dict[str, Any], columns: frozenset[str]) -> ErrorShape | None:
        """The shape of which these keys are a part and no column is."""
        if not value or value.keys() & columns:
            return None
        return next((shape for shape in self._flat if value.keys() <= {*paths_of([shape])}), None)

    def _is_metadata(self, value: dict[str, Any]) -> bool:
        name = self._shape.metadata
        return name is not None and value.keys() == {name} and isinstance(value[name], dict)

    def _ended_by(self, error: VendorError) -> MillraceError:
        return error.failure(f"the vendor ended the stream with an error after {self.rows} rows: {error.words}")
