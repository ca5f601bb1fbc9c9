"""Declared types: text that is a number becomes that number, digit by digit; a value that does not fit: a dead row.

A row that changes is written anew with its members in their order, and every other value byte for byte; where a key
comes twice, the last one stays. Rows that look alike are changed many at a time: by `RowShape`, and where that cannot
by a regular expression made for the first of them. Any other row is parsed alone. All ways give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

import msgspec

from worker.errors import SkipRow
from worker.model import DeadRow, Row, Rows
from worker.readers.conversions import NUMBERS, PLAIN, TEXT, convert
from worker.readers.row_shape import RowShape
from worker.sources.schema import ColumnType

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_PATTERNS = 8
"""Made for one response. Where the columns change more often, making patterns costs more than it saves."""
_MOST_MISSES = 8
"""So many blocks of a response `RowShape` may refuse before it is asked no more: each costs as much as one it takes."""

_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb")*+[\]}]"
_NESTED = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb"|" + _FLAT + rb")*+[\]}]"
_VALUE = rb"(?:" + TEXT + rb'|[^"\[\]{}, \t]++|' + _NESTED + rb")"
"""Any value in JSON without blanks, nested two levels deep at most. Text is tried first: one byte rules it out.

No quantifier here gives back what it matched (`++`, `*+`), so the time to match grows only with the row's length.
"""


class Columns:
    """The columns a report declares. A row without any of them, or whose values fit already, stays byte for byte."""

    def __init__(self, declared: Mapping[str, ColumnType]) -> None:
        self._declared = dict(declared)
        self._shape: RowShape | None = None
        self._pattern: re.Pattern[bytes] | None = None
        self._patterns_made = 0
        self._misses = 0

    def convert(self, rows: Rows) -> Rows:
        """The rows in order with their values as declared; one with a value that does not fit is dead."""
        if not self._declared or not rows:
            return rows
        if self._shape and (changed := self._note(self._shape.change_lines(rows.text))):
            return changed
        parts = self._match(rows)
        if len(parts) < len(rows) and self._learn_pattern(rows, len(parts)):
            parts = self._match(rows)
        if len(parts) == len(rows):
            return Rows(b"".join(chain.from_iterable(parts)), len(rows))
        return Rows.of(map(self._convert_alone, rows))

    def convert_members(self, text: bytes) -> Rows | None:
        """The same for the members of a list as they came, without its brackets; None where they must be cut first."""
        return self._note(self._shape.change_members(text)) if self._shape else None

    def _note(self, changed: Rows | None) -> Rows | None:
        self._misses += changed is None
        if self._misses > _MOST_MISSES:
            self._shape = None
        return changed

    def _match(self, rows: Rows) -> list[tuple[bytes, ...]]:
        """What the converted rows consist of; only of those that fit the pattern."""
        return self._pattern.findall(rows.text) if self._pattern is not None else []

    def _learn_pattern(self, rows: Rows, matched: int) -> bool:
        """Make a pattern for rows like the first one, unless the present one matched more than half of these."""
        if self._patterns_made == _MOST_PATTERNS or 2 * matched >= len(rows):
            return False
        self._patterns_made += 1
        self._pattern = _make_pattern(rows.first, self._declared)
        self._shape = RowShape.of(rows.first, self._declared) if self._pattern else None
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
                new = convert(bytes(value), kind)
            except SkipRow as reason:
                return DeadRow(row, f"{name}: {reason}")
            if new is not None:
                members[name] = msgspec.Raw(new)
                is_changed = True
        return msgspec.json.encode(members) if is_changed else row


def _make_pattern(row: bytes, declared: Mapping[str, ColumnType]) -> re.Pattern[bytes] | None:
    """A pattern of rows that have this one's keys in its order, no blanks, and declared values of the plainest kind.

    Its groups are what such a row consists of once it is converted. None where the row itself does not fit.
    """
    members = []
    for name in _MEMBERS.decode(row):
        key = re.escape(msgspec.json.encode(name)) + b":"
        kind = declared.get(name)
        # The quotes around a number stand between two groups and so are left out of the converted row. `"?+` on both
        # sides is enough: a number with one quote only would not be JSON, and the row is known to be.
        value = _VALUE if kind is None else rb')"?+(' + PLAIN[kind] + rb')"?+(' if kind in NUMBERS else PLAIN[kind]
        members.append(key + value)
    # Each row is one line, so a match is a whole row. The end of the line is a group of its own, because with a single
    # group `findall` gives no tuples.
    pattern = re.compile(rb"^(\{" + b",".join(members) + rb"\})(\n)", re.MULTILINE)
    return pattern if pattern.fullmatch(row + b"\n") else None
