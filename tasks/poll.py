"""pending -> ready: ask whether the report is prepared, without holding a worker in between."""

from __future__ import annotations

import orjson
from celery import Task

from tasks.lease import Heartbeat
from tasks.step import run
from worker.celery import app, nudge
from worker.client.vendor import Expired, Ready, Waiting
from worker.durations import spoken
from worker.errors import FailJob, LeaseLost
from worker.model import Held
from worker.observe import Event, log
from worker.services import Services


@app.task(name="report.poll", bind=True)
def poll(self: Task, job_id: str, number: int) -> str | None:
    """Poll once; not ready yet means a retry of this task after the vendor's own cadence."""
    return run(self, lambda ledger: ledger.take(job_id, "pending", poll=number), _poll, most_attempts=None)


def _poll(task: Task, services: Services, held: Held, heartbeat: Heartbeat) -> None:
    job = held.job
    status = services.vendor(job).status(
        job.vendor_report_id or "",
        submitted_at=job.submitted_at,
        now=heartbeat.now(),
        linkless_since=job.linkless_since,
    )
    if isinstance(status, Ready):
        _ready(services, held, status)
    elif isinstance(status, Expired):
        _ask_anew(services, held)
    else:
        _wait(task, services, held, status, heartbeat.now())


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
    log.info(Event.READY, total=status.total)
    nudge("report.paginate", held.job.id)


def _wait(task: Task, services: Services, held: Held, status: Waiting, now: float) -> None:
    job = held.job
    if now > job.ready_by:
        within = spoken(job.ready_within)
        raise FailJob(f"not ready within {within} of being asked for; the last status was {status.word!r}")
    every = services.poll_seconds(services.report(job))
    since = (job.linkless_since or "@0") if status.is_linkless else ""
    next_poll: dict[str, str | float] = {
        "poll": job.poll + 1,
        "poll_at": f"@{every}",
        "poll_every": every,
        "linkless_since": since,
    }
    if not services.ledger.move(held, "pending", due_seconds=every, **next_poll):
        raise LeaseLost("between two polls")
    services.places(job).keep(job.id)
    log.log(*_level(status), poll=job.poll, status=status.word)
    raise task.retry(args=(job.id, job.poll + 1), countdown=every, max_retries=None)


def _ask_anew(services: Services, held: Held) -> None:
    """The vendor no longer has the report: ask for it once more, and only once."""
    if held.job.is_asked_anew:
        raise FailJob("the report expired at the vendor twice before it could be read")
    if not services.ledger.move(held, "queued", submitting_at="", vendor_report_id="", is_asked_anew=1):
        raise LeaseLost("when the report had expired")
    log.warning(Event.EXPIRED)
    nudge("report.submit", held.job.id)


def _level(status: Waiting) -> tuple[int, Event]:
    return (20, Event.NOT_READY) if status.is_known else (30, Event.UNKNOWN_STATUS)
