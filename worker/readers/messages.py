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
from worker.sources.schema import Ndjson, StreamHeader
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
        # Decodes only objects that are rows beyond doubt; None: there is no such decoder. With a header it is made when
        # the first row has come. Without one it takes objects in which the keys of errors and metadata are absent or
        # null; an error that is recognised by the whole object has no such key.
        names = {split(error.when)[0].split(".")[0] for error in shape.errors}
        names |= {shape.metadata} if shape.metadata is not None else set()
        self._row_decoder: msgspec.json.Decoder[Any] | None = None
        if not shape.header and "" not in names:
            self._row_decoder = _make_decoder([(key, None, None) for key in names], forbid_unknown_fields=False)
        # The vendor's definition of an error requires none of its fields, so any of them alone is one.
        plain = [error for error in shape.errors if error.equals is error.unless is error.contains is None]
        self._flat_errors = [error for error in plain if "." not in "".join(paths_of([error]))]

    @property
    def next_row(self) -> int:
        """The number of the row that comes next, for messages."""
        return self._facts.first_row + self.rows

    def count_rows(self, objects: bytes) -> int:
        """How many rows these objects are, 0 where one of them may be another message, or no JSON in UTF-8."""
        if self._row_decoder is None:
            return 0
        try:
            rows = len(self._row_decoder.decode_lines(objects))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        return rows if is_utf8(objects) else 0

    def take(self, rows: Rows) -> Rows:
        """Count these objects, which are rows beyond doubt, and give them; none where the stream has ended."""
        if self.end is not None:
            return Rows()
        self.is_empty = self.is_empty and not rows
        self.rows += len(rows)
        return rows

    def choose(self, objects: Rows) -> Rows:
        """The rows among the objects, up to one that ends the stream: `end` is then the error to raise."""
        # Messages that are no rows are few, so most blocks are rows only, and one call finds that out.
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
        """The response has ended. Raises FailJob or RetryLater where a header is declared and none came."""
        if self._shape.header is None or self._columns is not None:
            return
        if self.is_empty:
            raise FailJob("the stream is empty: its header never came")
        raise RetryLater("the stream ended before its header", at_most=READ_AT_MOST)

    def _is_row(self, raw: bytes) -> bool:
        """Is this object a row? Raises FailJob, or what an error declares, where it ends the stream."""
        value = json.loads(raw)
        header = self._shape.header
        if header is None:
            # Then every object is a row, unless it is declared to be something else.
            if error := error_in(partial(find, value), self._shape.errors):
                raise self._stream_error(error)
            return not self._is_metadata(value)
        if self._columns is None and self._read_header(value, header):
            return False
        columns = self._columns or frozenset()
        if self._columns is not None and value.keys() == columns:
            if not self._has_row:
                self._has_row = True
                # Text is left as it came: looking at the whole block costs less than making its strings.
                fields = [(key, msgspec.Raw if type(value[key]) is str else Any) for key in value]
                self._row_decoder = _make_decoder(fields, forbid_unknown_fields=True)
            return True
        self._refuse_error(value, columns)
        if self._is_metadata(value) and self._shape.metadata not in columns:
            return False
        is_sparse = bool(value) and value.keys() < columns and value.keys() != {self._shape.metadata}
        if not is_sparse:
            what = "before the header" if self._columns is None else "neither a row nor another message of this stream"
            raise FailJob(f"row {self.next_row}: {what}: {excerpt(raw)}")
        return True

    def _read_header(self, value: dict[str, Any], header: StreamHeader) -> bool:
        """Is this the header? If so, remember its columns and its count.

        Raises FailJob where its columns would make every row look like another message.
        """
        columns, total = find(value, header.columns), find(value, header.total)
        if not isinstance(columns, list) or type(total) is not int:
            return False
        names = [find(column, header.name) for column in columns]
        if not all(isinstance(name, str) for name in names):
            return False
        self._columns = frozenset(names)
        self._facts.total = total if total >= 0 else None
        errors = ({*paths_of([error])} for error in self._flat_errors)
        if self._columns == {self._shape.metadata} or any(names and self._columns <= keys for keys in errors):
            text = f"rows with no columns but {', '.join(sorted(self._columns))} cannot be told from other messages"
            raise FailJob(text)
        return True

    def _refuse_error(self, value: dict[str, Any], columns: frozenset[str]) -> None:
        """Raise if this is an error. An object that may be a row of these columns is none."""
        if value and value.keys() <= columns:
            return
        error = error_in(partial(find, value), self._shape.errors)
        if error is None and value and not value.keys() & columns:
            shape = next((shape for shape in self._flat_errors if value.keys() <= {*paths_of([shape])}), None)
            error = VendorError(describe(partial(find, value), shape), shape.then) if shape is not None else None
        if error is not None:
            raise self._stream_error(error)

    def _is_metadata(self, value: dict[str, Any]) -> bool:
        name = self._shape.metadata
        return name is not None and value.keys() == {name} and isinstance(value[name], dict)

    def _stream_error(self, error: VendorError) -> MillraceError:
        return error.failure(f"the vendor ended the stream with an error after {self.rows} rows: {error.words}")


def _make_decoder(
    fields: Sequence[tuple[str, Any] | tuple[str, Any, Any]], *, forbid_unknown_fields: bool
) -> msgspec.json.Decoder[Any] | None:
    """A decoder of objects with these fields (key, type, default); None where msgspec cannot declare a key."""
    names = {f"f{number}": key for number, (key, *_) in enumerate(fields)}
    renamed = [(name, *field[1:]) for name, field in zip(names, fields, strict=True)]
    try:
        # Python need not track the objects as garbage: they are thrown away at once.
        struct = msgspec.defstruct(
            "Message", renamed, rename=names, forbid_unknown_fields=forbid_unknown_fields, gc=False
        )
    except ValueError:
        return None
    return msgspec.json.Decoder(struct)
