"""Times as vendors write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

MILLISECONDS_FROM = 100_000_000_000
"""A number this large counts milliseconds: as seconds it would be the year 5138."""


def moment(stated: Any) -> float | None:
    """Seconds since the epoch, from RFC 3339 text or a number; None where it is neither. No zone means UTC."""
    if isinstance(stated, bool) or stated is None:
        return None
    if isinstance(stated, int | float):
        return stated / 1000 if stated >= MILLISECONDS_FROM else float(stated)
    if not isinstance(stated, str):
        return None
    try:
        read = datetime.fromisoformat(stated.strip())
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
