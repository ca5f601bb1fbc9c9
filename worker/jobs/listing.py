"""Lists jobs that fit a filter, the latest first, in pages with a cursor."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from worker.errors import BadInput
from worker.ledger import Ledger
from worker.model import Job, JobState

LOOK_AT_ONCE = 200
LOOK_AT_MOST = 5_000
"""Jobs one page looks at: where few fit the filter it is short, and the next one goes on from there."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None: any."""

    state: JobState | None = None
    connection: str | None = None
    report: str | None = None

    def fits(self, job: Job) -> bool:
        """Is this one of them? The state is the list's own business: a job may have moved on since it was listed."""
        return self.connection in (None, job.connection) and self.report in (None, job.report)


def list_jobs(ledger: Ledger, job_filter: JobFilter, cursor: str | None, count: int) -> tuple[list[Job], str | None]:
    """At most `count` jobs behind the cursor, and the cursor of the page that follows, None behind the last.

    By the time they were made, or with a state, by the time they came into it. Raises BadInput for what is no cursor.
    """
    found: list[Job] = []
    before = None if cursor is None else _decode_cursor(cursor)
    for _ in range(LOOK_AT_MOST // LOOK_AT_ONCE):
        listed = ledger.list_ids(job_filter.state, before=before, count=LOOK_AT_ONCE)
        for job, at in zip(ledger.jobs_of([job_id for job_id, _ in listed]), listed, strict=True):
            if job is not None and job_filter.fits(job):
                found.append(job)
                if len(found) == count:
                    return found, _encode_cursor(*at)
        if len(listed) < LOOK_AT_ONCE:
            return found, None
        before = listed[-1]
    return found, _encode_cursor(*listed[-1])


def _encode_cursor(job_id: str, at: float) -> str:
    return base64.urlsafe_b64encode(f"{at!r} {job_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, float]:
    try:
        at, _, job_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        return job_id, float(at)
    except ValueError:
        raise BadInput("cursor", "something else", "the cursor of an answer's `Link` header, as it was given") from None
