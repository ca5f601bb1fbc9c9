"""pending -> ready: ask whether the report is prepared, without holding a worker in between."""

from __future__ import annotations

from typing import NoReturn

import orjson
from celery import Task

from tasks.lease import Heartbeat
from tasks.step import JobFailed, not_ready, run
from worker.celery import app, nudge
from worker.client.vendor import Gone, Ready, Waiting
from worker.errors import FailJob, LeaseLost, ReportGone, RetryLater
from worker.model import Held, Job
from worker.observe import Event, log
from worker.services import Services

KEEP_PLACE_SECONDS = 300.0


@app.task(name="report.poll", bind=True, throws=(JobFailed,))
def poll(self: Task, job_id: str, number: int) -> str | None:
    """Poll once; not ready yet means a retry of this task after the vendor's own cadence."""
    return run(self, lambda ledger: ledger.take(job_id, "pending", poll=number), _poll, most_attempts=None)


def _poll(task: Task, services: Services, held: Held, heartbeat: Heartbeat) -> str:
    every = services.poll_seconds(services.report(held.job))
    status = _status(services, held, heartbeat.now(), every)
    if isinstance(status, Ready):
        _ready(services, held, status)
        return "ready" if status.total is None else f"ready: {status.total:,} rows"
    if isinstance(status, Gone):
        raise ReportGone(status.reason)
    return _wait(task, services, held, status, heartbeat.now(), every)


def _status(services: Services, held: Held, now: float, every: float) -> Ready | Gone | Waiting:
    """One poll. One that failed is repeated no sooner than any other."""
    job = held.job
    try:
        return services.vendor(job).status(
            job.vendor_report_id or "",
            poll_link=job.poll_link,
            submitted_at=job.submitted_at,
            now=now,
            linkless_since=job.linkless_since,
        )
    except RetryLater as later:
        if later.is_attempt or later.is_refused:
            later.wait_seconds = _next_wait(held, every, later.wait_seconds, now)
        raise


def _ready(services: Services, held: Held, status: Ready) -> None:
    moved = services.ledger.move(
        held,
        "ready",
        ready_at="@0",
        ready_total="" if status.total is None else status.total,
        links=orjson.dumps(status.links).decode(),
        expires_at="" if status.expires_at is None else status.expires_at,
    )
    if not moved:
        raise LeaseLost("when the report was ready")
    services.places(held.job).release(held.job.id)
    log.info(Event.READY, total=status.total, files=len(status.links))
    nudge("report.paginate", held.job.id)


def _wait(task: Task, services: Services, held: Held, status: Waiting, now: float, every: float) -> NoReturn:
    job = held.job
    if now > job.ready_by:
        raise FailJob(f"{not_ready(job)}; the last status was {status.word!r}")
    wait = _next_wait(held, every, status.wait_seconds, now)
    moved = services.ledger.move(
        held,
        "pending",
        due_seconds=wait,
        poll=job.poll + 1,
        poll_at=f"@{wait}",
        poll_every=wait,
        linkless_since=(job.linkless_since or "@0") if status.is_linkless else "",
    )
    if not moved:
        raise LeaseLost("between two polls")
    _keep_place(services, job, now, wait)
    log.log(*_level(status), poll=job.poll, status=status.word)
    waiting = RetryLater(f"the vendor says {status.word!r}; asked again in {wait:g} s")
    raise task.retry(args=(job.id, job.poll + 1), exc=waiting, countdown=wait, max_retries=None)


def _keep_place(services: Services, job: Job, now: float, wait: float) -> None:
    """Keep the place among the reports being prepared, which falls free by itself after half an hour."""
    # Not at each poll, where polls are frequent: at the last one of every few minutes, counted alike for all.
    if now // KEEP_PLACE_SECONDS != (now + wait) // KEEP_PLACE_SECONDS:
        services.places(job).keep(job.id)


def _next_wait(held: Held, every: float, asked: float | None, now: float) -> float:
    """The seconds to the next poll: the source file's, or longer where the vendor asks for it before the deadline."""
    return max(every, min(asked or 0, held.job.ready_by - now))


def _level(status: Waiting) -> tuple[int, Event]:
    return (20, Event.NOT_READY) if status.is_known else (30, Event.UNKNOWN_STATUS)
