"""Writes parsed JSON with exact numbers: a number keeps its digits, whatever its size."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_SMALLEST_PLAIN_EXPONENT = -40
"""Numbers closer to zero keep their exponent: written out, their zeros could fill memory."""


def dumps(value: Any) -> bytes:
    """Compact JSON of a value that ijson returned; small fractions without an exponent: 0.0000001, not 1E-7."""
    return msgspec.json.encode(_with_digits(value))


def _with_digits(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_digits(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_digits(inner) for inner in value]
    if not isinstance(value, Decimal):
        return value
    text = str(value)
    is_small = "E-" in text and value.adjusted() > _SMALLEST_PLAIN_EXPONENT
    return msgspec.Raw((f"{value:f}" if is_small else text).encode())
