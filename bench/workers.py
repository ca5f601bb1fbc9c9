"""Real Celery workers in their own processes, and jobs they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from bench.figures import REPETITIONS, report_progress
from bench.reports import require_whole
from bench.stage import Stage
from worker.celery import has_workers, nudge
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import Command, LocalWorkers, control, stream
from worker.model import FINISHED, Json
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


def reading_times(
    place: Stage, processes: int, name: str, params: Json, sinks: Iterable[str], *, repetitions: int = REPETITIONS
) -> dict[str, list[float]]:
    """How long a report takes so many stream processes, a few times for each sink, after one run that warms them up."""
    took: dict[str, list[float]] = {}
    with running(place, {"control": control(4), "stream": stream(processes)}):
        for sink in sinks:
            runs = []
            for _ in range(repetitions + 1):
                runs.append(_reading_seconds(name, params, sink))
                place.drop_rows()
            took[sink] = runs[1:]
    report_progress(f"{processes} processes measured")
    return took


def _reading_seconds(name: str, params: Json, sink: str) -> float:
    """How long a job takes from ready to done: to plan, read and publish its pages, and to confirm the end.

    Raises RuntimeError unless it ends with every row.
    """
    ledger, job_id = get_services().ledger, ask(name, params, sink)
    wait_until(lambda: (job := ledger.job(job_id)) and job.state in FINISHED, f"the end of job {job_id}")
    job = ledger.job(job_id)
    assert job
    require_whole(job)
    assert job.ready_at
    assert job.finished_at
    return job.finished_at - job.ready_at
