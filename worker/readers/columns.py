"""Declared types: text that is a number becomes that number, digit by digit; what does not fit is set aside."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import chain, repeat
from operator import eq, setitem
from typing import Any

import orjson

from worker.errors import SkipRow
from worker.model import DeadRow, Row
from worker.readers.conversions import CONVERSIONS, FITTING, in_bulk, is_time
from worker.readers.exact import dumps, loads
from worker.sources.schema import ColumnType

Values = list[dict[str, Any]]

_ALIKE_IN_ANY_PARSER = {str, int, bool, type(None)}


class Columns:
    """The columns a report declares. A row without any of them, or whose values fit already, stays byte for byte.

    `is_exact`: are the values given as exact as `exact.loads` would give them? If not, rows with fractions are read
    again before they are written anew.
    """

    def __init__(self, declared: Mapping[str, ColumnType], *, is_exact: bool = True) -> None:
        self._declared = dict(declared)
        self._is_exact = is_exact

    def typed(self, rows: list[bytes], values: Values) -> list[Row]:
        """The rows with their values as declared, in order; a row that has one that does not fit is a DeadRow."""
        wanting = self._wanting(values) if self._declared and rows else {}
        if not wanting:
            return rows
        if (
            not self._is_exact
            and not set(map(type, chain.from_iterable(map(dict.values, values)))) <= _ALIKE_IN_ANY_PARSER
        ):
            values = list(map(loads, rows))
            wanting = {name: _column(name, values) for name in wanting}
        changed: set[int] = set()
        dead: dict[int, str] = {}
        for name, column in wanting.items():
            self._convert(name, column, values, changed, dead)
        if len(changed) == len(rows) and not dead:
            return [*_all_dumped(values)]
        return [
            DeadRow(row, dead[index]) if index in dead else dumps(value) if index in changed else row
            for index, (row, value) in enumerate(zip(rows, values, strict=True))
        ]

    def _wanting(self, values: Values) -> dict[str, list[Any]]:
        """The columns that hold anything but values that fit."""
        names = [*self._declared]
        if all(map(eq, map(list, values), repeat(list(values[0])))):
            names = [name for name in names if name in values[0]]
        columns = {name: _column(name, values) for name in names}
        return {name: column for name, column in columns.items() if not self._fits(name, column)}

    def _fits(self, name: str, column: list[Any]) -> bool:
        kind = self._declared[name]
        return set(map(type, column)) <= FITTING[kind] and (kind != "datetime" or all(map(is_time, column)))

    def _convert(self, name: str, column: list[Any], values: Values, changed: set[int], dead: dict[int, str]) -> None:
        """Convert one column where it does not fit; note the rows changed, and the rows where it cannot be."""
        kind = self._declared[name]
        if (converted := in_bulk(kind, column)) is not None:
            deque(map(setitem, values, repeat(name), converted), maxlen=0)
            changed.update(range(len(values)))
            return
        fitting, convert = FITTING[kind], CONVERSIONS[kind]
        for index, old in enumerate(column):
            if type(old) in fitting and kind != "datetime":
                continue
            try:
                new = convert(old)
            except SkipRow as reason:
                dead.setdefault(index, f"{name}: {reason}")
                continue
            if new is not old:
                values[index][name] = new
                changed.add(index)


def _all_dumped(values: Values) -> list[bytes]:
    """Many rows at once; most hold no number that needs care."""
    try:
        return list(map(orjson.dumps, values))
    except TypeError:
        return list(map(dumps, values))


def _column(name: str, values: Values) -> list[Any]:
    return list(map(dict.get, values, repeat(name)))
