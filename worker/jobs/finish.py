"""Ends jobs and begins new generations, in ledger and sink. If the two disagree, the sink record decides.

Every function may be repeated: it continues where an interrupted call stopped.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from worker.errors import LeaseLost, MillraceError, RecordClosed, RetryLater
from worker.jobs.views import receipt
from worker.model import FINISHED, Job, JobState, Json, Lease, OpenPages
from worker.observe import Event, log
from worker.services import Services

MOST_GENERATIONS = 3
DISCARD_SECONDS = 5.0
"""Discarding is a courtesy to the vendor: it must not delay the end of a job for longer."""

Verdict = Literal["failed", "cancelled"]


def fail(services: Services, job_id: str, reason: str, *, report_is_cause: bool = False) -> JobState | None:
    """End a job as failed, as `cancel` ends it as cancelled."""
    return _decide(services, job_id, "failed", reason, report_is_cause=report_is_cause)


def cancel(services: Services, job_id: str) -> JobState | None:
    """End a job as cancelled, unless it is over already; returns its final state, None if there is no such job.

    If its sink may hold rows and is away, the state is not final: a worker ends the job once the sink answers.
    """
    return _decide(services, job_id, "cancelled", "cancelled", report_is_cause=False)


def _decide(
    services: Services, job_id: str, verdict: Verdict, reason: str, *, report_is_cause: bool
) -> JobState | None:
    job = services.ledger.job(job_id)
    if job is None:
        return None
    # A report that is discarded at the vendor cannot be used by a retry.
    is_lost = report_is_cause or _is_discarded(services, job, verdict)
    services.ledger.decide(job_id, verdict, reason, report_is_cause=is_lost)
    decided = services.ledger.job(job_id) or job
    try:
        return end_job(services, decided)
    except RetryLater as later:
        log.warning(Event.NOT_VOIDED, job=job_id, why=str(later))
        return decided.state


def end_job(services: Services, job: Job) -> JobState:
    """Carry out a job's verdict: void what it published; returns its final state.

    If the sink has the job's end already, the job is done instead, whatever the verdict. A sink that refuses does not
    keep the job from ending: the error then says that the rows were not declared void. Raises RetryLater while the sink
    is away, may hold rows, and the job has time left.
    """
    if job.state in FINISHED or job.verdict is None:
        return job.state
    services.report_limit(job).release(job.id)
    done, error = None, job.error
    try:
        done = _void(services, job, job.verdict)
    except services.redis_errors:
        raise
    except Exception as refused:  # whatever the sink raises, the job ends
        may_hold_rows = job.state in {"streaming", "streamed"}
        if isinstance(refused, RetryLater) and may_hold_rows and services.ledger.now() < job.finish_by:
            raise
        # Readers ignore rows without an end, so the record may stay open.
        is_expected = isinstance(refused, MillraceError)
        why = str(refused) if is_expected else f"{type(refused).__name__}: {refused}"
        log.warning(Event.NOT_VOIDED, job=job.id, why=why, exc_info=not is_expected)
        if may_hold_rows and why not in str(error):
            error = f"{error}; its rows could not be declared void: {why}"
    if done is not None:
        state = services.ledger.end(job.id, "done", error=None, receipt=done)
        discard(services, job, state)
        return state
    ended = receipt(
        job,
        job.verdict,
        finished_at=services.ledger.now(),
        sink=services.sink_display_name(job),
        proof="none",
        expected_rows=job.expected,
        error=error,
    )
    state = services.ledger.end(job.id, job.verdict, error=error, receipt=ended)
    log.info(Event.FAILED if state == "failed" else Event.CANCELLED, job=job.id, why=error)
    discard(services, job, state)
    return state


def open_generation(services: Services, job: Job) -> None:
    """Open the job's generation in its sink; the generation before is void then."""
    with services.sink(job) as sink:
        if job.generation > 1:
            with suppress(RecordClosed):
                sink.void(job.generation - 1, "failed")
        sink.open(job.generation)


