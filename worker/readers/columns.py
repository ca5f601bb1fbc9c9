"""Converts rows to the declared column types: `"57.10"` becomes 57.10. A value that does not fit makes its row dead.

A row that changes keeps its members in their order, and every other value byte for byte; of a repeated key only the
last is kept. Rows that look alike are converted many at a time: by `RowShape` or, if that refuses them, by a
regular expression made for the first of them. Any other row is parsed alone. All three give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import chain

import msgspec

from worker.errors import SkipRow
from worker.model import DeadRow, Row, Rows
from worker.readers.conversions import NUMBERS, PLAIN, TEXT, convert
from worker.readers.row_shape import RowShape
from worker.sources.schema import ColumnType

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_PATTERNS = 8
"""How many are made for one response. If columns change more often, making patterns costs more than it saves."""
_MOST_KEYS = 1_000
"""Rows with more have no pattern: to compile one takes 0.4 ms and 25 KB for each key."""
_MOST_MISSES = 8
"""After this many refused blocks of a response `RowShape` is not tried again: a refusal takes as long as a success."""

_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb")*+[\]}]"
_NESTED = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb"|" + _FLAT + rb")*+[\]}]"
_VALUE = rb"(?:" + TEXT + rb'|[^"\[\]{}, \t]++|' + _NESTED + rb")"
"""Any JSON value without blanks, nested two levels deep at most. A string is tried first: one byte rules it out.

All quantifiers are possessive (`++`, `*+`), so there is no backtracking and the time is linear in the row's length.
"""


class Columns:
    """The declared columns of a report. A row without any of them, or whose values fit already, stays byte for byte."""

    def __init__(self, declared: Mapping[str, ColumnType], null_values: Collection[str] = ()) -> None:
        """`null_values` mean null in columns that are not strings."""
        self._declared = dict(declared)
        self._null_values = [text.strip() for text in null_values]
        self._shape: RowShape | None = None
        self._pattern: re.Pattern[bytes] | None = None
        self._patterns_made = 0
        self._misses = 0

    def convert(self, rows: Rows) -> Rows:
        """The rows in order, with their values as declared; a row with a value that does not fit is a dead row.

        Rows that are dead already stay as they are.
        """
        if not self._declared or not rows:
            return rows
        if rows.dead:
            return Rows.of(row if isinstance(row, DeadRow) else self._convert_alone(row) for row in rows)
        if self._shape and (changed := self._note(self._shape.change_lines(rows.text))):
            return changed
        parts = self._match(rows)
        if len(parts) < len(rows) and self._learn_pattern(rows, len(parts)):
            parts = self._match(rows)
        if len(parts) == len(rows):
            return Rows(b"".join(chain.from_iterable(parts)), len(rows))
        return Rows.of(map(self._convert_alone, rows))

    def convert_members(self, text: bytes) -> Rows | None:
        """Convert members of a list, with a comma before each; None if they must be cut into rows first."""
        if self._shape is None or self._shape.is_spaced:
            return None
        return self._note(self._shape.change_members(text))

    def _note(self, changed: Rows | None) -> Rows | None:
        self._misses += changed is None
        if self._misses > _MOST_MISSES:
            self._shape = None
        return changed

    def _match(self, rows: Rows) -> list[tuple[bytes, ...]]:
        """The parts of each converted row, for the rows that match the pattern."""
        return self._pattern.findall(rows.text) if self._pattern is not None else []

    def _learn_pattern(self, rows: Rows, matched: int) -> bool:
        """Make pattern and shape for rows like the first one, unless the present ones fit more than half of these."""
        if self._patterns_made == _MOST_PATTERNS or 2 * matched >= len(rows):
            return False
        self._patterns_made += 1
        self._pattern = _make_pattern(rows.first, self._declared)
        self._shape = RowShape.of(rows.first, self._declared, self._null_values)
        return self._pattern is not None

    def _convert_alone(self, row: bytes) -> Row:
        """One row, by the pattern if it fits, else parsed."""
        if self._pattern is not None and (parts := self._pattern.fullmatch(row + b"\n")):
            return b"".join(parts.groups())[:-1]
        members = _MEMBERS.decode(row)
        is_changed = False
        for name, kind in self._declared.items():
            if (value := members.get(name)) is None:
                continue
            try:
                new = convert(bytes(value), kind, self._null_values)
            except SkipRow as reason:
                return DeadRow(row, f"{name}: {reason}")
            if new is not None:
                members[name] = msgspec.Raw(new)
                is_changed = True
        return msgspec.json.encode(members) if is_changed else row


def _make_pattern(row: bytes, declared: Mapping[str, ColumnType]) -> re.Pattern[bytes] | None:
    """A pattern for rows with this row's keys in this order, without blanks, and with plain values in declared columns.

    Joined, its groups are the converted row. None if this row itself does not match or has too many keys.
    """
    members: list[bytes] = []
    names = _MEMBERS.decode(row)
    if len(names) > _MOST_KEYS:
        return None
    for name in names:
        key = re.escape(msgspec.json.encode(name)) + b":"
        kind = declared.get(name)
        if kind is None:
            value = _VALUE
        elif kind in NUMBERS:
            # The quotes around a number are outside the groups, so the converted row does not have them. Each quote may
            # be optional on its own: the row is known to be valid JSON, so a number has both or neither.
            # `5.0` as an integer is 5: the zeros are outside as well.
            zeros = rb"(?:(?<=[0-9])\.0++)?+" if kind == "integer" else b""
            value = rb')"?+(' + PLAIN[kind] + rb")" + zeros + rb'"?+('
        else:
            value = PLAIN[kind]
        members.append(key + value)
    # Each row is one line, so a match is a whole row. The newline is a group of its own, because with a single group
    # `findall` would return strings, not tuples.
    pattern = re.compile(rb"^(\{" + b",".join(members) + rb"\})(\n)", re.MULTILINE)
    return pattern if pattern.fullmatch(row + b"\n") else None
