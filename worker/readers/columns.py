"""Converts rows to the declared column types: `"57.10"` becomes 57.10. A value that does not fit makes its row dead.

A row that changes keeps its members in their order, and every other value byte for byte; of a repeated key only the
last is kept. Rows with the same keys are converted many at a time by a `RowPattern`; any other row is parsed alone.
Both give the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from worker.errors import SkipRow
from worker.model import DeadRow, Row, Rows
from worker.readers.conversions import convert
from worker.readers.row_pattern import RowPatterns
from worker.sources.schema import ColumnType

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_PARTS = 64
"""After so many changes between rows that match a pattern and rows that do not, the rest of a block is parsed alone."""


class Columns:
    """The declared columns of a report. A row without any of them, or whose values fit already, stays byte for byte."""

    def __init__(self, declared: Mapping[str, ColumnType], null_values: Collection[str] = ()) -> None:
        """`null_values` mean null in columns that are not strings."""
        self._declared = dict(declared)
        self._null_values = [text.strip() for text in null_values]
        self._patterns = RowPatterns(self._declared, self._null_values, is_page=True)

    def convert(self, rows: Rows) -> Rows:
        """The rows in order, with their values as declared; a row with a value that does not fit is a dead row.

        Rows that are dead already stay as they are.
        """
        if not self._declared or not rows:
            return rows
        if rows.dead:
            return Rows.of(row if isinstance(row, DeadRow) else self._convert_alone(row) for row in rows)
        parts: list[Rows] = []
        while rows and len(parts) < _MOST_PARTS:
            if pattern := self._patterns.find(rows.first):
                converted, rows = pattern.convert_lines(rows)
            else:
                first, rows = rows.cut(1)
                converted = Rows.of([self._convert_alone(first.first)])
            parts.append(converted)
        return Rows.join([*parts, Rows.of(map(self._convert_alone, rows))])

    def convert_list(self, rows: Rows) -> Rows:
        """As `convert`, for members of a list; `convert_members` converts later ones that look like the first."""
        if rows and not rows.dead and not self._declared:
            self._patterns.find(rows.first)
        return self.convert(rows)

    def convert_members(self, text: bytes) -> tuple[Rows, bytes]:
        """Convert members of a list, with a comma before each; returns the rest, from the first one it cannot convert.

        Nothing need be known of the text: the rows are in valid JSON and UTF-8.
        """
        pattern = self._patterns.last
        return pattern.convert_members(text) if pattern else (Rows(), text)

    def _convert_alone(self, row: bytes) -> Row:
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
