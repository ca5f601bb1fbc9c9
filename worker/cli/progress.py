"""Follows a job to its end, with its progress on stderr if that is a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

from redis.exceptions import RedisError
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from worker.cli.output import talk
from worker.cli.standalone import restart_dead
from worker.errors import MillraceError
from worker.jobs.finish import cancel
from worker.jobs.waiting import REDIS, Wait, waits_for
from worker.local_workers import LocalWorkers
from worker.model import FINISHED, Job, Json
from worker.services import Services

Found = TypeVar("Found")
LOOK_SECONDS = 0.2
SILENCE_SECONDS = 2.0
"""If Redis does not answer for this long, the user is told."""
USUAL = ("vendor", "worker")
"""Waits that every job has: they get no message."""


class TimedOut(Exception):
    """The time to wait is over; the job continues."""


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C, and the job has been cancelled."""

    def __init__(self, receipt: Json) -> None:
        self.receipt = receipt
        super().__init__("interrupted")


def follow(
    services: Services, job_id: str, timeout: float | None, workers: LocalWorkers | None, announcement: str = ""
) -> Json:
    """Wait for the job's end and return its receipt. Workers of our own that die are started again.

    Ctrl-C cancels the job and raises Interrupted once it has ended; a second Ctrl-C stops waiting. Raises TimedOut.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[rows]} {task.fields[rate]} {task.fields[page]} {task.fields[waiting]}"),
        TimeElapsedColumn(),
        console=talk,
        disable=not talk.is_terminal,
        transient=True,
    )
    with progress:
        try:
            # Whoever has read this may press Ctrl-C, and from here on that cancels the job.
            if announcement:
                talk.print(announcement)
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

    def look_up() -> tuple[Job, Wait | None, float]:
        job, now = services.ledger.job(job_id), services.ledger.now()
        if job is None:
            raise MillraceError(f"job {job_id} is no longer in the ledger: it was removed in the meantime")
        found = waits_for(job, now)
        if found and found.on == "worker":
            # If Redis takes no writes, it can still be read, but no worker can take the job.
            with suppress(RedisError):
                services.ledger.try_write()
        return job, found, now

    is_away = Wait("redis", f"{REDIS}, or takes no writes; `millrace doctor` says why")
    while True:
        # While Redis is away its client waits, and we would not notice.
        look = _in_background(look_up)
        while not wait([look], timeout=SILENCE_SECONDS).done:
            waits_on = _show_wait(progress, line, is_away, 0, waits_on)
            _keep_up(workers, deadline)
        job, found, now = look.result()
        if job.state in FINISHED and job.receipt:
            return job.receipt
        rate = job.rows / max(time.monotonic() - began, 0.001)
        progress.update(
            line,
            description=job.state,
            total=job.expected,
            completed=job.rows,
            rows=f"{job.rows:,} rows" if job.rows else "",
            rate=f"{rate:,.0f}/s" if job.rows else "",
            page=f"page {job.closed} of {job.pages}" if job.pages else "",
        )
        waits_on = _show_wait(progress, line, found, now, waits_on)
        _keep_up(workers, deadline)
        time.sleep(LOOK_SECONDS)


def _in_background(work: Callable[[], Found]) -> Future[Found]:
    """Do this on a thread that does not keep the process from ending, as one of an executor would."""
    future: Future[Found] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised where the result is used
            future.set_exception(error)

    threading.Thread(target=do, name="look", daemon=True).start()
    return future


def _keep_up(workers: LocalWorkers | None, deadline: float | None) -> None:
    """Start workers of our own that died; raise TimedOut once the time to wait is over."""
    restart_dead(workers)
    if deadline is not None and time.monotonic() > deadline:
        raise TimedOut


def _show_wait(progress: Progress, line: TaskID, found: Wait | None, now: float, before: str | None) -> str | None:
    """Show what the job waits for; without a progress line, say it once. Returns the word for it."""
    progress.update(line, waiting=found.describe(now) if found else "")
    if found and found.on not in (before, *USUAL) and not talk.is_terminal:
        talk.print(f"waiting: {found.describe(now)}")
    return found.on if found else None
