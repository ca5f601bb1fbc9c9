"""Parses durations such as `15s`, `30m`, `2h`, `1d`, `1w`, and formats seconds for people: `2 h`."""

from __future__ import annotations

import re

from config.settings import LONGEST_DAYS
from worker.errors import BadInput

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_duration(text: str, where: str) -> float:
    """A duration in seconds, at most 100 years. Raises BadInput that names `where`."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})([smhdw])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_DAYS * 86_400:
        raise BadInput(where, text, f"a duration such as 90s, 2h or 31d, at most {LONGEST_DAYS}d")
    return float(seconds)


def format_duration(seconds: float) -> str:
    """The duration in the largest unit that gives a whole number of them: `2 h`, `90 m`, `0.5 s`."""
    unit, size = next(((u, n) for u, n in reversed(_SECONDS.items()) if seconds % n == 0), ("s", 1))
    return f"{seconds / size:g} {unit}"
