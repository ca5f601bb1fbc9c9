"""Computes when an entry is due, from its cron expression or interval, with daylight saving time.

Fixed times follow Debian's cron: a time that the clocks skip is due right after the skip, a time that they repeat is
due once; `*/30` goes by elapsed time. All results are in UTC, because Python compares two times of the same zone by
their wall clocks.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from cronsim import CronSim

from worker.durations import parse_duration
from worker.schedule.entries import Entry
from worker.sources.params import zone_of


def time_after(entry: Entry, now: datetime) -> datetime | None:
    """The first time the entry is due after `now`; None if its cron expression never matches again."""
    if entry.every:
        step = parse_duration(entry.every, "every")
        return datetime.fromtimestamp((math.floor(now.timestamp() / step) + 1) * step, UTC)
    return _to_utc(next(CronSim(entry.cron or "", now.astimezone(zone_of(entry.timezone))), None))


def time_until(entry: Entry, now: datetime) -> datetime | None:
    """The last time the entry was due, `now` included; None if its cron expression never matched before."""
    if entry.every:
        step = parse_duration(entry.every, "every")
        return datetime.fromtimestamp(math.floor(now.timestamp() / step) * step, UTC)
    # Backwards, CronSim yields times before the minute it starts at, so it starts one minute later.
    next_minute = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return _to_utc(next(CronSim(entry.cron or "", next_minute.astimezone(zone_of(entry.timezone)), reverse=True), None))


def days_before(due: datetime, count: int, timezone: str) -> list[tuple[datetime, datetime]]:
    """The last `count` whole days before the day of `due`, the oldest first, each from midnight to midnight."""
    zone = zone_of(timezone)
    today = due.astimezone(zone).date()
    midnights = [
        datetime.combine(today - timedelta(days=back), datetime.min.time(), zone) for back in range(count, -1, -1)
    ]
    return list(pairwise(midnights))


def _to_utc(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC)
