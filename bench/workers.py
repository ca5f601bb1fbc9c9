"""Real Celery workers in their own processes, and jobs they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from bench.reports import require_whole
from bench.stage import Stage
from worker.celery import has_workers, nudge
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import Command, LocalWorkers
from worker.model import FINISHED, Job, Json
from worker.services import get_services

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 300.0


@contextmanager
def running(stage: Stage, commands: Mapping[str, Command]) -> Iterator[LocalWorkers]:
    """Start workers and wait until they answer; they run until the block ends."""
    workers = LocalWorkers(commands, stage.directory / "logs", stage.environment)
    try:
        workers.restart_dead()
        wait_until(has_workers, "a worker that answers")
        yield workers
    finally:
        workers.stop()


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Return once a condition holds. Raises RuntimeError that names it if it does not within five minutes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"never came: {what}")
        time.sleep(LOOK_SECONDS)


def ask(name: str, params: Json, sink: str) -> str:
    """Create a job that joins no other, and nudge it; returns its id."""
    job_id, _ = create_job(get_services(), JobRequest(name, params, sink, may_join=False))
    nudge("report.submit", job_id)
    return job_id


def finished(job_id: str) -> Job:
    """Wait for the job's end. Raises RuntimeError unless it ended with every row."""
    ledger = get_services().ledger
    wait_until(lambda: (job := ledger.job(job_id)) and job.state in FINISHED, f"the end of job {job_id}")
    job = ledger.job(job_id)
    if job is None:
        raise RuntimeError(f"the ledger lost {job_id}")
    require_whole(job)
    return job


def reading_seconds(name: str, params: Json, sink: str) -> float:
    """How long a job takes from ready to done: to plan, read and publish its pages, and to confirm the end."""
    job = finished(ask(name, params, sink))
    assert job.ready_at is not None
    assert job.finished_at is not None
    return job.finished_at - job.ready_at
