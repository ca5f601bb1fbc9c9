"""Complete or failed: whether what the sink holds is the whole report, as far as the vendor lets us check."""

from __future__ import annotations

from worker.errors import FailJob
from worker.model import Job, Totals
from worker.sources.params import read_for
from worker.sources.schema import OffsetPaging, Report, SinglePage


def proven(job: Job, report: Report, totals: Totals, dead_share: float) -> tuple[str, int | None]:
    """The proof (count, end or none) and the rows expected; raises FailJob where rows are missing, too many or dead."""
    came = totals.rows + totals.dead_rows
    expected = _expected(job, report, came)
    if expected is not None and came != expected:
        raise FailJob(f"expected {expected} rows, got {came}")
    if totals.dead_rows > dead_share * came:
        raise FailJob(
            f"{totals.dead_rows} of {came} rows are dead letters, more than {dead_share:.1%} are not accepted"
        )
    if expected is not None:
        return "count", expected
    return ("none" if report.proof == "none" or job.is_unproven else "end"), None


def _expected(job: Job, report: Report, came: int) -> int | None:
    """The count the rows must meet, None where the vendor gave none that can be trusted."""
    read, total = read_for(report, job.params), job.expected
    if total is None:
        return None
    if isinstance(read.paging, OffsetPaging | SinglePage) and total == read.paging.total_capped_at and came > total:
        return None
    most = job.params.get(read.rows_at_most) if read.rows_at_most else None
    # Whether the vendor's count already knows of the most rows asked for is not documented, so either is right.
    return min(total, most) if isinstance(most, int) else total
