"""queued -> pending (or ready, if nothing has to be prepared): request the report from the vendor, once."""

from __future__ import annotations

from celery import Task

from tasks.heartbeat import Heartbeat
from tasks.step import JobFailed, run
from worker.celery import app, nudge
from worker.client.vendor import Submission, Vendor
from worker.errors import LeaseLost, RetryLater
from worker.jobs.finish import discard
from worker.model import Lease
from worker.observe import Event, log
from worker.services import Services
from worker.sources.schema import Submit


@app.task(name="report.submit", bind=True, throws=(JobFailed,))
def submit(self: Task, job_id: str) -> str | None:
    """Request the report and store the vendor's report id."""
    return run(self, lambda ledger: ledger.take(job_id, "queued"), _submit)


def _submit(services: Services, lease: Lease, heartbeat: Heartbeat) -> str:
    report = services.report(lease.job)
    if report.submit is None or report.poll is None:
        if not services.ledger.move(lease, "ready", submitted_at="@0", ready_at="@0"):
            raise LeaseLost("before the report was read")
        nudge("report.paginate", lease.job.id)
        return "nothing to prepare"
    vendor = services.vendor(lease.job)
    every = services.poll_seconds(report)
    if not services.report_limit(lease.job).claim(lease.job.id):
        raise RetryLater(
            "the vendor is preparing as many reports as the limit `reports_at_once` allows",
            wait_seconds=every,
            is_attempt=False,
            waits_on="vendor",
        )
    submission = _find_interrupted(services, lease, vendor, report.submit, every) or _ask(services, lease, vendor)
    wait = max(every, min(submission.wait_seconds, lease.job.ready_within))
    moved = services.ledger.move(
        lease,
        "pending",
        due_seconds=wait,
        poll=lease.job.poll + 1,
        poll_at=f"@{wait}",
        poll_every=wait,
        vendor_report_id=submission.report_id,
        vendor_request_id=submission.request_id or "",
        poll_link=submission.poll_link or "",
        submitted_at="@0",
    )
    if not moved:
        if job := services.ledger.job(lease.job.id):
            discard(services, job, job.verdict or job.state, report_id=submission.report_id)
        raise LeaseLost(f"after the vendor accepted report {submission.report_id}")
    log.info(Event.SUBMITTED, vendor_report_id=submission.report_id)
    nudge("report.poll", lease.job.id, lease.job.poll + 1, countdown=wait)
    return f"the vendor prepares report {submission.report_id}"


def _ask(services: Services, lease: Lease, vendor: Vendor) -> Submission:
    """Send the request. First note in the ledger that it may have been sent, in case this worker dies."""
    first: dict[str, str] = {} if lease.job.asked_at else {"asked_at": "@0", "ready_by": f"@{lease.job.ready_within}"}
    if not services.ledger.note(lease, submitting_at="@0", **first):
        raise LeaseLost("before the vendor was asked")
    try:
        return vendor.submit()
    except RetryLater as later:
        if later.is_unsent:
            services.ledger.note(lease, submitting_at="")
        raise


def _find_interrupted(
    services: Services, lease: Lease, vendor: Vendor, declared: Submit, every: float
) -> Submission | None:
    """The report of an earlier request whose answer never arrived; None if the request must be sent (again).

    Raises RetryLater while that report may still appear in the vendor's list.
    """
    since = lease.job.submitting_at
    if since is None or declared.is_repeatable:
        return None
    grace = declared.adopt.grace_seconds if declared.adopt else declared.grace_seconds
    if declared.adopt and (found := vendor.find_submitted(since)):
        log.info(Event.ADOPTED, vendor_report_id=found.report_id)
        return found
    rest = since + grace - services.ledger.now()
    if rest > 0:
        # The vendor's list is read as often as a report is polled. Without a list, we can only wait.
        wait = min(rest, every) if declared.adopt else rest
        why = "the report of an interrupted request may still appear at the vendor"
        raise RetryLater(why, wait_seconds=wait, is_attempt=False)
    if declared.adopt is None:
        log.warning(Event.ORPHAN)
        services.ledger.note(lease, possible_orphans=1)
    return None