def _void(services: Services, job: Job, verdict: Verdict) -> Json | None:
    """Void the job's generation in the sink; returns the receipt if the sink has the job's end already."""
    with services.sink(job) as sink:
        # After a restart that was interrupted, the sink is one generation ahead of the ledger.
        for generation in (job.generation, job.generation + 1):
            try:
                sink.void(generation, verdict)
            except RecordClosed as closed:
                if closed.state == "superseded":
                    continue
                if closed.state == "ended":
                    # This may be refused for the reason that the job fails, such as a full disk.
                    written = sink.finish(job.generation, job.pages, {})
                    return None if isinstance(written, OpenPages) else written
            return None
    return None


def start_over(services: Services, job: Job, reason: str) -> int | None:
    """Have the report read again under the next generation; returns its number, None if the job ended instead."""
    return _next_generation(services, job, reason, ask_anew=False)


def ask_anew(services: Services, lease: Lease, reason: str) -> bool:
    """Have a new report requested, because the vendor's is gone or could not be prepared.

    False if the job failed instead, because it was requested again as often as the source file allows.
    """
    job = lease.job
    submit = services.report(job).submit
    allowed = submit.ask_anew_at_most if submit else 0
    if job.asked_anew >= allowed:
        times = "once" if job.asked_anew == 1 else f"{job.asked_anew} times"
        already = f"; it was requested again {times} already" if job.asked_anew else ""
        fail(services, job.id, f"{reason}{already}", report_is_cause=True)
        return False
    # After pending, pages may have been read, so what was published has to be voided first.
    if job.state != "pending":
        return _next_generation(services, job, reason, ask_anew=True) is not None
    moved = services.ledger.move(
        lease,
        "queued",
        asked_anew=job.asked_anew + 1,
        submitting_at="",
        vendor_report_id="",
        poll_link="",
        missing_since="",
        ready_at="",
    )
    if not moved:
        raise LeaseLost("when the report was to be requested again")
    return True


def _next_generation(services: Services, job: Job, reason: str, *, ask_anew: bool) -> int | None:
    # Every reading differed from the one before; a fourth would probably differ from the third.
    if job.restarts + 1 >= MOST_GENERATIONS:
        fail(services, job.id, f"the report keeps changing: {MOST_GENERATIONS} readings differ; the last: {reason}")
        return None
    with services.sink(job) as sink:
        try:
            sink.void(job.generation, "replay", next_generation=job.generation + 1)
        except RecordClosed as closed:
            if closed.state in {"ended", "void"}:
                raise LeaseLost(str(closed)) from closed
    return services.ledger.restart(job, ask_anew=ask_anew) or None


def finish(services: Services, job: Job, prepared: Json) -> Json | OpenPages:
    """Write the end into the sink and the receipt into the ledger; returns the receipt, or the pages to read again.

    If the sink has an end already, its receipt is used and `prepared` is ignored. Raises RecordClosed if the sink
    record does not accept an end.
    """
    with services.sink(job) as sink:
        written = sink.finish(job.generation, job.pages, prepared)
    if not isinstance(written, OpenPages):
        services.ledger.end(job.id, "done", error=None, receipt=written)
        discard(services, job, "done")
    return written


def discard(services: Services, job: Job, state: JobState, *, report_id: str | None = None) -> None:
    """Tell the vendor that a report is no longer needed, if the source file declares a request for that.

    `report_id` is the job's own unless it is given. Takes a few seconds at most and raises nothing: errors are logged.
    """
    vendor_report_id = report_id or job.vendor_report_id
    if vendor_report_id is None or not _is_discarded(services, job, state):
        return
    try:
        services.vendor(job, silence_seconds=DISCARD_SECONDS).discard(vendor_report_id)
    except MillraceError as error:
        log.warning(Event.NOT_DISCARDED, job=job.id, vendor_report_id=vendor_report_id, why=str(error))
    else:
        log.info(Event.DISCARDED, job=job.id, vendor_report_id=vendor_report_id)


def _is_discarded(services: Services, job: Job, state: JobState) -> bool:
    """Does the source file declare a discard for jobs that end in this state?"""
    try:
        declared = services.report(job).discard
    except MillraceError:
        return False
    return declared is not None and state in declared.after
