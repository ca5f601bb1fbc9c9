"""Follow a job to its end, with its progress on stderr where that is a terminal."""

from __future__ import annotations

import time

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from worker.cli.output import talk
from worker.errors import MillraceError
from worker.jobs.finish import cancel
from worker.jobs.waiting import waits_for
from worker.local_workers import LocalWorkers
from worker.model import FINISHED, Job, Json
from worker.services import Services

LOOK_SECONDS = 0.2
USUAL = ("vendor", "worker")
"""Waits every job has, which are no news where there is no progress line."""


class TimedOut(Exception):
    """The watching is over; the job goes on."""


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, and the job ended with that."""

    def __init__(self, receipt: Json) -> None:
        self.receipt = receipt
        super().__init__("interrupted")


def follow(services: Services, job_id: str, timeout: float | None, workers: LocalWorkers | None) -> Json:
    """The receipt, once the job has ended. Workers of our own that die are started again.

    Ctrl-C cancels the job and is raised as Interrupted once that has taken effect; a second one ends the watching.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    with _progress() as progress:
        try:
            return _watch(services, job_id, deadline, workers, progress)
        except KeyboardInterrupt:
            talk.print("cancelling")
            cancel(services, job_id)
            raise Interrupted(_watch(services, job_id, None, workers, progress)) from None


def _watch(
    services: Services, job_id: str, deadline: float | None, workers: LocalWorkers | None, progress: Progress
) -> Json:
    line = progress.add_task("queued", total=None, rows="", rate="", page="", waiting="")
    began = time.monotonic()
    waits_on: str | None = None
    while True:
        job = services.ledger.job(job_id)
        if job is None:
            raise MillraceError(f"job {job_id} is no longer in the ledger: it was removed while it was followed")
        if job.state in FINISHED and job.receipt:
            return job.receipt
        now = services.ledger.now()
        wait = waits_for(job, now)
        _show(progress, line, job, time.monotonic() - began, wait.describe(now) if wait else "")
        if wait and wait.on not in (waits_on, *USUAL) and not talk.is_terminal:
            talk.print(f"{job.state}, waiting: {wait.describe(now)}")
        waits_on = wait.on if wait else None
        for name in workers.restart_dead() if workers else ():
            talk.print(f"the {name} worker ended and was started again")
        if deadline is not None and time.monotonic() > deadline:
            raise TimedOut
        time.sleep(LOOK_SECONDS)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rows]} {task.fields[rate]} {task.fields[page]} {task.fields[waiting]}"),
        TimeElapsedColumn(),
        console=talk,
        disable=not talk.is_terminal,
        transient=True,
    )


def _show(progress: Progress, line: TaskID, job: Job, elapsed: float, waiting: str) -> None:
    rate = job.rows / max(elapsed, 0.001)
    progress.update(
        line,
        description=job.state,
        total=job.expected,
        completed=job.rows,
        rows=f"{job.rows:,} rows" if job.rows else "",
        rate=f"{rate:,.0f}/s" if job.rows else "",
        page=f"page {job.closed} of {job.pages}" if job.pages else "",
        waiting=waiting,
    )
