"""Finds the type of a table's column from its values, and widens it for later values, so that none is lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import NoneType

from worker.sinks.files.formats.cells import Cell, Number

BOOLEAN, INTEGER, STRING = "boolean", "int64", "string"
TIMESTAMP, LOCAL_TIMESTAMP = "timestamp(us, UTC)", "timestamp(us)"
WHOLE_DIGITS = 20
SCALES = (0, 9, 18)
"""The digits before and after the point of a decimal column.

For any two of these types, and for an int64, one of these types can hold both. All have the same number of digits
before the point: otherwise DuckDB would silently round when it reads files of two types as one table.
"""


def decimal_type(scale: int) -> str:
    """The decimal type with this many digits after the point."""
    return f"decimal({WHOLE_DIGITS + scale}, {scale})"


DECLARED = {"string": STRING, "integer": INTEGER, "number": decimal_type(9), "boolean": BOOLEAN, "datetime": TIMESTAMP}
"""The type of a declared column, until a value needs a wider one."""

_INT64 = range(-(2**63), 2**63)
# Python would drop the digits of a second after the sixth, so times with more digits stay text.
_time = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?").fullmatch


def widen(held: str | None, values: Sequence[Cell], *, is_time: bool = False) -> str | None:
    """The type for a column of type `held` (None: not known yet) and these values; None if all of them are null.

    A column whose values have no common type is text. `is_time`: the column is declared as times.
    """
    kinds = set(map(type, values)) - {NoneType}
    if not kinds:
        return held
    if held == STRING:
        return STRING
    if kinds <= {int, Number} and (held in {None, INTEGER} or scale_of(held) is not None):
        return _find_number_type(held, [value for value in values if value is not None])
    if kinds == {bool}:
        found = BOOLEAN
    elif kinds == {str} and is_time:
        found = _find_time_type([str(value) for value in values if value is not None])
    else:
        found = STRING
    return found if held in {None, found} else STRING


def scale_of(held: str | None) -> int | None:
    """The digits after the point of a decimal type; None for any other type."""
    found = re.fullmatch(r"decimal\(\d+, (\d+)\)", held or "")
    return int(found[1]) if found else None


def _find_number_type(held: str | None, values: Sequence[Cell]) -> str:
    integers = [value for value in values if type(value) is int]
    is_whole = held in {None, INTEGER} and len(integers) == len(values)
    if is_whole and min(integers) in _INT64 and max(integers) in _INT64:
        return INTEGER
    try:
        whole, behind = _digits([str(value) for value in values])
    except InvalidOperation:  # an exponent of more than eighteen digits
        return STRING
    if whole > WHOLE_DIGITS:
        return STRING
    scale = next((scale for scale in SCALES if scale >= max(behind, scale_of(held) or 0)), None)
    return STRING if scale is None else decimal_type(scale)


def _digits(numbers: Sequence[str]) -> tuple[int, int]:
    """The most digits of any of these numbers before its point, and the most behind it."""
    if not {"e", "E"}.isdisjoint("".join(numbers)):
        decimals = list(map(Decimal, numbers))
        whole = max(number.adjusted() for number in decimals) + 1
        return whole, max(-int(number.as_tuple().exponent) for number in decimals)
    parts = [number.partition(".") for number in numbers]
    return max(len(part[0].lstrip("-")) for part in parts), max(len(part[2]) for part in parts)


def _find_time_type(texts: Sequence[str]) -> str:
    if not all(map(_time, texts)):
        return STRING
    try:
        moments = [datetime.fromisoformat(text) for text in texts]
        # A time whose zone moves it out of the years 1 to 9999 can hardly be read by any program.
        for moment in moments:
            if moment.tzinfo is not None:
                moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return STRING
    with_zone = {moment.tzinfo is not None for moment in moments}
    if len(with_zone) > 1:
        return STRING
    return TIMESTAMP if with_zone == {True} else LOCAL_TIMESTAMP
