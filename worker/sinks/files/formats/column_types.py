"""What a column of a typed table holds: found from its values, widened by later ones, never so that one is lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from types import NoneType

from worker.sinks.files.formats.cells import Cell, Number

BOOLEAN, INTEGER, STRING = "boolean", "int64", "string"
TIMESTAMP, LOCAL_TIMESTAMP = "timestamp(us, UTC)", "timestamp(us)"
PRECISION = 38
SCALES = (0, 9, 18, 28, 38)
"""Digits behind the point a decimal column may have. Few, so that rows with more digits rarely need another file."""

DECLARED = {
    "string": STRING,
    "integer": INTEGER,
    "number": f"decimal({PRECISION}, 9)",
    "boolean": BOOLEAN,
    "datetime": TIMESTAMP,
}
"""The type of a declared column, as long as no value asks for a wider one."""

_INT64 = range(-(2**63), 2**63)
# Python reads more than six digits of a fraction and drops the rest: such times stay text.
_time = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?").fullmatch


def widened(held: str | None, values: Sequence[Cell], *, is_time: bool = False) -> str | None:
    """The type for a column of type `held` (None: unknown yet) that holds these values too; None: all are null.

    A column whose values have no type in common is text. `is_time`: it is declared to hold times.
    """
    kinds = set(map(type, values)) - {NoneType}
    if not kinds:
        return held
    if held == STRING:
        return STRING
    if kinds <= {int, Number} and (held in {None, INTEGER} or scale_of(held) is not None):
        return _number_type(held, [value for value in values if value is not None])
    if kinds == {bool}:
        found = BOOLEAN
    elif kinds == {str} and is_time:
        found = _time_type([str(value) for value in values if value is not None])
    else:
        found = STRING
    return found if held in {None, found} else STRING


def scale_of(held: str | None) -> int | None:
    """The digits behind the point of a decimal type; None for any other."""
    found = re.fullmatch(r"decimal\(\d+, (\d+)\)", held or "")
    return int(found[1]) if found else None


def _number_type(held: str | None, values: Sequence[Cell]) -> str:
    if held in {None, INTEGER} and all(type(value) is int and value in _INT64 for value in values):
        return INTEGER
    numbers = [Decimal(value) for value in values if value is not None]
    whole = max(max(number.adjusted() + 1, 1) for number in numbers)
    behind = max(-int(number.as_tuple().exponent) for number in numbers)
    # Integers that were written before will come again.
    whole = max(whole, 19 if held == INTEGER else 1)
    least = max(behind, scale_of(held) or 0)
    fits = (scale for scale in SCALES if scale >= least and whole + scale <= PRECISION)
    scale = next(fits, None)
    return STRING if scale is None else f"decimal({PRECISION}, {scale})"


def _time_type(texts: Sequence[str]) -> str:
    if not all(map(_time, texts)):
        return STRING
    try:
        with_zone = {datetime.fromisoformat(text).tzinfo is not None for text in texts}
    except ValueError:
        return STRING
    if len(with_zone) > 1:
        return STRING
    return TIMESTAMP if with_zone == {True} else LOCAL_TIMESTAMP
