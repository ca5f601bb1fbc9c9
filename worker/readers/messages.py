"""Tells the objects of a stream apart: header, row, metadata, error. Nothing in them says which they are.

The order of the tests is made for MediaMath, whose documentation says what may come when: a header, rows, and at any
time metadata or an error, which ends the stream. They go by what came before and by the whole set of keys, so that a
column called `meta` or `message` does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.json_path import find, split
from worker.model import Facts, Rows
from worker.readers.limits import is_utf8
from worker.sources.schema import ErrorShape, Ndjson, StreamHeader
from worker.vendor_errors import VendorError, describe, error_in, excerpt, paths_of


class Messages:
    """The objects of one stream, in order. `facts.total` is what its header says; `rows` counts the rows so far."""

    def __init__(self, shape: Ndjson, facts: Facts) -> None:
        self.rows = 0
        self.is_empty = True
        self.end: MillraceError | None = None
        self._shape = shape
        self._facts = facts
        self._columns: frozenset[str] | None = None
        self._has_row = False
        # Takes objects that are rows beyond doubt; None where none is. With a header it is made for the first row.
        names = {split(error.when)[0].split(".")[0] for error in shape.errors}
        names |= {shape.metadata} if shape.metadata is not None else set()
        self._rows = None if shape.header else _objects_without(names)
        # The vendor's definition of an error requires none of its fields, so any of them alone is one.
        plain = [error for error in shape.errors if error.equals is error.unless is error.contains is None]
        self._flat = [error for error in plain if "." not in "".join(paths_of([error]))]

    @property
    def next_row(self) -> int:
        """The number of the row that comes next, for messages."""
        return self._facts.first_row + self.rows

    def count_rows(self, objects: bytes) -> int:
        """How many rows these objects are, 0 where one of them may be another message, or no JSON in UTF-8."""
        if self._rows is None:
            return 0
        try:
            rows = len(self._rows.decode_lines(objects))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        # Every text of a row with known keys was made a value, so that its bytes are proven; others were passed over.
        return rows if self._has_row or is_utf8(objects) else 0

    def take(self, rows: Rows) -> Rows:
        """Objects that are rows beyond doubt; none behind the end."""
        if self.end is not None:
            return Rows()
        self.is_empty = self.is_empty and not rows
        self.rows += len(rows)
        return rows

    def choose(self, objects: Rows) -> Rows:
        """The rows among the objects, up to what ends the stream, which is then the `end`."""
        # All at once, since other messages are few: their keys are looked for before any row is.
        if self.end is not None or not objects or self.count_rows(objects.text):
            return self.take(objects)
        self.is_empty = False
        rows = []
        for raw in objects:
            try:
                if self.count_rows(raw) or self._is_row(raw):
                    rows.append(raw)
                    self.rows += 1
            except MillraceError as end:
                self.end = end
                break
        return Rows.of(rows)

    def finish(self) -> None:
        """The stream ended as its protocol wants. Raises where a header had to come and did not."""
        if self._shape.header is None or self._columns is not None:
            return
        if self.is_empty:
            raise FailJob("the stream is empty: its header never came")
        raise RetryLater("the stream ended before its header", at_most=READ_AT_MOST)

    def _is_row(self, raw: bytes) -> bool:
        value = json.loads(raw)
        header = self._shape.header
        if header is None:
            return self._is_plain_row(value)
        if self._columns is None and self._begins(value, header):
            return False
        columns = self._columns or frozenset()
        if self._columns is not None and value.keys() == columns:
            if not self._has_row:
                self._has_row, self._rows = True, _objects_like(value)
            return True
        self._refuse_error(value, columns)
        if self._is_metadata(value) and self._shape.metadata not in columns:
            return False
        is_sparse = bool(value) and value.keys() < columns and value.keys() != {self._shape.metadata}
        if not is_sparse:
            what = "before the header" if self._columns is None else "neither a row nor another message of this stream"
            raise FailJob(f"row {self.next_row}: {what}: {excerpt(raw)}")
        return True

    def _is_plain_row(self, value: dict[str, Any]) -> bool:
        """In a stream without header every object is a row, unless it is declared to be something else."""
        if error := error_in(partial(find, value), self._shape.errors):
            raise self._ended_by(error)
        return not self._is_metadata(value)

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


def _objects_without(keys: set[str]) -> msgspec.json.Decoder[Any] | None:
    """Takes objects that have none of these keys, or null there, which says nothing."""
    # A shape that looks at the whole object has no key to look for.
    return None if "" in keys else _decoder([(key, None, None) for key in keys], forbid_unknown_fields=False)


def _objects_like(row: dict[str, Any]) -> msgspec.json.Decoder[Any] | None:
    """Takes objects that have exactly the keys of this row."""
    fields = [(key, Any) for key in row]
    return _decoder(fields, forbid_unknown_fields=True)


def _decoder(
    fields: Sequence[tuple[str, Any] | tuple[str, Any, Any]], *, forbid_unknown_fields: bool
) -> msgspec.json.Decoder[Any] | None:
    """Takes objects with these fields: key, type, default. None where a key is too odd to be declared."""
    names = {f"f{number}": key for number, (key, *_) in enumerate(fields)}
    renamed = [(name, *field[1:]) for name, field in zip(names, fields, strict=True)]
    try:
        # No garbage collection: the objects are thrown away at once.
        struct = msgspec.defstruct(
            "Message", renamed, rename=names, forbid_unknown_fields=forbid_unknown_fields, gc=False
        )
    except ValueError:
        return None
    return msgspec.json.Decoder(struct)
