"""The times of a MediaMath query: window or range, rollup, the buckets rows fall into."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.mediamath_facts import Dataset

MOST_BUCKETS = 400
_LAST = re.compile(r"last_([1-9]\d{0,3})_(hours|days)")
_CAMPAIGN_DAYS = 90


class BadTimes(ValueError):
    """A query's window, range, rollup or zone is refused."""


def check_times(
    dataset: Dataset, body: dict[str, Any], *, is_conflict_refused: bool, today_words: tuple[str, ...]
) -> None:
    """BadTimes unless the dataset has this rollup and what it needs of window and range."""
    if body["rollup"] not in dataset.rollups:
        raise BadTimes(f"rollup not supported by this dataset: {body['rollup']}")
    window, start, end = body.get("time_window"), body.get("start_time"), body.get("end_time")
    if window is None and start is None:
        raise BadTimes("time_window or start_time is required")
    if not dataset.has_range and (start is not None or end is not None):
        raise BadTimes("this dataset has no start_time and end_time")
    if window is not None and start is not None and is_conflict_refused:
        raise BadTimes("time_window and start_time exclude each other")
    if window is not None:
        _check_window(dataset, window, today_words)
    opens = _moment(start, "start_time")
    closes = _moment(end, "end_time")
    if opens and closes and closes < opens:
        raise BadTimes("end_time is before start_time")


def _check_window(dataset: Dataset, window: Any, today_words: tuple[str, ...]) -> None:
    told = {*dataset.windows} - {"current_day"}
    if "current_day" in dataset.windows:
        told |= {*today_words}
    if not isinstance(window, str) or (window not in told and _family(window) not in told):
        raise BadTimes(f"time_window not supported by this dataset: {window}")


def _family(window: str) -> str | None:
    match = _LAST.fullmatch(window)
    return f"last_X_{match[2]}" if match else None


def check_zone(dataset: Dataset, zone: Any) -> None:
    """BadTimes unless the dataset takes a time zone and this is one."""
    if zone is None:
        return
    if not dataset.zones:
        raise BadTimes("this dataset has no time_zone")
    if zone in dataset.zones:
        return
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, TypeError, OSError):
        raise BadTimes(f"unknown time_zone: {zone}") from None


def _moment(text: Any, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        moment = datetime.min
    if moment.tzinfo is None or "T" not in text:
        raise BadTimes(f"{name} must be a time in RFC3339 form")
    return moment.astimezone(UTC)


def buckets(
    body: dict[str, Any], today: str, *, week_start: str = "monday", is_end_inclusive: bool = False
) -> tuple[str, ...]:
    """The values of agg_timestamp, in order.

    The query's time cut by its rollup, at most `MOST_BUCKETS`.
    """
    begin, end = _span(body, today)
    rollup = body["rollup"]
    if rollup == "all":
        return (_written(begin),)
    first = here = _floor(begin, rollup, week_start)
    found: list[str] = []
    while (here < end or (is_end_inclusive and here == end) or here == first) and len(found) < MOST_BUCKETS:
        found.append(_written(here))
        here = _following(here, rollup)
    return tuple(found)


def _span(body: dict[str, Any], today: str) -> tuple[datetime, datetime]:
    midnight = datetime.combine(date.fromisoformat(today), time(), UTC)
    day = timedelta(days=1)
    window = body.get("time_window")
    if window is None:
        begin = _moment(body["start_time"], "start_time") or midnight
        return begin, _moment(body.get("end_time"), "end_time") or max(begin, midnight + day)
    if match := _LAST.fullmatch(window):
        return midnight - timedelta(**{match[2]: int(match[1])}), midnight
    return {
        "yesterday": (midnight - day, midnight),
        "month_to_date": (midnight.replace(day=1), midnight + day),
        "campaign_to_date": (midnight - _CAMPAIGN_DAYS * day, midnight + day),
    }.get(window, (midnight, midnight + day))


def _floor(moment: datetime, rollup: str, week_start: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if rollup == "by_hour":
        return hour
    day = hour.replace(hour=0)
    if rollup == "by_week":
        return day - timedelta(days=(day.weekday() + (week_start == "sunday")) % 7)
    return day.replace(day=1) if rollup == "by_month" else day


def _following(moment: datetime, rollup: str) -> datetime:
    if rollup == "by_month":
        return (moment + timedelta(days=32)).replace(day=1)
    return moment + {"by_hour": timedelta(hours=1), "by_week": timedelta(days=7)}.get(rollup, timedelta(days=1))


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
