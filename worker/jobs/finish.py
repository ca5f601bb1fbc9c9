"""Ends and new beginnings that ledger and sink must agree on. Where they race, the sink record decides.

Every function may be repeated: it goes on where an interrupted one stopped.
"""

from __future__ import annotations

from typing import Literal

from worker.errors import LeaseLost, RecordClosed
from worker.jobs.receipts import receipt
from worker.model import FINISHED, Job, JobState, Json, OpenPages
from worker.observe import Event, log
from worker.services import Services

MOST_GENERATIONS = 3

Verdict = Literal["failed", "cancelled"]


def fail(services: Services, job_id: str, reason: str, *, report_is_cause: bool = False) -> JobState | None:
    """End a job as failed, unless it is over already: the state that stands, None where there is no such job."""
    return _decide(services, job_id, "failed", reason, report_is_cause=report_is_cause)


def cancel(services: Services, job_id: str) -> JobState | None:
    """End a job as cancelled, unless it is over already: the state that stands, None where there is no such job."""
    return _decide(services, job_id, "cancelled", "cancelled", report_is_cause=False)


def _decide(
    services: Services, job_id: str, verdict: Verdict, reason: str, *, report_is_cause: bool
) -> JobState | None:
    answer, _ = services.ledger.decide(job_id, verdict, reason, report_is_cause=report_is_cause)
    job = services.ledger.job(job_id)
    if job is None:
        return None
    return end_job(services, job) if answer == "decided" else job.state


def end_job(services: Services, job: Job) -> JobState:
    """Carry out a job's verdict: void what it published, unless its end was written first; the state that stands."""
    if job.state in FINISHED or job.verdict is None:
        return job.state
    services.places(job).release(job.id)
    if (done := _void(services, job, job.verdict)) is not None:
        return services.ledger.end(job.id, "done", error=None, receipt=done)
    ended = receipt(
        job,
        job.verdict,
        finished_at=services.ledger.now(),
        sink=services.shown_sink(job),
        proof="none",
        expected_rows=job.expected,
        error=job.error,
    )
    state = services.ledger.end(job.id, job.verdict, error=job.error, receipt=ended)
    log.info(Event.FAILED if state == "failed" else Event.CANCELLED, job=job.id, why=job.error)
    return state


def _void(services: Services, job: Job, verdict: Verdict) -> Json | None:
    """Void the job's generation in the sink; the receipt of the end that was written first, if there is one."""
    with services.sink(job) as sink:
        # A restart that was interrupted leaves the sink one generation ahead of the ledger.
        for generation in (job.generation, job.generation + 1):
            try:
                sink.void(generation, verdict)
            except RecordClosed as closed:
                if closed.state == "superseded":
                    continue
                if closed.state == "ended":
                    written = sink.finish(job.generation, job.pages, {})
                    return None if isinstance(written, OpenPages) else written
            return None
    return None


def start_over(services: Services, job: Job, reason: str, *, ask_anew: bool = False) -> int | None:
    """Begin the next generation: the current one afterwards, None where the job ended instead.

    `ask_anew`: the vendor no longer has the report; it is asked for once more, and only once.
    """
    if ask_anew and job.is_asked_anew:
        fail(
            services,
            job.id,
            f"the report was gone at the vendor twice before it was read: {reason}",
            report_is_cause=True,
        )
        return None
    if job.restarts + 1 >= MOST_GENERATIONS:
        fail(
            services, job.id, f"the report does not hold still: {MOST_GENERATIONS} readings differ; the last: {reason}"
        )
        return None
    with services.sink(job) as sink:
        try:
            sink.void(job.generation, "replay", next_generation=job.generation + 1)
        except RecordClosed as closed:
            if closed.state in {"ended", "void"}:
                raise LeaseLost(str(closed)) from closed
    return services.ledger.restart(job, ask_anew=ask_anew) or None


def finish(services: Services, job: Job, prepared: Json) -> Json | OpenPages:
    """Write the end into the sink and the receipt into the ledger: the receipt that stands.

    Where the sink has an end already, that one stands and `prepared` does not matter. Raises RecordClosed where the
    job's record takes no end.
    """
    with services.sink(job) as sink:
        written = sink.finish(job.generation, job.pages, prepared)
    if not isinstance(written, OpenPages):
        services.ledger.end(job.id, "done", error=None, receipt=written)
    return written
