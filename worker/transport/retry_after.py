"""When a vendor says to come back."""

from __future__ import annotations

import math
from datetime import UTC
from email.utils import parsedate_to_datetime

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 3_600.0


def retry_after(stated: str | None, *, now: float) -> float | None:
    """The seconds a `Retry-After` header asks for, given as a number or a date; None where it says nothing usable.

    Clamped: a date already past still means a moment, and nobody waits longer than an hour before asking again.
    """
    if stated is None:
        return None
    try:
        seconds = float(stated)
    except ValueError:
        try:
            date = parsedate_to_datetime(stated)
        except ValueError:
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    if math.isnan(seconds):
        return None
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
