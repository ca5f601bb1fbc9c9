"""Creates the jobs that the schedule owes: for each time of each entry once, however many processes do it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from worker import keys
from worker.durations import format_duration, parse_duration
from worker.errors import BadInput
from worker.jobs.create import JobRequest, check_request, create_job
from worker.model import FINISHED, Job, Json
from worker.observe import Event, log
from worker.schedule.entries import Entry, load_schedule
from worker.scripts import Script
from worker.services import Services
from worker.sources.connections import find_report
from worker.sources.windows import put_window

LATE = timedelta(minutes=5)
"""After this an entry without its jobs is late; if it does not catch up, it has missed that time."""

_SERVE = Script("schedule_serve")


@dataclass(frozen=True, slots=True)
class Run:
    """What Redis holds about one entry: the last time served, the jobs made for it, and when one was last done."""

    due_at: float | None = None
    jobs: tuple[str, ...] = ()
    done_at: float | None = None
    error: str = ""
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """The state of an entry: its last and next times, its last jobs with their states, and its alarms."""

    entry: Entry
    last_due: datetime | None
    next_due: datetime | None
    jobs: dict[str, str]
    done_at: datetime | None
    alarms: tuple[str, ...]

    def as_json(self) -> Json:
        """For programs; the parameters are as in the file, with macros unresolved."""
        times = {name: getattr(self, name) for name in ("last_due", "next_due", "done_at")}
        return {
            **self.entry.model_dump(exclude={"min_rows", "max_age"}),
            **{name: at and at.isoformat() for name, at in times.items()},
            "jobs": self.jobs,
            "alarms": list(self.alarms),
        }


def entries(services: Services) -> list[Entry]:
    """The schedule of this installation. Raises BadInput if its file cannot be used as a whole."""
    return load_schedule(services.settings.schedule, services.connections)


def serve(services: Services, now: datetime) -> list[str]:
    """Create the jobs that are due by `now`; returns their ids.

    May run any number of times and in several processes at once: the ids of the jobs depend on entry and time only, so
    every process finds the same jobs. Times before an entry was first seen are not due. If the jobs of an entry cannot
    be created, that is logged, shown by `statuses`, and tried again the next time.
    """
    made: list[str] = []
    for entry in entries(services):
        if not entry.enabled:
            continue
        if entry.mistake is None:
            run = _read_run(services, entry)
            if run.due_at is None:
                services.redis.hsetnx(keys.schedule(entry.name), "due_at", now.timestamp())
                continue
            if (due := _unserved_time(entry, run.due_at, now)) is not None:
                made += _serve_entry(services, entry, run, due, now)
        _note_changes(services, entry, now)
    return made


def statuses(services: Services, now: datetime) -> list[EntryStatus]:
    """The status of every entry; nothing is changed."""
    return [_status(services, entry, now) for entry in entries(services)]


def _unserved_time(entry: Entry, served: float, now: datetime) -> datetime | None:
    """The latest due time without jobs, None if there is none. Earlier missed times are not made up for."""
    due = entry.time_until(now)
    if due is None or due.timestamp() <= served:
        return None
    is_missed = entry.catch_up == "none" and now - due > LATE
    return None if is_missed else due


def _serve_entry(services: Services, entry: Entry, run: Run, due: datetime, now: datetime) -> list[str]:
    name = keys.schedule(entry.name)
    try:
        jobs = [create_job(services, request, now=due)[0] for request in _make_requests(services, entry, due)]
    except BadInput as bad:
        if str(bad) != run.error:
            log.error(Event.SCHEDULE_REFUSED, entry=entry.name, why=str(bad))
            services.redis.hset(name, "error", str(bad))
        return []
    if not _SERVE(services.redis, [name], [due.timestamp(), json.dumps(jobs)]):
        return []  # another process was faster; its jobs are the same ones
    log.info(Event.SCHEDULED, entry=entry.name, due=due.isoformat(), late_seconds=round((now - due).total_seconds()))
    return jobs


def _make_requests(services: Services, entry: Entry, due: datetime) -> list[JobRequest]:
    """One request, or one for each day of the lookback. Their keys ensure that no time gets its jobs twice."""

    def request(params: dict[str, Any], part: str) -> JobRequest:
        return JobRequest(
            entry.report_name, params, entry.to, key=f"schedule {entry.name} {due.timestamp():.0f} {part}"
        )

    if not entry.lookback_days:
        return [request(entry.params, "")]
    _, report = find_report(services.connections, entry.report_name)
    return [
        request(put_window(report, entry.params, first, end), first.date().isoformat())
        for first, end in entry.days_before(due)
    ]


def _read_run(services: Services, entry: Entry) -> Run:
    held = {name.decode(): value.decode() for name, value in services.redis.hgetall(keys.schedule(entry.name)).items()}
    return Run(
        due_at=float(held["due_at"]) if "due_at" in held else None,
        jobs=tuple(json.loads(held.get("jobs", "[]"))),
        done_at=float(held["done_at"]) if "done_at" in held else None,
        error=held.get("error", ""),
        alarm=held.get("alarm", ""),
    )


def _note_changes(services: Services, entry: Entry, now: datetime) -> None:
    """Note when jobs were last done, and log an alarm when it is raised and when it is over."""
    run = _read_run(services, entry)
    status = _status(services, entry, now)
    changes: dict[str, str | float] = {}
    if status.done_at is not None and status.done_at.timestamp() != run.done_at:
        changes["done_at"] = status.done_at.timestamp()
    alarm = "; ".join(status.alarms)
    if alarm != run.alarm:
        changes["alarm"] = alarm
        if alarm:
            log.warning(Event.SCHEDULE_ALARM, entry=entry.name, why=alarm)
        else:
            log.info(Event.SCHEDULE_ALARM_OVER, entry=entry.name)
    if changes:
        services.redis.hset(keys.schedule(entry.name), mapping=changes)


def _status(services: Services, entry: Entry, now: datetime) -> EntryStatus:
    run = _read_run(services, entry)
    jobs = [job for job_id in run.jobs if (job := services.ledger.job(job_id)) is not None]
    done = [job.finished_at for job in jobs if job.state == "done" and job.finished_at]
    done_at = max(done, default=run.done_at)
    return EntryStatus(
        entry=entry,
        last_due=_to_datetime(run.due_at) if run.jobs else None,
        next_due=entry.time_after(now) if entry.enabled and not entry.mistake else None,
        jobs={job.id: job.state for job in jobs},
        done_at=_to_datetime(done_at),
        alarms=tuple(_find_alarms(services, entry, run, jobs, done_at, now)) if entry.enabled else (),
    )


def _find_alarms(
    services: Services, entry: Entry, run: Run, jobs: list[Job], done_at: float | None, now: datetime
) -> list[str]:
    if entry.mistake:
        return [str(entry.mistake)]
    refusal = run.error or _find_refusal(services, entry, now)
    found = [refusal] if refusal else []
    if run.due_at is not None and (due := _unserved_time(entry, run.due_at, now)) and now - due > LATE:
        found.append(f"due {due.isoformat()}, but its jobs were not created: is beat or a control worker running?")
    for job in jobs:
        if job.state == "failed":
            found.append(f"job {job.id} failed: {job.error}")
        elif job.state == "done" and job.receipt and (rows := job.receipt["rows"]) < (entry.min_rows or 0):
            # By the receipt: after a failover, the ledger's count may lack rows that the sink has.
            found.append(f"job {job.id} has {rows} rows; at least {entry.min_rows} were expected")
    if entry.max_age and run.due_at is not None:
        since = done_at if done_at is not None else run.due_at
        if now.timestamp() - since > parse_duration(entry.max_age, "max_age"):
            unfinished = sum(job.state not in FINISHED for job in jobs)
            age = format_duration(parse_duration(entry.max_age, "max_age"))
            found.append(f"no job was done for more than {age}; {unfinished} unfinished")
    return found


def _find_refusal(services: Services, entry: Entry, now: datetime) -> str:
    """Why the jobs of an entry would be refused if it were due now; empty if they would be made."""
    try:
        # Those of other days differ in the day only.
        check_request(services, _make_requests(services, entry, now)[0], now=now)
    except BadInput as bad:
        return str(bad)
    return ""


def _to_datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
