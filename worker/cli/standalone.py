"""Runs commands without an installation (no MILLRACE_REDIS_URL): rows go to files, and workers are started here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from config.settings import settings
from worker.cli.output import talk
from worker.cli.startup import any_worker_answers
from worker.local_workers import LocalWorkers, local_workers
from worker.redis_client import restart_embedded_redis
from worker.services import get_services

LOOK_SECONDS = 0.5


def is_standalone() -> bool:
    """Is no Redis set, so that the embedded one and our own workers are used?"""
    return settings().redis_url is None


def default_sink() -> str | None:
    """Where rows go unless the user says otherwise: files below the data directory; None: the report's own stream."""
    return f"file:{settings().data_dir / 'rows'}" if is_standalone() else None


def warn_without_workers(what: str) -> None:
    """If no worker of an installation answers, say that nothing will happen until one is started.

    Raises RetryLater or redis-py's error if none could answer.
    """
    if is_standalone():
        return
    if not any_worker_answers():
        talk.print(f"no worker answers; {what} for one (`millrace worker control`, `millrace worker stream`)")


@contextmanager
def workers_here(processes: int | None = None) -> Iterator[LocalWorkers | None]:
    """Run workers during the block; None if an installation has its own."""
    if not is_standalone():
        yield None
        return
    has_work = get_services().ledger.has_unfinished
    with local_workers(settings().data_dir, processes=processes, has_work=has_work) as workers:
        yield workers


def restart_dead(workers: LocalWorkers | None) -> None:
    """Restart those of our own workers that have died, and their embedded Redis, and say so."""
    if workers and restart_embedded_redis():
        talk.print("the embedded Redis ended and was started again")
    for name in workers.restart_dead() if workers else ():
        talk.print(f"the {name} worker ended and was started again")


def keep_running(workers: LocalWorkers) -> NoReturn:
    """Restart workers that die, until Ctrl-C."""
    while True:
        time.sleep(LOOK_SECONDS)
        restart_dead(workers)
