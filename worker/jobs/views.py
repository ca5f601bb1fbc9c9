"""A job as programs see it, on the command line and over HTTP."""

from __future__ import annotations

from worker.model import Job, Json


def job_facts(job: Job) -> Json:
    """What the ledger holds of a job, without its sink's credentials."""
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
        "vendor_report_id": job.vendor_report_id,
        "attempts": job.attempts,
        "reason": job.reason or None,
        "error": job.error,
    }
