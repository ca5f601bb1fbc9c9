"""ready -> streaming: plan the pages and nudge the first ones."""

from __future__ import annotations

from celery import Task

from tasks.heartbeat import Heartbeat
from tasks.step import JobFailed, run
from worker.celery import app, nudge
from worker.errors import LeaseLost
from worker.jobs.finish import open_generation
from worker.model import Lease
from worker.observe import Event, log
from worker.services import Services


@app.task(name="report.paginate", bind=True, acks_late=True, throws=(JobFailed,))
def paginate(self: Task, job_id: str) -> str | None:
    """Open the sink record and plan as many pages as can be addressed in advance."""
    return run(self, lambda ledger: ledger.take(job_id, "ready"), _paginate)


def _paginate(services: Services, lease: Lease, heartbeat: Heartbeat) -> str:
    job = lease.job
    open_generation(services, job)
    pages = services.vendor(job).plan(job.ready_total)
    at_once = services.connection(job).limits.streams_at_once
    nudged = services.ledger.plan(lease, pages, at_once=at_once)
    if nudged is None:
        raise LeaseLost("while the pages were planned")
    log.info(Event.PLANNED, pages=pages, total=job.ready_total)
    for page in nudged:
        nudge("report.stream", job.id, page)
    return "1 page planned" if pages == 1 else f"{pages:,} pages planned"
