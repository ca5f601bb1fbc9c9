"""A job as JSON: as the command line and the HTTP API show it, and its receipt."""

from __future__ import annotations

from datetime import UTC, datetime

from worker.jobs.waiting import Wait, waits_for
from worker.model import Job, JobState, Json, Totals


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


def receipt(
    job: Job,
    state: JobState,
    *,
    finished_at: float,
    sink: str,
    proof: str,
    totals: Totals | None = None,
    expected_rows: int | None = None,
    error: str | None = None,
) -> Json:
    """The receipt of a job. Without `totals`, rows, pages and bytes are the progress that the ledger has."""
    return {
        "job": job.id,
        "connection": job.connection,
        "report": job.report,
        "params": job.params,
        "state": state,
        "window": job.window,
        "generation": job.generation,
        "rows": totals.rows if totals else max(0, job.rows - job.dead_rows),
        "expected_rows": expected_rows,
        "dead_rows": totals.dead_rows if totals else job.dead_rows,
        "pages": totals.pages if totals else job.closed,
        "bytes": totals.bytes if totals else job.bytes,
        "digest": totals.digest if totals else None,
        "proof": proof,
        "vendor_report_id": job.vendor_report_id,
        "vendor_request_id": job.vendor_request_id,
        "possible_orphans": job.possible_orphans,
        "submitted_at": iso(job.submitted_at),
        "ready_at": iso(job.ready_at),
        "first_row_at": iso(job.first_row_at),
        "finished_at": iso(finished_at),
        "sink": sink,
        "files": None,
        "error": error,
    }


def iso(seconds: float | None) -> str | None:
    """A time in ISO 8601 for programs: UTC, milliseconds, `Z`."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
