"""Lists jobs that match a filter, the latest first, in pages with a cursor."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from math import isnan

from worker.errors import BadInput
from worker.ledger import Ledger
from worker.model import Job, JobState

LOOK_AT_ONCE = 200
LOOK_AT_MOST = 5_000
"""The most jobs that are read for one page. If few match, the page is short and the next one continues there."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; None: any."""

    state: JobState | None = None
    connection: str | None = None
    report: str | None = None

    def matches(self, job: Job) -> bool:
        """Does the job match? Its state is not compared: the list is by state, and the job may have moved on since."""
        return self.connection in (None, job.connection) and self.report in (None, job.report)


def list_jobs(ledger: Ledger, job_filter: JobFilter, cursor: str | None, count: int) -> tuple[list[Job], str | None]:
    """At most `count` jobs after the cursor, and the cursor of the next page, None after the last.

    Sorted by the time they were made, or with a state, by the time they entered it. Raises BadInput for a bad cursor.
    """
    found: list[Job] = []
    before = None if cursor is None else _decode_cursor(cursor)
    for _ in range(LOOK_AT_MOST // LOOK_AT_ONCE):
        listed = ledger.list_ids(job_filter.state, before=before, count=LOOK_AT_ONCE)
        jobs = ledger.jobs_by_id([job_id for job_id, _ in listed])
        for place in listed:
            job = jobs.get(place[0])
            if job is not None and job_filter.matches(job):
                found.append(job)
                if len(found) == count:
                    return found, _encode_cursor(*place)
        if len(listed) < LOOK_AT_ONCE:
            return found, None
        before = listed[-1]
    return found, _encode_cursor(*listed[-1])


def _encode_cursor(job_id: str, at: float) -> str:
    return base64.urlsafe_b64encode(f"{at!r} {job_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[str, float]:
    with suppress(ValueError):
        at, _, job_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        if not isnan(float(at)):
            return job_id, float(at)
    raise BadInput("cursor", "something else", "the cursor of an answer's `Link` header, as it was given")
