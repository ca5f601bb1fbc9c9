"""Dates in requests, and the days, hours and months between them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

MOST_BUCKETS = 400
_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}\.\d{3})?")


def read_date(text: object, *, is_time_allowed: bool = True) -> datetime | None:
    """A date, or a date and time without zone; None if the text is neither."""
    if not isinstance(text, str):
        return None
    match = _FORM.fullmatch(text)
    if match is None or (match[1] and not is_time_allowed):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def between(begin: datetime, end: datetime, step: str) -> list[datetime]:
    """Every hour, day or month before the end; at least one, at most `MOST_BUCKETS`."""
    here = begin.replace(minute=0, second=0, microsecond=0)
    if step != "hour":
        here = here.replace(hour=0)
    if step == "month":
        here = here.replace(day=1)
    found = [here]
    while (here := next_bucket(here, step)) < end and len(found) < MOST_BUCKETS:
        found.append(here)
    return found


def next_bucket(moment: datetime, step: str) -> datetime:
    """The beginning of the next hour, day, week or month."""
    if step == "month":
        # 32 days after the first of a month are always in the next one.
        return (moment + timedelta(days=32)).replace(day=1)
    return moment + {"hour": timedelta(hours=1), "week": timedelta(days=7)}.get(step, timedelta(days=1))
