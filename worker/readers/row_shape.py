"""Changes the values of many rows at a time, where all of them are shaped like the first: same keys, same order.

msgspec reads the rows into objects that are made for this shape, with numbers where numbers are declared, and writes
the objects again. That costs half of matching each row against a pattern, but it also gives the members the shape's
order and drops blanks and repeated keys, and it takes `1e3` for 1000. So the new text counts only if it differs from
the old one in nothing but quotes: then every number was written in digits as JSON has them, and only lost its quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Self

import msgspec

from worker.model import Rows
from worker.sources.schema import ColumnType

_TYPES: dict[ColumnType, Any] = {
    "string": str | None,
    "integer": int,
    "number": Decimal,
    "boolean": bool,
    "datetime": Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}[-/.]?[0-9]{2}")] | None,
}
# In such a key nothing can be mistaken for what stands between keys and values once the quotes are gone.
_PLAIN_KEY = re.compile(r"[\w.$ -]+", re.ASCII)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LINES = msgspec.json.Decoder(msgspec.Raw)
# The newline behind a row and the comma behind a member of a list are taken for the same.
_AS_MEMBERS = bytes.maketrans(b"\n", b",")


class RowShape:
    """Rows with the keys of one row, in its order."""

    def __init__(self, keys: Sequence[str], declared: Mapping[str, ColumnType]) -> None:
        self._keys = keys
        self._kinds = [declared.get(key) for key in keys]
        # To Python `NaN` is a decimal too.
        self._has_decimals = "number" in self._kinds
        self._has_nulls = False
        self._make_decoders()

    @classmethod
    def of(cls, row: bytes, declared: Mapping[str, ColumnType]) -> Self | None:
        """The shape of this row; None where the row itself cannot be changed in this way."""
        keys = list(msgspec.json.decode(row, type=dict[str, msgspec.Raw]))
        if not all(map(_PLAIN_KEY.fullmatch, keys)):
            return None
        shape = cls(keys, declared)
        return shape if shape.change_lines(row + b"\n") else None

    def change_lines(self, text: bytes) -> Rows | None:
        """Rows with a newline behind each, with their values as declared; None where not all are of this shape."""
        return self._change(text, text, are_lines=True)

    def change_members(self, text: bytes) -> Rows | None:
        """The same for the members of a list without its brackets."""
        return self._change(b"[%b]" % text, text + b",", are_lines=False)

    def _change(self, text: bytes, old: bytes, *, are_lines: bool) -> Rows | None:
        try:
            objects = self._lines.decode_lines(text) if are_lines else self._members.decode(text)
            new = _ENCODER.encode_lines(objects)
            if self._has_decimals:
                _LINES.decode_lines(new)
        except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError):
            if self._has_nulls or b"null" not in text:
                return None
            self._has_nulls = True
            self._make_decoders()
            return self._change(text, old, are_lines=are_lines)
        is_word = self._has_nulls and b'"null"' in text  # which would become null
        is_same = not is_word and new.translate(_AS_MEMBERS, b'"') == old.translate(_AS_MEMBERS, b'"')
        return Rows(new, len(objects)) if is_same else None

    def _make_decoders(self) -> None:
        types = [
            msgspec.Raw if kind is None else _TYPES[kind] | None if self._has_nulls else _TYPES[kind]
            for kind in self._kinds
        ]
        names = [f"f{number}" for number in range(len(self._keys))]
        row = msgspec.defstruct(
            "Row",
            list(zip(names, types, strict=True)),
            rename=dict(zip(names, self._keys, strict=True)),
            forbid_unknown_fields=True,
            gc=False,  # the objects are gone in a moment, so Python need not track them
        )
        self._lines = msgspec.json.Decoder(row, strict=False)
        self._members = msgspec.json.Decoder(list[row], strict=False)  # type: ignore[valid-type]
