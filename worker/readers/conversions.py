"""One value into its declared type, exactly or not at all.

Empty text is null but in a text column. A number keeps the digits it was written with, so `57.1000` stays `57.1000`.
What would lose something does not fit: `1,234`, `007`, `5 %`, `2.5` as an integer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from worker.errors import SkipRow
from worker.readers.exact import digits, dumps, loads
from worker.readers.limits import LONGEST_INTEGER_DIGITS
from worker.sources.schema import ColumnType

FITTING: dict[ColumnType, frozenset[type]] = {
    "string": frozenset({str, type(None)}),
    "integer": frozenset({int, type(None)}),
    "number": frozenset({int, float, Decimal, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "datetime": frozenset({str, type(None)}),
}
"""Types of JSON values that stay as they are; of times only those that read as one."""

_SHOWN_CHARACTERS = 100
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TIME = re.compile(r"[0-9]{4}[-/.]?[0-9]{2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}|-?[0-9]+(?:\.[0-9]+)?$")
_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def is_time(value: Any) -> bool:
    """Does text begin like a date, or count seconds? Vendors write times in too many ways to ask for more."""
    return value is None or (type(value) is str and _TIME.match(value) is not None)


def _misfit(value: Any, kind: ColumnType) -> SkipRow:
    shown = str(value)
    shown = shown if len(shown) <= _SHOWN_CHARACTERS else shown[:_SHOWN_CHARACTERS] + "..."
    return SkipRow(f"{shown!r} is no {kind}")


def _integer(value: Any) -> int | None:
    number: Decimal | None = None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        number = _decimal(text)
    if number is None or number.adjusted() >= LONGEST_INTEGER_DIGITS or number != number.to_integral_value():
        raise _misfit(value, "integer")
    return int(number)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except ArithmeticError:
        return None


def _number(value: Any) -> orjson.Fragment | None:
    text = value.strip() if isinstance(value, str) else None
    if text == "":
        return None
    if text is None or not _NUMBER.fullmatch(text):
        raise _misfit(value, "number")
    return orjson.Fragment(text)


def _boolean(value: Any) -> bool | None:
    text = str(value).strip().lower() if type(value) in (str, int) else "?"
    if text == "":
        return None
    if text not in _TRUTH:
        raise _misfit(value, "boolean")
    return _TRUTH[text]


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return digits(value)
    raise _misfit(value, "string")


def _datetime(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else _string(value)
    if not is_time(text):
        raise _misfit(value, "datetime")
    return text


CONVERSIONS: dict[ColumnType, Callable[[Any], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "datetime": _datetime,
}
"""For values whose type does not fit. Each raises SkipRow, saying what it was given."""

NUMBERS: frozenset[ColumnType] = frozenset({"integer", "number"})
TEXT = rb'"[^"]*+"(?:(?<!\\")|(?:(?<=[^\\]\\")[^"]*+")++(?<!\\"))'
"""Text from quote to quote, which costs half of looking at each backslash. A quote behind one backslash goes on; text
with one behind several, which may be either, is not matched."""
PLAIN: dict[ColumnType, bytes] = {
    "string": rb"(?:" + TEXT + rb"|null)",
    "integer": rb'(?:0|-?[1-9][0-9]{0,4000}+|null(?!"))',
    "number": rb'(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|null(?!"))',
    "boolean": rb"(?:true|false|null)",
    "datetime": rb'(?:"[0-9]{4}[-/.]?[0-9]{2}[^"\\]*+"|null)',
}
"""Patterns of what is written as it came, of numbers without the quotes that may stand around them."""

_ALONE = {
    kind: re.compile(rb'"?+(' + pattern + rb')"?+' if kind in NUMBERS else b"(" + pattern + b")")
    for kind, pattern in PLAIN.items()
}


def converted(raw: bytes, kind: ColumnType) -> bytes | None:
    """A JSON value as its type wants it, None where it stays as it is. Raises SkipRow where it cannot be."""
    if plain := _ALONE[kind].fullmatch(raw):
        number = plain[1]
        return number if len(number) < len(raw) else None
    try:
        value = loads(raw)
    except ArithmeticError:
        raise _misfit(raw.decode(), kind) from None
    if type(value) in FITTING[kind] and (kind != "datetime" or is_time(value)):
        return None
    new = CONVERSIONS[kind](value)
    return None if new is value else dumps(new)
