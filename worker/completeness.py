"""Complete or failed: whether what the sink holds is the whole report, as far as the vendor lets us check."""

from __future__ import annotations

from worker.errors import FailJob
from worker.model import Job, Totals
from worker.sources import OffsetPaging, Report


def proven(job: Job, report: Report, totals: Totals, dead_share: float) -> tuple[str, int | None]:
    """The proof (count, end or none) and the rows expected; raises FailJob where rows are missing, too many or dead."""
    came = totals.rows + totals.dead_rows
    expected = None if _is_capped(job, report, came) else job.total
    limit = job.params.get("max_results")
    if expected is not None and isinstance(limit, int):
        # Whether the count already knows of the limit is not documented, so either is right.
        expected = came if came == min(expected, limit) else expected
    if expected is not None and came != expected:
        raise FailJob(f"expected {expected} rows, got {came}")
    if totals.dead_rows > dead_share * came:
        raise FailJob(
            f"{totals.dead_rows} of {came} rows are dead letters, more than {dead_share:.1%} are not accepted"
        )
    if expected is not None:
        return "count", expected
    return ("none" if report.proof == "none" else "end"), None


def _is_capped(job: Job, report: Report, came: int) -> bool:
    """Whether the vendor's count stood at its cap while more rows came, so that it counted nothing."""
    caps = {read.paging.total_capped_at for read in report.read if isinstance(read.paging, OffsetPaging)}
    return job.total is not None and job.total in caps and came > job.total
