"""Reads and writes JSON with exact numbers: a number keeps its digits, whatever its size."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

_SMALLEST_PLAIN_EXPONENT = -40
"""Numbers closer to zero keep their exponent: written out, their zeros could fill memory."""


def format_decimal(number: Decimal) -> str:
    """A number in JSON, trailing zeros kept; small fractions without an exponent: 0.0000001, not 1E-7."""
    text = str(number)
    if "E-" in text and number.adjusted() > _SMALLEST_PLAIN_EXPONENT:
        return format(number, "f")
    return text


def loads(raw: bytes) -> Any:
    """The value of valid JSON; a number with a fraction or an exponent is a Decimal."""
    return json.loads(raw, parse_float=Decimal)


def dumps(value: Any) -> bytes:
    """Compact JSON of a value that `loads` or ijson returned."""
    try:
        return orjson.dumps(value, default=_to_fragment)
    except TypeError:
        return orjson.dumps(_with_fragments(value))


def _to_fragment(value: object) -> orjson.Fragment:
    """A Decimal as JSON text, which orjson writes as it is."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format_decimal(value))
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def _with_fragments(value: Any) -> Any:
    """The value with its numbers as fragments of JSON, because orjson refuses integers over 64 bits."""
    if isinstance(value, dict):
        return {key: _with_fragments(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_fragments(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return orjson.Fragment(str(value))
    return _to_fragment(value) if isinstance(value, Decimal) else value
