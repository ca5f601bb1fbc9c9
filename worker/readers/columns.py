"""Declared types: text that is a number becomes that number, digit by digit; what does not fit is set aside.

A row that changes is written anew with its members in their order, every other value byte for byte; of a key given
twice the last stands then. Rows that look alike are changed many at a time by a pattern made for the first of them, any
other row alone. Both give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

import msgspec

from worker.errors import SkipRow
from worker.model import DeadRow, Row, Rows
from worker.readers.conversions import NUMBERS, PLAIN, TEXT, converted
from worker.sources.schema import ColumnType

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_PATTERNS = 8
"""Of one response: one that changes its columns more often than this is not worth a pattern a time."""

_FLAT = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb")*+[\]}]"
_NESTED = rb'[\[{](?:[^"\[\]{}]++|' + TEXT + rb"|" + _FLAT + rb")*+[\]}]"
_VALUE = rb"(?:" + TEXT + rb'|[^"\[\]{}, \t]++|' + _NESTED + rb")"  # text first, as it is ruled out by one byte
"""What stands between a colon and the next comma or brace in JSON without blanks, three levels deep at most."""


class Columns:
    """The columns a report declares. A row without any of them, or whose values fit already, stays byte for byte."""

    def __init__(self, declared: Mapping[str, ColumnType]) -> None:
        self._declared = dict(declared)
        self._alike: re.Pattern[bytes] | None = None
        self._patterns = 0

    def convert(self, rows: Rows) -> Rows:
        """Rows with their values as declared, in order; one that has a misfit is dead."""
        if not self._declared or not rows:
            return rows
        parts = self._parts(rows)
        if len(parts) < len(rows) and self._learn(rows, len(parts)):
            parts = self._parts(rows)
        if len(parts) == len(rows):
            return Rows(b"".join(chain.from_iterable(parts)), len(rows))
        return Rows.of(map(self._typed_alone, rows))

    def _parts(self, rows: Rows) -> list[tuple[bytes, ...]]:
        """What the typed rows consist of, as far as they are alike."""
        return self._alike.findall(rows.text) if self._alike is not None else []

    def _learn(self, rows: Rows, known: int) -> bool:
        """Make a pattern for rows like the first one, unless the present one serves most of these."""
        if self._patterns == _MOST_PATTERNS or 2 * known >= len(rows):
            return False
        self._patterns += 1
        self._alike = _pattern(next(iter(rows)), self._declared)
        return self._alike is not None

    def _typed_alone(self, row: bytes) -> Row:
        if self._alike is not None and (parts := self._alike.fullmatch(row + b"\n")):
            return b"".join(parts.groups())[:-1]
        members = _MEMBERS.decode(row)
        is_changed = False
        for name, kind in self._declared.items():
            if (value := members.get(name)) is None:
                continue
            try:
                new = converted(bytes(value), kind)
            except SkipRow as reason:
                return DeadRow(row, f"{name}: {reason}")
            if new is not None:
                members[name] = msgspec.Raw(new)
                is_changed = True
        return msgspec.json.encode(members) if is_changed else row


def _pattern(row: bytes, declared: Mapping[str, ColumnType]) -> re.Pattern[bytes] | None:
    """Fits rows that have this one's keys in its order, no blanks, and declared values of the plainest kind.

    Its groups are what such a row consists of once it is typed. None where the row itself is not so.
    """
    members = []
    for name in _MEMBERS.decode(row):
        key = re.escape(msgspec.json.encode(name)) + b":"
        kind = declared.get(name)
        # What stands between two groups, quotes, is left out of a typed row. Without its other half a quote would have
        # made the row no JSON.
        value = _VALUE if kind is None else rb')"?+(' + PLAIN[kind] + rb')"?+(' if kind in NUMBERS else PLAIN[kind]
        members.append(key + value)
    # Within a row no line ends, so each line is one row, and a match is a whole line. With one group alone `findall`
    # would give no tuples, so the line's end is another.
    pattern = re.compile(rb"^(\{" + b",".join(members) + rb"\})(\n)", re.MULTILINE)
    return pattern if pattern.fullmatch(row + b"\n") else None
