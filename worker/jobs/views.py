"""A job as JSON, for the command line and the HTTP API."""

from __future__ import annotations

from worker.jobs.receipts import iso
from worker.jobs.waiting import Wait, waits_for
from worker.model import Job, Json


def job_facts(job: Job, now: float) -> Json:
    """A job as JSON; `now` is the ledger's time. The sink is left out, because it may contain credentials."""
    return {
        "job": job.id,
        "connection": job.connection,
        "report": job.report,
        "state": job.state,
        "params": job.params,
        "window": job.window,
        "generation": job.generation,
        "pages": job.closed,
        "pages_known": job.pages,
        "rows": job.rows,
        "dead_rows": job.dead_rows,
        "bytes": job.bytes,
        "expected_rows": job.expected,
        "columns_added": list(job.columns_added),
        "columns_gone": list(job.columns_gone),
        "vendor_report_id": job.vendor_report_id,
        "vendor_request_id": job.vendor_request_id,
        "trace_id": job.trace_id,
        "attempts": job.attempts,
        "reason": job.reason or None,
        "waits_for": wait_facts(waits_for(job, now)),
        "created_at": iso(job.created_at),
        "submitted_at": iso(job.submitted_at),
        "ready_at": iso(job.ready_at),
        "first_row_at": iso(job.first_row_at),
        "finished_at": iso(job.finished_at),
        "error": job.error,
    }


def wait_facts(wait: Wait | None) -> Json | None:
    """A wait as JSON; None if there is none."""
    return None if wait is None else {"on": wait.on, "said": wait.said, "until": iso(wait.until)}
