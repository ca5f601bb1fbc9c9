"""pending -> ready: poll the vendor until the report is ready, without holding a worker between two polls."""

from __future__ import annotations

from functools import partial
from typing import NoReturn

import orjson
from celery import Task

from tasks.heartbeat import Heartbeat
from tasks.step import JobFailed, explain_not_ready, run
from worker.celery import app, nudge
from worker.client.status import Gone, Waiting
from worker.errors import FailJob, LeaseLost, ReportGone, RetryLater
from worker.model import Lease
from worker.observe import Event, log
from worker.services import Services

RENEW_CLAIM_SECONDS = 300.0


@app.task(name="report.poll", bind=True, throws=(JobFailed,))
def poll(self: Task, job_id: str, number: int) -> str | None:
    """Poll once. If the report is not ready, this task is retried after the vendor's own interval."""
    return run(
        self, lambda ledger: ledger.take(job_id, "pending", poll=number), partial(_poll, self), most_attempts=None
    )


def _poll(task: Task, services: Services, lease: Lease, heartbeat: Heartbeat) -> str:
    job = lease.job
    now, every = heartbeat.now(), services.poll_seconds(services.report(job))
    try:
        status = services.vendor(job).status(
            job.vendor_report_id or "",
            poll_link=job.poll_link,
            now=now,
            missing_since=job.missing_since,
        )
    except RetryLater as later:
        # After a failed poll, wait as long as after one that was answered.
        if later.is_attempt or later.is_refused:
            later.wait_seconds = _next_wait(lease, every, later.wait_seconds, now)
        raise
    if isinstance(status, Gone):
        raise ReportGone(status.reason)
    if isinstance(status, Waiting):
        _poll_again(task, services, lease, status, heartbeat.now(), every)
    moved = services.ledger.move(
        lease,
        "ready",
        # A retry that uses the report again knows it.
        ready_at=job.ready_at or "@0",
        ready_total="" if status.total is None else status.total,
        links=orjson.dumps(status.links).decode(),
        expires_at="" if status.expires_at is None else status.expires_at,
    )
    if not moved:
        raise LeaseLost("when the report was ready")
    services.report_limit(job).release(job.id)
    log.info(Event.READY, total=status.total, files=len(status.links))
    nudge("report.paginate", job.id)
    return "ready" if status.total is None else f"ready: {status.total:,} rows"


def _poll_again(task: Task, services: Services, lease: Lease, status: Waiting, now: float, every: float) -> NoReturn:
    """Store the next poll in the ledger and raise Celery's Retry for it. Raises FailJob after the deadline."""
    job = lease.job
    if now > job.ready_by:
        raise FailJob(f"{explain_not_ready(job)}; the last status was {status.word!r}")
    wait = _next_wait(lease, every, status.wait_seconds, now)
    # It may be a word for done that the source file lacks: people should see it before the deadline.
    said = f"the vendor says {status.word!r}, which the source file does not know; next poll"
    noted = {} if status.is_known else {"waits_on": "vendor", "waits_said": said, "waits_until": f"@{wait}"}
    moved = services.ledger.move(
        lease,
        "pending",
        due_seconds=wait,
        poll=job.poll + 1,
        poll_at=f"@{wait}",
        poll_every=wait,
        missing_since=(job.missing_since or "@0") if status.is_missing else "",
        ready_at="",
        **noted,
    )
    if not moved:
        raise LeaseLost("between two polls")
    # A report's claim must be renewed every half hour (`reports_at_once`). At each poll that would cost too much, so
    # that is done at the last poll of every five minutes by the clock, which is the same for all workers.
    if now // RENEW_CLAIM_SECONDS != (now + wait) // RENEW_CLAIM_SECONDS:
        services.report_limit(job).renew(job.id)
    if status.is_known:
        log.info(Event.NOT_READY, poll=job.poll, status=status.word)
    else:
        log.warning(Event.UNKNOWN_STATUS, poll=job.poll, status=status.word)
    waiting = RetryLater(f"the vendor says {status.word!r}; next poll in {wait:g} s", is_attempt=False)
    raise task.retry(args=(job.id, job.poll + 1), exc=waiting, countdown=wait, max_retries=None)


def _next_wait(lease: Lease, every: float, asked: float | None, now: float) -> float:
    """Seconds until the next poll: the interval, or more if the vendor asks for more, but not past the deadline."""
    return max(every, min(asked or 0, lease.job.ready_by - now))
