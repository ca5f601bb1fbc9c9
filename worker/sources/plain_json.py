"""Refuses values that JSON, Redis and a vendor's API do not all hold unchanged, before anything is stored or sent."""

from __future__ import annotations

import math
from typing import Any

from worker.errors import BadInput
from worker.suggestions import shorten

DEEPEST = 50
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**64 - 1


def require_plain_json(value: Any, where: str) -> None:
    """Raise BadInput that names the place of a lone surrogate, an infinite or too large number, or deep nesting."""
    _check(value, where, whole=where, depth=0)


def _check(value: Any, where: str, *, whole: str, depth: int) -> None:
    if depth > DEEPEST:
        raise BadInput(whole, "...", f"at most {DEEPEST} levels of lists and objects")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadInput(where, shorten(value), "text without lone surrogates") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadInput(where, value, "a finite number")
    elif isinstance(value, int) and not LEAST_INTEGER <= value <= GREATEST_INTEGER:
        raise BadInput(where, shorten(value), "an integer of at most 64 bits; give longer ids as text")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check(name, where, whole=whole, depth=depth)
            _check(member, f"{where}.{name}", whole=whole, depth=depth + 1)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _check(item, f"{where}.{number}", whole=whole, depth=depth + 1)
