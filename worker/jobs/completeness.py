"""Checks that a report is complete: compares the rows in the sink with the vendor's count."""

from __future__ import annotations

from worker.errors import FailJob
from worker.model import Job, Totals
from worker.sources.params import read_for
from worker.sources.placeholders import fill
from worker.sources.schema import OffsetPaging, Report, SinglePage


def prove_complete(job: Job, report: Report, totals: Totals, dead_share: float) -> tuple[str, int | None]:
    """The proof (count, end or none) and the rows expected, None if the vendor gives no reliable count.

    Raises FailJob if rows are missing or too many, or may have been left out because of the vendor's limit, or if the
    share of dead rows is above `dead_share`.
    """
    read, expected = read_for(report, job.params), job.expected
    got = totals.rows + totals.dead_rows
    if expected is not None:
        capped_at = read.paging.total_capped_at if isinstance(read.paging, OffsetPaging | SinglePage) else None
        most = job.params.get(read.rows_at_most) if read.rows_at_most else None
        # A count that equals its cap means "at least". If more rows came, there is no exact count to compare with; if
        # as many came, pages were asked for until one was empty, unless there is only one.
        if expected == capped_at and (got > expected or (got == expected and isinstance(read.paging, SinglePage))):
            expected = None
        # No document says whether the vendor's count takes the requested limit into account, so either is accepted.
        elif isinstance(most, int):
            expected = min(expected, most)
    if expected is not None and got != expected:
        raise FailJob(f"expected {expected} rows, got {got}")
    if expected is None and got == fill(read.row_limit, job.params):
        raise FailJob(
            f"{got:,} rows are the most that the vendor sends; it may have left out others: ask for fewer days"
        )
    if totals.dead_rows > dead_share * got:
        raise FailJob(f"{totals.dead_rows} of {got} rows are dead letters; at most {dead_share:.1%} are accepted")
    if expected is not None:
        return "count", expected
    return ("none" if report.proof == "none" or job.is_unproven else "end"), None
