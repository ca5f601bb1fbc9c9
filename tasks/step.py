"""Runs a step: takes its lease, binds log and trace, keeps the lease alive, turns errors into moves of the job.

What a step returns or raises is what Flower shows of it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import structlog
from celery import Task
from celery.exceptions import Reject, Retry
from redis.exceptions import OutOfMemoryError, RedisError

from tasks.heartbeat import Heartbeat
from tasks.spans import step_span
from worker.celery import nudge
from worker.durations import format_duration
from worker.errors import (
    BadInput,
    FailJob,
    LeaseLost,
    MillraceError,
    RateLimited,
    RecordClosed,
    ReportGone,
    RetryLater,
    StartOver,
)
from worker.jobs.finish import ask_anew, fail, finish, start_over
from worker.ledger import Ledger
from worker.metrics import counting_together
from worker.model import Job, Lease
from worker.observe import Event, log
from worker.redis_errors import is_temporary
from worker.services import Services, get_services

MOST_ATTEMPTS = 10
LONGEST_WAIT_SECONDS = 60

CANNOT_SERVE = "Redis could not serve"
RECORD_GONE = (
    "the sink record is gone, so it is unknown which rows of this job the sink has"
    " (was it deleted, or is the directory not the same for all workers?)"
)

Work = Callable[[Services, Lease, Heartbeat], str | None]
"""Does a step's work. Flower shows what it returns as the task's result."""


class JobFailed(Exception):
    """The step ended its job as failed. Raised only so that Flower shows a FAILURE: nothing is left to do."""


def run(
    task: Task, take: Callable[[Ledger], Lease | str], work: Work, *, most_attempts: int | None = MOST_ATTEMPTS
) -> str | None:
    """Do a step's work under the lease that `take` takes; if `take` returns a reason instead, there is nothing to do.

    An error raised by `work` becomes a move of the job. That Redis cannot serve is no attempt: the work is given back.
    With `most_attempts` None, only the deadlines limit the attempts. Raises JobFailed if the job ended as failed,
    Celery's Retry, with the reason, if the step will be retried, and other errors of Redis.
    """
    services = get_services()
    lease: Lease | str = ""
    try:
        lease = take(services.ledger)
        if isinstance(lease, str):
            log.debug(Event.NOTHING_TO_DO, task=task.name, why=lease)
            return lease
        return _run_with_lease(task, services, lease, work, most_attempts)
    except RedisError as error:
        # If it is full, it is so of other things than our rows: sinks wait before.
        if not (is_temporary(error) or isinstance(error, OutOfMemoryError)):
            raise
        log.warning(Event.REDIS_AWAY, task=task.name, why=f"{type(error).__name__}: {error}")
        if isinstance(lease, Lease):
            # If that fails as well, the lease expires, and the sweep finds the work again.
            with suppress(RedisError):
                services.ledger.give_back(lease, CANNOT_SERVE, due_seconds=0, is_attempt=False, waits_on="redis")
        return CANNOT_SERVE
    except Reject as refused:
        # The broker did not take the message of the next attempt. The sweep sends it when it is due.
        log.warning(Event.NUDGE_LOST, task=task.name, why=str(refused.reason))
        return "the broker did not take its message"


def _run_with_lease(task: Task, services: Services, lease: Lease, work: Work, most_attempts: int | None) -> str | None:
    bound = {"job": lease.job.id, "report": lease.job.name, **({"page": lease.page} if lease.page else {})}
    if lease.job.trace_id:
        bound["trace_id"] = lease.job.trace_id
    with (
        structlog.contextvars.bound_contextvars(**bound),
        counting_together(services.redis),
        step_span(task.name, services.ledger, lease) as span,
    ):
        try:
            with Heartbeat(services.ledger, lease) as heartbeat:
                return _attempt(services, lease, heartbeat, work, most_attempts)
        except (Retry, Reject, JobFailed) as planned:
            # Without its traceback: Celery would process every frame, too much work for thousands of waiting reports.
            raise planned.with_traceback(None) from None
        except RetryLater as later:
            _retry(task, services, lease, later, most_attempts)
        except MillraceError as error:
            span.fail(error)
            _handle_error(services, lease, error)
        except services.redis_errors:
            raise
        except Exception as bug:  # noqa: BLE001 - a bug of ours counts as a failed attempt
            log.exception(Event.STEP_RETRIES, task=task.name)
            _retry(task, services, lease, RetryLater(f"{type(bug).__name__}: {bug}"), most_attempts)
    return None


def _attempt(
    services: Services, lease: Lease, heartbeat: Heartbeat, work: Work, most_attempts: int | None
) -> str | None:
    """Do the work. Raises FailJob if no attempts or no time is left; but a verdict is always carried out."""
    if not lease.job.verdict:
        if most_attempts is not None and lease.attempts >= most_attempts:
            raise FailJob(f"given up after {lease.attempts} attempts: {lease.reason}")
        heartbeat.check_deadline()
    try:
        return work(services, lease, heartbeat)
    except RecordClosed as closed:
        if closed.state != "ended":
            raise
        # The worker that wrote the end may have died before it moved the job: the sink record decides.
        finish(services, lease.job, {})
        return None
    except RetryLater:
        # If the step has to stop, the heartbeat has broken the connection, and this error is only the consequence.
        heartbeat.check()
        raise


def explain_not_ready(job: Job) -> str:
    """The reason for failing a job whose report the vendor did not prepare in time."""
    return f"the report was not ready within {format_duration(job.ready_within)} of the request"


def _retry(task: Task, services: Services, lease: Lease, later: RetryLater, most_attempts: int | None) -> None:
    """Give the work back and have the step retried; fail the job if its attempts or its time are used up."""
    job = lease.job
    wait = later.wait_seconds
    if wait is None:
        # 1, 2, 4, ... seconds up to a minute, with jitter, so that not all jobs come back at once.
        wait = min(LONGEST_WAIT_SECONDS, 2**lease.attempts) * random.uniform(0.5, 1)
    if not job.verdict:
        is_in_preparation = job.state == "pending" or (job.state == "queued" and job.asked_at is not None)
        rest = (job.ready_by if is_in_preparation else job.finish_by) - services.ledger.now()
        if is_in_preparation and rest <= 0:
            _fail(services, lease, f"{explain_not_ready(job)}: {later.reason}")
            return
        # A wait ends at the deadline at the latest, but a poll is never sooner than the vendor asked for.
        wait = wait if job.state == "pending" else max(0.0, min(wait, rest))
    # Without a stated time a rate limit may be one of an hour or a day: it counts only to make the next wait longer.
    is_longest = 2**lease.attempts >= LONGEST_WAIT_SECONDS
    is_attempt = later.is_attempt and not (isinstance(later, RateLimited) and is_longest)
    attempts = services.ledger.give_back(
        lease, later.reason, due_seconds=wait, is_attempt=is_attempt, waits_on=later.waits_on
    )
    if attempts is None:
        log.warning(Event.LEASE_LOST, why=later.reason)
        return
    # A verdict is carried out however often that fails; a sink that is away too long is given up in `end_job`.
    limit = None if job.verdict else most_attempts and (later.at_most or most_attempts)
    if is_attempt and limit and attempts >= limit:
        _fail(services, lease, f"given up after {attempts} attempts: {later.reason}")
        return
    event = Event.STEP_RETRIES if is_attempt else Event.PAGE_GIVEN_BACK
    log.info(event, task=task.name, why=later.reason, attempts=attempts, wait_seconds=round(wait, 1))
    # A page may not be the one that the message was for.
    arguments = (job.id, lease.page) if lease.page else None
    raise task.retry(args=arguments, exc=later, countdown=wait, max_retries=None)


def _handle_error(services: Services, lease: Lease, error: MillraceError) -> None:
    """Do what an error other than RetryLater demands: fail the job, begin it again, or leave it to another worker."""
    match error:
        case StartOver() | ReportGone():
            _begin_again(services, lease, error)
        case FailJob():
            _fail(services, lease, str(error), spoils_report=error.spoils_report)
        case BadInput():
            _fail(services, lease, str(error))
        case RecordClosed(state="missing"):
            _fail(services, lease, RECORD_GONE)
        case RecordClosed(state="superseded"):
            _begin_again(services, lease, StartOver("another worker began the next generation"))
        case LeaseLost() | RecordClosed():
            log.warning(Event.LEASE_LOST, why=str(error))
        case _:
            raise error


def _begin_again(services: Services, lease: Lease, why: StartOver | ReportGone) -> None:
    """Have the report read again, or a new one requested if it is gone; fail the job if that was done too often."""
    try:
        if isinstance(why, ReportGone):
            if ask_anew(services, lease, str(why)):
                log.warning(Event.ASKED_ANEW, why=str(why))
                nudge("report.submit", lease.job.id)
        elif generation := start_over(services, lease.job, str(why)):
            log.warning(Event.START_OVER, generation=generation, why=str(why))
            nudge("report.paginate", lease.job.id)
    except LeaseLost as lost:
        log.warning(Event.LEASE_LOST, why=str(lost))


def _fail(services: Services, lease: Lease, reason: str, *, spoils_report: bool = False) -> None:
    where = f"page {lease.job.generation}.{lease.page}: " if lease.page else ""
    if fail(services, lease.job.id, where + reason, report_is_cause=spoils_report) == "failed":
        raise JobFailed(f"job {lease.job.id} failed: {where}{reason}") from None
