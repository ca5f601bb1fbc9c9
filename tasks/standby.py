"""Control workers do beat's work while beat is away, so that recovery does not depend on a single process.

Each of beat's tasks sets a mark in Redis that expires after two intervals. Every control worker looks for it; if it has
expired, the first worker to set it again does the work itself, and so on at every interval until beat is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from celery.signals import worker_ready
from redis.exceptions import RedisError

from config.celery import DUE_SECONDS, SWEEP
from tasks.due import serve_schedule
from tasks.sweep import nudge_overdue
from worker.celery import app, wait_until_stopping
from worker.ledger import Ledger
from worker.observe import Event, log
from worker.services import Services, get_services

SAY_SECONDS = 600.0
"""How often each worker logs that it stands in. An installation may have no beat at all."""


def stand_in(ledger: Ledger, name: str, every_seconds: float, work: Callable[[], object]) -> bool:
    """Do the work if its mark has expired and this worker is the first to set it again; True if it did the work."""
    if not ledger.claim_run(name, every_seconds):
        return False
    work()
    return True


@worker_ready.connect
def _start(**_: Any) -> None:
    if SWEEP not in app.amqp.queues.consume_from:
        return
    sweep_seconds = get_services().settings.sweep_seconds
    for name, every_seconds, work in (("sweep", sweep_seconds, nudge_overdue), ("due", DUE_SECONDS, serve_schedule)):
        threading.Thread(target=_watch, args=(name, every_seconds, work), name=f"standby-{name}", daemon=True).start()


def _watch(name: str, every_seconds: float, work: Callable[[Services], object]) -> None:
    services = get_services()
    # Wait for two intervals first: beat may be starting as well.
    is_marked, said_at = False, float("-inf")
    while not wait_until_stopping(every_seconds / 2):
        try:
            if is_marked:
                stood_in = stand_in(services.ledger, name, every_seconds, lambda: work(services))
                if stood_in and time.monotonic() - said_at > SAY_SECONDS:
                    log.info(Event.STOOD_IN, task=name)
                    said_at = time.monotonic()
            else:
                services.ledger.claim_run(name, 2 * every_seconds)
                is_marked = True
        except RedisError as error:
            log.warning(Event.REDIS_AWAY, why=f"{type(error).__name__}: {error}")
        except Exception:  # noqa: BLE001 - it would end this thread, and with it the recovery
            log.exception(Event.STOOD_IN, task=name, why="its work failed; it is tried again")
