"""What the steps share: take the lease, bind the log, keep the lease alive, turn errors into moves."""

from __future__ import annotations

import random
from collections.abc import Callable

import structlog
from celery import Task
from celery.exceptions import Retry

from tasks.lease import Heartbeat
from worker.celery import nudge
from worker.durations import spoken
from worker.errors import BadInput, FailJob, LeaseLost, MillraceError, RecordClosed, ReportGone, RetryLater, StartOver
from worker.jobs.finish import ask_anew, fail, finish, start_over
from worker.ledger import Ledger
from worker.metrics import count
from worker.model import Held, Job
from worker.observe import Event, log
from worker.services import Services, get_services

MOST_ATTEMPTS = 10
LONGEST_WAIT_SECONDS = 60

RECORD_GONE = (
    "the sink record is gone: what the sink holds of this job cannot be proven"
    " (was it deleted, or is the directory not the same place for every worker?)"
)

Work = Callable[[Task, Services, Held, Heartbeat], str | None]
"""Does a step's work; what it gives is shown by Flower as the task's result."""


class JobFailed(Exception):
    """The step ended its job as failed. Nothing is left to do; Celery hears of it so that Flower shows a FAILURE."""


def run(
    task: Task, take: Callable[[Ledger], Held | str], work: Work, *, most_attempts: int | None = MOST_ATTEMPTS
) -> str | None:
    """Do one step's work under its lease, or nothing where there is nothing to do.

    Whatever `work` raises becomes a move of the ledger. What Redis raises is let through: the lease runs out, the sweep
    finds the work again. `most_attempts` None: only the deadlines end the trying. Raises JobFailed where the job ended
    as failed, and Celery's Retry, with the reason, where the step will be tried again.
    """
    services = get_services()
    held = take(services.ledger)
    if isinstance(held, str):
        log.debug(Event.NOTHING_TO_DO, task=task.name, why=held)
        return held
    bound = {"job": held.job.id, "report": held.job.name, **({"page": held.page} if held.page else {})}
    with structlog.contextvars.bound_contextvars(**bound):
        try:
            with Heartbeat(services.ledger, held) as heartbeat:
                _refuse_hopeless(held, heartbeat, most_attempts)
                return _work(task, services, held, heartbeat, work)
        except (Retry, JobFailed) as planned:
            # Celery pictures every frame of it, at a cost that thousands of waiting reports feel.
            raise planned.with_traceback(None) from None
        except RetryLater as later:
            _retry(task, services, held, later, most_attempts)
        except MillraceError as error:
            _go_on(services, held, error)
        except services.redis_errors:
            raise
        except Exception as surprise:  # noqa: BLE001 - a fault of ours is an attempt like any other
            log.exception(Event.STEP_RETRIES, task=task.name)
            _retry(task, services, held, RetryLater(f"{type(surprise).__name__}: {surprise}"), most_attempts)
    return None


def _work(task: Task, services: Services, held: Held, heartbeat: Heartbeat, work: Work) -> str | None:
    try:
        return work(task, services, held, heartbeat)
    except RetryLater:
        # Where the step was told to stop, the cut it found is our own hanging up.
        heartbeat.check()
        raise


def not_ready(job: Job) -> str:
    """What is said of a report that its vendor did not prepare in time."""
    return f"not ready within {spoken(job.ready_within)} of being asked for"


def _refuse_hopeless(held: Held, heartbeat: Heartbeat, most_attempts: int | None) -> None:
    """Fail what has no attempts or no time left; a verdict is carried out however late."""
    if held.job.verdict:
        return
    if most_attempts is not None and held.attempts >= most_attempts:
        raise FailJob(f"given up after {held.attempts} attempts: {held.reason}")
    heartbeat.check_deadline()


def _retry(task: Task, services: Services, held: Held, later: RetryLater, most_attempts: int | None) -> None:
    job = held.job
    wait = later.wait_seconds if later.wait_seconds is not None else _backoff_seconds(held.attempts)
    if not job.verdict:
        in_preparation = _is_in_preparation(job)
        rest = (job.ready_by if in_preparation else job.finish_by) - services.ledger.now()
        if in_preparation and rest <= 0:
            _fail(services, held, f"{not_ready(job)}: {later.reason}")
            return
        # A long wait does not outlast the deadline; a poll's own wait is never shortened.
        wait = wait if job.state == "pending" else max(0.0, min(wait, rest))
    attempts = services.ledger.give_back(
        held, later.reason, due_seconds=wait, is_attempt=later.is_attempt, waits_on=later.waits_on
    )
    if attempts is None:
        log.warning(Event.LEASE_LOST, why=later.reason)
        return
    count(services.redis, "millrace_given_back_total", job.connection, later.waits_on)
    limit = most_attempts and (later.at_most or most_attempts)
    if later.is_attempt and limit and attempts >= limit:
        _fail(services, held, f"given up after {attempts} attempts: {later.reason}")
        return
    event = Event.STEP_RETRIES if later.is_attempt else Event.PAGE_GIVEN_BACK
    log.info(event, task=task.name, why=later.reason, attempts=attempts, wait_seconds=round(wait, 1))
    raise task.retry(exc=later, countdown=wait, max_retries=None)


def _is_in_preparation(job: Job) -> bool:
    """Was the vendor asked for the report, and is it not ready yet?"""
    return job.state == "pending" or (job.state == "queued" and job.asked_at is not None)


def _backoff_seconds(attempts: int) -> float:
    """1, 2, 4, ... seconds up to a minute, each somewhere between half and the whole of it."""
    return float(min(LONGEST_WAIT_SECONDS, 2**attempts)) * random.uniform(0.5, 1)


def _go_on(services: Services, held: Held, error: MillraceError) -> None:
    """What becomes of the job where a step ends with an error that is no reason to repeat it as it is."""
    match error:
        case StartOver() | ReportGone():
            _begin_again(services, held, error)
        case FailJob():
            _fail(services, held, str(error), spoils_report=error.spoils_report)
        case BadInput():
            _fail(services, held, str(error))
        case RecordClosed(state="missing"):
            _fail(services, held, RECORD_GONE)
        case RecordClosed(state="superseded"):
            _begin_again(services, held, StartOver("another worker began the next generation"))
        case RecordClosed(state="ended"):
            # Whoever wrote the end may not have come to the ledger: the sink record decides.
            finish(services, held.job, {})
        case LeaseLost() | RecordClosed():
            log.warning(Event.LEASE_LOST, why=str(error))
        case _:
            raise error


def _begin_again(services: Services, held: Held, why: StartOver | ReportGone) -> None:
    """Read the vendor's report again, or ask for a new one where it is gone; unless that was done too often."""
    try:
        if isinstance(why, ReportGone):
            if ask_anew(services, held, str(why)):
                log.warning(Event.ASKED_ANEW, why=str(why))
                nudge("report.submit", held.job.id)
        elif generation := start_over(services, held.job, str(why)):
            log.warning(Event.START_OVER, generation=generation, why=str(why))
            nudge("report.paginate", held.job.id)
    except LeaseLost as lost:
        log.warning(Event.LEASE_LOST, why=str(lost))


def _fail(services: Services, held: Held, reason: str, *, spoils_report: bool = False) -> None:
    where = f"page {held.job.generation}.{held.page}: " if held.page else ""
    if fail(services, held.job.id, where + reason, report_is_cause=spoils_report) == "failed":
        raise JobFailed(f"job {held.job.id} failed: {where}{reason}") from None
