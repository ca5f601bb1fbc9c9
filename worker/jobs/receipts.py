"""Builds the receipt, which states what a job delivered or why it did not."""

from __future__ import annotations

from datetime import UTC, datetime

from worker.model import Job, JobState, Json, Totals


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
