"""streamed -> done: check that the sink has every row and write the receipt; or carry out a verdict."""

from __future__ import annotations

import orjson
from celery import Task

from tasks.heartbeat import Heartbeat
from tasks.step import JobFailed, run
from worker.celery import app, nudge
from worker.errors import LeaseLost, RetryLater
from worker.jobs.column_changes import compare_columns, remember_columns
from worker.jobs.completeness import prove_complete
from worker.jobs.finish import end_job, finish
from worker.jobs.views import receipt
from worker.metrics import count
from worker.model import Lease, OpenPages, Totals
from worker.observe import Event, log
from worker.services import Services


@app.task(name="report.finalize", bind=True, throws=(JobFailed,))
def finalize(self: Task, job_id: str) -> str | None:
    """End a job. It takes effect once, however often the task runs."""
    return run(self, lambda ledger: ledger.take(job_id, "streamed", "verdict"), _finalize)


def _finalize(services: Services, lease: Lease, heartbeat: Heartbeat) -> str | None:
    job = lease.job
    if job.verdict:
        # The job has ended already; this is raised so that Flower shows a FAILURE.
        if end_job(services, job) == "failed":
            raise JobFailed(f"job {job.id} failed: {job.error}")
        return job.verdict
    totals = _count_or_reopen(services, lease)
    if totals is None:
        return None
    proof, expected = prove_complete(job, services.report(job), totals, services.settings.dead_share)
    prepared = receipt(
        job,
        "done",
        finished_at=heartbeat.now(),
        sink=services.sink_display_name(job),
        proof=proof,
        totals=totals,
        expected_rows=expected,
    )
    changes = compare_columns(services, job)
    if changes:
        # Stored before the end, so that webhooks and events of the end contain them.
        added, gone = orjson.dumps(changes.added).decode(), orjson.dumps(changes.gone).decode()
        if not services.ledger.note(lease, columns_added=added, columns_gone=gone):
            raise LeaseLost("before the end was written")
    if isinstance(finish(services, job, prepared), OpenPages):
        raise RetryLater("the sink lost pages after they were counted")
    remember_columns(services, job)
    if changes:
        log.warning(Event.COLUMNS_CHANGED, added=changes.added, gone=changes.gone)
        count(services.redis, "millrace_columns_changed_total", job.connection, job.report)
    log.info(Event.DONE, rows=totals.rows, dead_rows=totals.dead_rows, generation=job.generation)
    return f"done: {totals.rows:,} rows"


def _count_or_reopen(services: Services, lease: Lease) -> Totals | None:
    """The totals of the sink; None if it lacks pages that the ledger has as closed: those are read again."""
    with services.sink(lease.job) as sink:
        outcome = sink.tally(lease.job.generation, lease.job.pages)
    if isinstance(outcome, Totals):
        return outcome
    if services.ledger.reopen_pages(lease, outcome.pages):
        for page in outcome.pages:
            nudge("report.stream", lease.job.id, page)
    return None
