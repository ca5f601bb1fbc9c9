"""What Celery logs of a Redis that cannot serve, and of messages of a later version: one line, not a traceback each."""

from __future__ import annotations

import logging
import time
import warnings
from typing import Any

from celery.worker.consumer import Consumer, consumer

from worker.observe import Event, log

BROKER_WAIT_SECONDS = 2.0


class TerseConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's consumer, which `worker_consumer` in Celery's settings replaces by this one."""

    def on_unknown_task(self, body: Any, message: Any, exc: KeyError) -> None:
        """Drop the message: the sweep sends it again, until a worker gets it that knows the task."""
        log.warning(Event.NUDGE_UNKNOWN, task=exc.args[0])
        message.reject_log_error(log, self.connection_errors)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Say why the broker cannot be used, and wait a moment before the next connection.

        A replica or a full Redis accepts connections, so Celery would try again at once.
        """
        log.warning(Event.REDIS_AWAY, why=f"{type(exc).__name__}: {exc}")
        with warnings.catch_warnings(action="ignore"):  # Celery repeats each time how a later version will do this
            super().on_connection_error_after_connected(exc)
        # Not `wait_until_stopping`: the signal that ends such a wait arrives on this thread.
        time.sleep(BROKER_WAIT_SECONDS)


def leave_out_tracebacks() -> None:
    """Leave out what Celery's worker and beat log of a lost connection besides: beat alone logs 150 lines each time."""
    logging.getLogger(consumer.__name__).addFilter(lambda line: line.msg != consumer.CONNECTION_RETRY)
    logging.getLogger("celery.beat").addFilter(_shorten)


def _shorten(line: logging.LogRecord) -> bool:
    if line.exc_info and isinstance(line.args, tuple):
        line.msg, line.args, line.exc_info = "%s", line.args[:1], None
    return True
