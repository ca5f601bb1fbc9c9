"""Converts one value to its declared column type, exactly or not at all.

An empty string becomes null, except in a string column. A number keeps its digits: `57.1000` stays `57.1000`. A value
that would lose something does not fit: `1,234`, `007`, `5 %`, or `2.5` as an integer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import orjson

from worker.errors import SkipRow
from worker.readers.exact import dumps, format_decimal, loads
from worker.readers.limits import LONGEST_INTEGER_DIGITS
from worker.sources.schema import ColumnType

FITTING: dict[ColumnType, frozenset[type]] = {
    "string": frozenset({str, type(None)}),
    "integer": frozenset({int, type(None)}),
    "number": frozenset({int, float, Decimal, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "datetime": frozenset({str, type(None)}),
}
"""The types of values that stay as they are; in a datetime column, a string only if `_is_time` says yes."""

_SHOWN_CHARACTERS = 100
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
DATE = r"(?:[0-9]{4}(?:[-/.][0-9]{1,2}|[0-9]{2})|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})"
"""How a date begins, the year first or last."""
_TIME = re.compile(DATE + r"|-?[0-9]+(?:\.[0-9]+)?$")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def _is_time(text: str | None) -> bool:
    """Is this null, or does it begin like a date or count seconds? Vendors write times in many ways."""
    return text is None or _TIME.match(text) is not None


def _misfit(value: Any, kind: ColumnType) -> SkipRow:
    shown = str(value)
    shown = shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "..."
    return SkipRow(f"{shown!r} is not a valid {kind}")


def _to_integer(value: Any) -> int | None:
    number: Decimal | None = None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        try:
            number = Decimal(text) if _NUMBER.fullmatch(text) else None
        except ArithmeticError:
            number = None  # an exponent that no decimal can have
    if number is None or number.adjusted() >= LONGEST_INTEGER_DIGITS or number != number.to_integral_value():
        raise _misfit(value, "integer")
    return int(number)


def _to_number(value: Any) -> orjson.Fragment | None:
    text = value.strip() if isinstance(value, str) else None
    if text == "":
        return None
    if text is None or not _NUMBER.fullmatch(text):
        raise _misfit(value, "number")
    return orjson.Fragment(text)


def _to_boolean(value: Any) -> bool | None:
    text = str(value).strip().lower() if type(value) in (str, int) else "?"
    if text == "":
        return None
    if text not in _TRUTH:
        raise _misfit(value, "boolean")
    return _TRUTH[text]


def _to_string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format_decimal(value)
    raise _misfit(value, "string")


def _to_datetime(value: Any) -> str | None:
    text = value.strip() if isinstance(value, str) else _to_string(value)
    if not text:
        return None
    if not _is_time(text):
        raise _misfit(value, "datetime")
    return text


CONVERSIONS: dict[ColumnType, Callable[[Any], Any]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "datetime": _to_datetime,
}
"""For values whose type does not fit. Each raises SkipRow, quoting the value, if it cannot convert it."""

INTEGER = rb"(?:0|-?[1-9][0-9]{0,4000}+)"
DATE_IN_JSON = DATE.replace("[-/.]", r"(?:[-.]|\\?/)").encode()
"""PHP writes `\\/` for a slash."""

# These values need no parsing. Around a number there may be quotes.
_PLAIN_VALUE: dict[ColumnType, re.Pattern[bytes]] = {
    "string": re.compile(rb'(".*"|null)', re.DOTALL),
    "integer": re.compile(rb'"?+(' + INTEGER + rb'|null(?!"))"?+'),
    "number": re.compile(rb'"?+(' + _NUMBER.pattern.encode() + rb'|null(?!"))"?+'),
    "boolean": re.compile(rb"(true|false|null)"),
    "datetime": re.compile(rb'("' + DATE_IN_JSON + rb'(?:[^"\\]++|\\/)*+"|null)'),
}


def convert(raw: bytes, kind: ColumnType, null_values: Collection[str] = ()) -> bytes | None:
    """The JSON of a value converted to its type, None if it stays as it is. Raises SkipRow if it does not fit.

    `null_values` become null, except in a string column.
    """
    if plain := _PLAIN_VALUE[kind].fullmatch(raw):
        number = plain[1]
        return number if len(number) < len(raw) else None
    try:
        value = loads(raw)
    except ArithmeticError:
        raise _misfit(raw.decode(), kind) from None
    if kind != "string" and isinstance(value, str) and value.strip() in null_values:
        return b"null"
    if type(value) in FITTING[kind] and (kind != "datetime" or _is_time(value)):
        return None
    new = CONVERSIONS[kind](value)
    return None if new is value else dumps(new)
