"""Classifies the objects of an NDJSON stream: header, row, metadata or error. No field in them says which they are.

The checks follow MediaMath's documentation: a header comes first, then rows; metadata may come at any time, and so may
an error, which ends the stream. An object is classified by its whole set of keys and by what came before it, so that a
column called `meta` or `message` does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import partial
from itertools import accumulate
from typing import Any

import msgspec

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.json_path import find, split
from worker.model import Facts, Rows
from worker.readers.limits import is_utf8
from worker.readers.row_pattern import RowPatterns, names_in
from worker.sources.schema import Ndjson, StreamHeader
from worker.vendor_errors import VendorError, describe, error_in, excerpt, paths_of


class Messages:
    """Chooses the rows of one stream. `rows` counts those so far; `facts.total` becomes what the header says.

    `is_empty`: no object has come yet. `end`: the error that ended the stream, for the caller to raise.
    """

    def __init__(self, shape: Ndjson, facts: Facts) -> None:
        self.rows = 0
        self.is_empty = True
        self.end: MillraceError | None = None
        self._shape = shape
        self._facts = facts
        self._columns: frozenset[str] | None = None
        self._patterns = RowPatterns({})
        # A fast check: this decoder accepts only objects that are certainly rows. In a stream with a header those have
        # all columns. Without a header it accepts objects in which all keys of errors and metadata are absent or null.
        # It cannot be made if an error is recognized by the whole object, because then there is no such key. Since a
        # name may have dots, `a.b` may be at the keys `a` and `a.b`.
        paths = (split(error.when)[0].split(".") for error in shape.errors)
        names = {key for path in paths for key in accumulate(path, "{}.{}".format)}
        names |= {shape.metadata} if shape.metadata is not None else set()
        self._message_keys = names
        self._row_decoder: msgspec.json.Decoder[Any] | None = None
        if not shape.header and "" not in names:
            self._row_decoder = _make_decoder(names, are_columns=False)
        # By MediaMath's OpenAPI definition no field of an error is required, so an object with any of them is an error.
        plain = [error for error in shape.errors if error.equals is error.unless is error.contains is None]
        self._flat_errors = [error for error in plain if "." not in "".join(paths_of([error]))]

    @property
    def next_row(self) -> int:
        """The number of the row that comes next, for messages."""
        return self._facts.first_row + self.rows

    def prove_alike(self, text: bytes) -> tuple[Rows, bytes]:
        """The rows at the start of a text that look like an earlier one, one on each line, and the other text.

        They are not counted yet: `take` does that.
        """
        pattern = self._patterns.last
        return pattern.prove_lines(text) if pattern else (Rows(), text)

    def count_rows(self, objects: bytes) -> int:
        """The number of objects in the text if all are certainly rows, in valid JSON and UTF-8; 0 otherwise."""
        if self._row_decoder is None:
            return 0
        try:
            rows = len(self._row_decoder.decode_lines(objects))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return 0
        return rows if is_utf8(objects) else 0

    def take(self, rows: Rows) -> Rows:
        """Count objects that are certainly rows, and return them."""
        self.is_empty = self.is_empty and not rows
        self.rows += len(rows)
        return rows

    def choose(self, objects: Rows, *, are_rows: bool = False) -> Rows:
        """Return the rows among the objects, up to an error that ends the stream: it is then in `end`.

        `are_rows`: it is known that all of them are rows.
        """
        if self.end is not None:
            return Rows()
        # Other messages are few, so most blocks hold rows only, and one call finds that out.
        if not objects or are_rows or self.count_rows(objects.text):
            self._learn(objects)
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

    def _learn(self, rows: Rows) -> None:
        """Have the next rows that look like the first of these found by `prove_alike`, if those are certainly rows."""
        if rows and (self._columns is not None or self._message_keys.isdisjoint(names_in(rows.first))):
            self._patterns.find(rows.first)

    def finish(self) -> None:
        """Handle the end of the response. Raises FailJob or RetryLater if a header is declared and none came."""
        if self._shape.header is None or self._columns is not None:
            return
        if self.is_empty:
            raise FailJob("the stream is empty: not even its header came")
        raise RetryLater("the stream ended before its header", at_most=READ_AT_MOST)

    def _is_row(self, raw: bytes) -> bool:
        """Is this object a row? Raises what a declared error demands, and FailJob for an object of no known kind.

        An object with only some of the columns is a row too, if it has one that is not the metadata key.
        """
        value = json.loads(raw)
        header = self._shape.header
        if header is None:
            # Without a header, every object is a row unless it is declared to be something else.
            if error := error_in(partial(find, value), self._shape.errors):
                raise self._stream_error(error)
            return not self._is_metadata(value)
        if self._columns is None and self._read_header(value, header):
            return False
        columns = self._columns or frozenset()
        if self._columns is not None and value.keys() == columns:
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

        Raises FailJob if its columns would make rows look like metadata or errors.
        """
        columns, total = find(value, header.columns), find(value, header.total)
        if not isinstance(columns, list) or type(total) is not int:
            return False
        names = [find(column, header.name) for column in columns]
        if not all(isinstance(name, str) for name in names):
            return False
        self._columns = frozenset(names)
        self._row_decoder = _make_decoder(self._columns, are_columns=True)
        self._facts.total = total if total >= 0 else None
        errors = ({*paths_of([error])} for error in self._flat_errors)
        if self._columns == {self._shape.metadata} or any(names and self._columns <= keys for keys in errors):
            only = ", ".join(sorted(self._columns))
            raise FailJob(f"rows that have only the columns {only} look like metadata or errors of this stream")
        return True

    def _refuse_error(self, value: dict[str, Any], columns: frozenset[str]) -> None:
        """Raise if this is an error. An object whose keys are all columns may be a row, so it is not an error."""
        if value.keys() <= columns:
            return
        error = error_in(partial(find, value), self._shape.errors)
        if error is None and not value.keys() & columns:
            shape = next((shape for shape in self._flat_errors if value.keys() <= {*paths_of([shape])}), None)
            error = VendorError(describe(partial(find, value), shape), shape.then) if shape is not None else None
        if error is not None:
            raise self._stream_error(error)

    def _is_metadata(self, value: dict[str, Any]) -> bool:
        name = self._shape.metadata
        return name is not None and value.keys() == {name} and isinstance(value[name], dict)

    def _stream_error(self, error: VendorError) -> MillraceError:
        return error.failure(f"the vendor ended the stream with an error after {self.rows} rows: {error.words}")


def _make_decoder(keys: Collection[str], *, are_columns: bool) -> msgspec.json.Decoder[Any] | None:
    """A decoder of objects that have exactly these keys or, if they are not columns, none of them with a value.

    None if msgspec cannot declare one of the keys.
    """
    names = {f"f{number}": key for number, key in enumerate(keys)}
    fields: list[Any] = [(name, msgspec.Raw) if are_columns else (name, None, None) for name in names]
    try:
        # gc=False: the objects are dropped at once, so Python's garbage collector need not track them.
        struct = msgspec.defstruct("Message", fields, rename=names, forbid_unknown_fields=are_columns, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(struct)
