"""Reads JSON from people and programs: what Python's json module would silently accept or drop is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from worker.model import Json


def load_json(text: str | bytes) -> Any:
    """The value. Raises ValueError, also for a name that occurs twice in an object and for NaN and Infinity.

    Bytes may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark.
    """
    try:
        return json.loads(text, object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("too many levels of lists and objects") from None


def _refuse_twice(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name!r} occurs twice")
        found[name] = value
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
