"""When an entry is due: the times of its cron expression or its interval, daylight saving included.

Cron's fixed times follow Debian's cron: a time the clocks skip is due right after the skip, a time they repeat is due
once; `*/30` goes by elapsed time. Times are given in UTC: two moments of one zone are compared by their wall clocks.
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
    """The first time the entry is due after `now`; None if its expression never comes true again."""
    if entry.every:
        step = parse_duration(entry.every, "every")
        return datetime.fromtimestamp((math.floor(now.timestamp() / step) + 1) * step, UTC)
    return _to_utc(next(CronSim(entry.cron or "", now.astimezone(zone_of(entry.timezone))), None))


def time_until(entry: Entry, now: datetime) -> datetime | None:
    """The last time the entry was due, `now` included; None if its expression never came true before."""
    if entry.every:
        step = parse_duration(entry.every, "every")
        return datetime.fromtimestamp(math.floor(now.timestamp() / step) * step, UTC)
    # Backwards, the library gives times before the minute it begins at.
    next_minute = now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return _to_utc(next(CronSim(entry.cron or "", next_minute.astimezone(zone_of(entry.timezone)), reverse=True), None))


def days_before(due: datetime, count: int, timezone: str) -> list[tuple[datetime, datetime]]:
    """The last `count` whole days before the day something is due, the oldest first, each from midnight to midnight."""
    zone = zone_of(timezone)
    today = due.astimezone(zone).date()
    midnights = [
        datetime.combine(today - timedelta(days=back), datetime.min.time(), zone) for back in range(count, -1, -1)
    ]
    return list(pairwise(midnights))


def _to_utc(at: datetime | None) -> datetime | None:
    return at and at.astimezone(UTC)
