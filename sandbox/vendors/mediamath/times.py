"""The times of a MediaMath query: the buckets its rows fall into."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sandbox.vendors.dates import MOST_BUCKETS, next_bucket

_LAST = re.compile(r"last_([1-9]\d{0,3})_(hours|days)")
_CAMPAIGN_DAYS = 90


def moment(text: str | None) -> datetime | None:
    """A time in RFC3339 form, in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def buckets(
    body: dict[str, Any], today: str, *, week_start: str = "monday", is_end_inclusive: bool = False
) -> tuple[str, ...]:
    """The values of agg_timestamp in order: the query's time span, divided by its rollup; at most `MOST_BUCKETS`."""
    begin, end = _span(body, today)
    rollup = body["rollup"]
    if rollup == "all":
        return (_format(begin),)
    first = here = _floor(begin, rollup, week_start)
    found: list[str] = []
    while (here < end or (is_end_inclusive and here == end) or here == first) and len(found) < MOST_BUCKETS:
        found.append(_format(here))
        here = next_bucket(here, rollup.removeprefix("by_"))
    return tuple(found)


def _span(body: dict[str, Any], today: str) -> tuple[datetime, datetime]:
    midnight = datetime.combine(date.fromisoformat(today), time(), UTC)
    day = timedelta(days=1)
    window = body.get("time_window")
    if window is None:
        begin = moment(body["start_time"]) or midnight
        return begin, moment(body.get("end_time")) or max(begin, midnight + day)
    if match := _LAST.fullmatch(window):
        return midnight - timedelta(**{match[2]: int(match[1])}), midnight
    return {
        "yesterday": (midnight - day, midnight),
        "month_to_date": (midnight.replace(day=1), midnight + day),
        "campaign_to_date": (midnight - _CAMPAIGN_DAYS * day, midnight + day),
    }.get(window, (midnight, midnight + day))


def _floor(instant: datetime, rollup: str, week_start: str) -> datetime:
    hour = instant.replace(minute=0, second=0, microsecond=0)
    if rollup == "by_hour":
        return hour
    day = hour.replace(hour=0)
    if rollup == "by_week":
        return day - timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    return day.replace(day=1) if rollup == "by_month" else day


def _format(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
