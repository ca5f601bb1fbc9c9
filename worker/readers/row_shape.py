"""Converts the columns of many rows at a time, if all have the same keys in the same order.

msgspec decodes the rows to a struct made for these keys, with numbers where numbers are declared, and encodes the
structs again. That takes half the time of matching each row against a regular expression. But it also reorders members,
drops blanks and repeated keys, and turns `1e3` into 1000. So the new text is used only if it equals the old one except
for quotes: then numbers lost their quotes, and nothing else happened. Strings that mean null are replaced before.

Many vendors write `{"a": 1, "b": 2}`, as Python does. Then blanks are ignored in the comparison too, and a row in which
no value changed keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Annotated, Any, Self

import msgspec

from worker.model import Rows
from worker.readers.conversions import DATE
from worker.sources.schema import ColumnType

_TYPES: dict[ColumnType, Any] = {
    "string": str | None,
    "integer": int,
    "number": Decimal,
    "boolean": bool,
    "datetime": Annotated[str, msgspec.Meta(pattern="^" + DATE)] | None,
}
# With such keys the comparison without quotes is unambiguous: none of these characters is JSON punctuation.
_PLAIN_KEY = re.compile(r"[\w.$ -]+", re.ASCII)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LINES = msgspec.json.Decoder(msgspec.Raw)
# For the comparison, the newline after a row equals the comma after a list member.
_AS_MEMBERS = bytes.maketrans(b"\n", b",")


class RowShape:
    """Rows with the keys of one row, in its order."""

    def __init__(
        self, keys: Sequence[str], declared: Mapping[str, ColumnType], null_values: Iterable[str], *, is_spaced: bool
    ) -> None:
        """`is_spaced`: the rows have a blank after every colon and comma."""
        self.is_spaced = is_spaced
        self._keys = keys
        self._kinds = [declared.get(key) for key in keys]
        # Decimal accepts `NaN` too, so what was encoded must be checked to be JSON.
        self._has_decimals = "number" in self._kinds
        # These strings mean null, except in a string column: all there may be, and those that came so far.
        self._null_strings = [_ENCODER.encode(text) for text in ("", *null_values)]
        self._null_strings_seen: list[bytes] = []
        self._has_nulls = False
        self._colon = b": " if is_spaced else b":"
        self._ignored = b'" ' if is_spaced else b'"'
        self._make_decoders()

    @classmethod
    def of(cls, row: bytes, declared: Mapping[str, ColumnType], null_values: Iterable[str] = ()) -> Self | None:
        """The shape of this row; None if the row itself cannot be converted in this way."""
        keys = list(msgspec.json.decode(row, type=dict[str, msgspec.Raw]))
        is_spaced = b'": ' in row
        if not all(map(_PLAIN_KEY.fullmatch, keys)) or (is_spaced and " " in "".join(keys)):
            return None
        shape = cls(keys, declared, null_values, is_spaced=is_spaced)
        return shape if shape.change_lines(row + b"\n") else None

    def change_lines(self, text: bytes) -> Rows | None:
        """Convert rows with a newline after each; None if not all of them have this shape."""
        return self._change(text, are_lines=True)

    def change_members(self, text: bytes) -> Rows | None:
        """Convert members of a list, with a comma before each; None if not all of them have this shape.

        Not for spaced rows.
        """
        return self._change(text, are_lines=False)

    def _change(self, text: bytes, *, are_lines: bool) -> Rows | None:
        given = text
        for member, null in self._null_members:
            text = text.replace(member, null)
        try:
            if are_lines:
                objects = self._lines.decode_lines(text)
            else:
                objects = self._members.decode(b"".join((b"[", memoryview(text)[1:], b"]")))
            new = _ENCODER.encode_lines(objects)
            if self._has_decimals:
                _LINES.decode_lines(new)
        except (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError):
            # Accepting null takes more time, and so does replacing strings: each begins when the first one comes.
            known = self._null_strings_seen
            seen = [text for text in self._null_strings if text in known or self._colon + text in given]
            has_nulls = self._has_nulls or bool(seen) or b"null" in text
            if (has_nulls, seen) == (self._has_nulls, known):
                return None
            self._has_nulls, self._null_strings_seen = has_nulls, seen
            self._make_decoders()
            return self._change(text, are_lines=are_lines)
        if text != given and text.count(b"{") > len(objects):
            return None  # an object within a row may have such a member as well
        is_word = self._has_nulls and b'"null"' in text  # the string "null", which must not become null
        before, after = text.translate(_AS_MEMBERS, self._ignored), new.translate(_AS_MEMBERS, self._ignored)
        is_same = not is_word and after == (before if are_lines else before[1:] + b",")
        if is_same and self.is_spaced:
            new = _keep_unchanged(given, new)
        return Rows(new, len(objects)) if is_same else None

    def _make_decoders(self) -> None:
        types: list[Any] = []
        self._null_members: list[tuple[bytes, bytes]] = []
        for key, kind in zip(map(str.encode, self._keys), self._kinds, strict=True):
            if kind is None:
                types.append(msgspec.Raw)
                continue
            types.append(_TYPES[kind] | None if self._has_nulls else _TYPES[kind])
            if kind != "string":
                strings = self._null_strings_seen
                self._null_members += [(b'"%b"%b%b' % (key, self._colon, text), b'"%b":null' % key) for text in strings]
        names = [f"f{number}" for number in range(len(self._keys))]
        row = msgspec.defstruct(
            "Row",
            list(zip(names, types, strict=True)),
            rename=dict(zip(names, self._keys, strict=True)),
            forbid_unknown_fields=True,
            gc=False,  # the objects are dropped at once, so Python's garbage collector need not track them
        )
        self._lines = msgspec.json.Decoder(row, strict=False)
        self._members = msgspec.json.Decoder(list[row], strict=False)  # type: ignore[valid-type]


def _keep_unchanged(given: bytes, new: bytes) -> bytes:
    """The new rows; but a row in which no value lost its quotes, so that nothing but blanks has changed, as given."""
    if given.count(b'"') == new.count(b'"'):
        return given
    rows = zip(BytesIO(given).readlines(), BytesIO(new).readlines(), strict=True)
    return b"".join([row if row.count(b'"') == made.count(b'"') else made for row, made in rows])
