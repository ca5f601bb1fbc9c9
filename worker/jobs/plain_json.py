"""What may stand in a request for a job: values that any JSON parser takes and gives back as they were."""

from __future__ import annotations

import math
from typing import Any

from worker.errors import BadInput
from worker.suggestions import shortened

DEEPEST = 50
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**64 - 1


def require_plain_json(value: Any, where: str, depth: int = 0) -> None:
    """Raise BadInput that names the place of half a surrogate, an infinite or too large number, or deep nesting."""
    if depth > DEEPEST:
        raise BadInput(where, "...", f"at most {DEEPEST} levels of lists and objects")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadInput(where, shortened(value), "text that is whole Unicode; half a surrogate is none") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise BadInput(where, value, "a finite number")
    elif isinstance(value, int) and not LEAST_INTEGER <= value <= GREATEST_INTEGER:
        raise BadInput(where, shortened(value), "an integer of at most 64 bits; longer ids are text")
    elif isinstance(value, dict):
        for name, member in value.items():
            require_plain_json(name, where, depth)
            require_plain_json(member, f"{where}.{name}", depth + 1)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            require_plain_json(item, f"{where}.{number}", depth + 1)
