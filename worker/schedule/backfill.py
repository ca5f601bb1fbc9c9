"""Backfills: request a report for a span of days, one job per window. The schedule is not affected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import orjson

from worker.errors import BadInput
from worker.jobs.create import JobRequest, check_request, create_job
from worker.model import FINISHED, Job, JobState
from worker.services import Services
from worker.sources.connections import find_report
from worker.sources.params import zone_of
from worker.sources.windows import put_window

DAYS = {"d": 1, "w": 7}
MOST_WINDOWS = 10_000
"""27 years of days. More are a mistyped year, and one job after another would be made for it."""

WindowState = JobState | Literal["waiting"]


@dataclass(slots=True)
class Window:
    """One window of a backfill: its first and last day, and its job once there is one."""

    first: date
    last: date
    request: JobRequest
    job: Job | None = None

    @property
    def state(self) -> WindowState:
        """The state of its job, or `waiting` if it has none yet."""
        return self.job.state if self.job else "waiting"


class Backfill:
    """One job for each window of a report, at most `at_once` of them unfinished at a time.

    A repeated backfill of the same span finds the jobs made before: those that are done stay so, those that failed or
    were cancelled are retried once, and missing ones are created.
    """

    def __init__(self, services: Services, windows: list[Window], at_once: int) -> None:
        self.windows = windows
        self._services = services
        self._at_once = at_once
        self._retried: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Has the job of every window ended?"""
        return all(window.state in FINISHED for window in self.windows)

    def advance(self) -> list[tuple[str, str]]:
        """Reload all jobs and begin as many as may run; returns id and state of each job that needs a nudge."""
        for window in self.windows:
            if window.job is not None:
                window.job = self._services.ledger.job(window.job.id) or window.job
        nudges: list[tuple[str, str]] = []
        for window in self.windows:
            if sum(other.state not in (*FINISHED, "waiting") for other in self.windows) >= self._at_once:
                break
            if window.job is None and (begun := self._begin_job(window)):
                nudges.append(begun)
        return nudges

    def _begin_job(self, window: Window) -> tuple[str, str] | None:
        """Create or find the window's job; returns its id and state if it needs a nudge."""
        job_id, _ = create_job(self._services, window.request)
        window.job = self._services.ledger.job(job_id)
        state = window.state
        if state in ("failed", "cancelled") and job_id not in self._retried:
            self._retried.add(job_id)
            again, _ = self._services.ledger.retry(job_id)
            window.job = self._services.ledger.job(job_id)
            return (job_id, again) if again else None
        return (job_id, state) if state == "queued" else None


def plan(
    services: Services, name: str, params: Mapping[str, Any], first: date, last: date, size: str, sink: str | None
) -> Backfill:
    """Divide a span, both days included, into windows; the last one may be shorter. Nothing is created or sent.

    Raises BadInput if the report has no window, or anything else is wrong.
    """
    connection, report = find_report(services.connections, name)
    if last < first:
        raise BadInput("--to", str(last), f"{first} or a later day")
    number, unit = size[:-1], size[-1:]
    if unit not in DAYS or not number.isdecimal() or not 0 < int(number) <= 366:
        raise BadInput("--window", size, "a number of days or weeks, such as 1d or 4w")
    zone, step = zone_of(connection.timezone), timedelta(days=int(number) * DAYS[unit])
    if last == date.max or (last - first) // step >= MOST_WINDOWS:
        raise BadInput("--to", str(last), f"a day at most {MOST_WINDOWS:,} windows after {first}")
    asked = hashlib.sha256(orjson.dumps([dict(params), sink], option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    windows = []
    while first <= last:
        end = min(first + step, last + timedelta(days=1))
        span = (datetime.combine(day, datetime.min.time(), zone) for day in (first, end))
        key = f"backfill {name} {asked} {first} {end}"
        request = JobRequest(name, put_window(report, params, *span), sink, key=key)
        windows.append(Window(first, end - timedelta(days=1), request))
        first = end
    # They differ in their days only.
    check_request(services, windows[0].request)
    return Backfill(services, windows, connection.limits.reports_at_once)
