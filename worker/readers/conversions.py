"""Converts one value to its declared column type, exactly or not at all.

An empty string becomes null, except in a string column. A number keeps its digits: `57.1000` stays
`57.1000`. A value that would lose something does not fit: `1,234`, `007`, `5 %`, or `2.5` as an integer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal

import msgspec

from worker.errors import SkipRow
from worker.readers.limits import LONGEST_INTEGER_DIGITS
from worker.sources.schema import ColumnType

_SHOWN_CHARACTERS = 100
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_DATE = r"(?:[0-9]{4}(?:[-/.][0-9]{1,2}|[0-9]{2})|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})"
"""How a date begins, the year first or last. Vendors write times in many ways, so nothing else is checked."""
_TIME = re.compile(_DATE + r"|-?[0-9]+(?:\.[0-9]+)?\Z")
_TRUTH = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}
"""Databases that descend from PostgreSQL write `t` and `f`."""

INTEGER = rb"(?:0|-?[1-9][0-9]{0,4000}+)"
DATE_IN_JSON = _DATE.replace("[-/.]", r"(?:[-.]|\\?/)").encode()
"""PHP writes `\\/` for a slash."""

# These values need no parsing: the group is what they become. Around a number there may be quotes.
_PLAIN: dict[ColumnType, re.Pattern[bytes]] = {
    "string": re.compile(rb'(".*"|null)', re.DOTALL),
    "integer": re.compile(rb'"?+(' + INTEGER + rb'|null(?!"))"?+'),
    "number": re.compile(rb'"?+(' + _NUMBER.encode() + rb'|null(?!"))"?+'),
    "boolean": re.compile(rb"(true|false|null)"),
    "datetime": re.compile(rb'("' + DATE_IN_JSON + rb'(?:[^"\\]++|\\/)*+"|null)'),
}


def convert(raw: bytes, kind: ColumnType, null_values: Collection[str] = ()) -> bytes | None:
    """The JSON of a value converted to its type, None if it stays as it is. Raises SkipRow if it does not fit.

    `null_values` become null, except in a string column.
    """
    if plain := _PLAIN[kind].fullmatch(raw):
        same = plain[1]
        return same if len(same) < len(raw) else None
    is_text = raw.startswith(b'"')
    value: str = msgspec.json.decode(raw) if is_text else raw.decode()
    text = value.strip()
    if is_text and (not text or text in null_values):
        return b"null"
    if is_text and kind == "datetime" and _TIME.match(value):
        return None
    new = _CONVERSIONS[kind](text)
    if new is None:
        shown = value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "..."
        raise SkipRow(f"{shown!r} is not a valid {kind}")
    return new.encode()


def _to_string(text: str) -> str | None:
    return None if text.startswith(("[", "{")) else f'"{text}"'


def _to_integer(text: str) -> str | None:
    try:
        number = Decimal(text) if re.fullmatch(_NUMBER, text) else None
    except ArithmeticError:
        return None  # an exponent that no decimal can have
    if number is None or number.adjusted() >= LONGEST_INTEGER_DIGITS or number != number.to_integral_value():
        return None
    return str(int(number))


def _to_number(text: str) -> str | None:
    return text if re.fullmatch(_NUMBER, text) else None


def _to_boolean(text: str) -> str | None:
    return _TRUTH.get(text.lower())


def _to_datetime(text: str) -> str | None:
    return msgspec.json.encode(text).decode() if _TIME.match(text) else None


_CONVERSIONS: dict[ColumnType, Callable[[str], str | None]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "datetime": _to_datetime,
}
"""For the text of values that do not fit, without blanks around it: their JSON, None if they cannot be converted."""
