"""The receipt: the proof at the end of a job, and the check that the sink holds the whole report."""

from __future__ import annotations

from datetime import UTC, datetime

from worker.errors import FailJob
from worker.model import Job, JobState, Json, Totals
from worker.sources.params import read_for
from worker.sources.schema import OffsetPaging, Report, SinglePage


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
    """The receipt of a job. Without `totals`, rows, pages and bytes are those known when it ended unfinished."""
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


def prove_complete(job: Job, report: Report, totals: Totals, dead_share: float) -> tuple[str, int | None]:
    """The proof (count, end or none) and the rows expected, None if the vendor gives no reliable count.

    Raises FailJob if rows are missing or too many, or if the share of dead rows is above `dead_share`.
    """
    read, expected = read_for(report, job.params), job.expected
    came = totals.rows + totals.dead_rows
    if expected is not None:
        capped_at = read.paging.total_capped_at if isinstance(read.paging, OffsetPaging | SinglePage) else None
        most = job.params.get(read.rows_at_most) if read.rows_at_most else None
        # A count that equals its cap means "at least".
        if expected == capped_at and came > expected:
            expected = None
        # No document says whether the vendor's count takes the requested limit into account, so either is accepted.
        elif isinstance(most, int):
            expected = min(expected, most)
    if expected is not None and came != expected:
        raise FailJob(f"expected {expected} rows, got {came}")
    if totals.dead_rows > dead_share * came:
        raise FailJob(
            f"{totals.dead_rows} of {came} rows are dead letters, more than {dead_share:.1%} are not accepted"
        )
    if expected is not None:
        return "count", expected
    return ("none" if report.proof == "none" or job.is_unproven else "end"), None
