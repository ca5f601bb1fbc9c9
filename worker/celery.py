"""The Celery app. `celery -A worker worker` finds it here.

Of `worker`, only `celery_patches` knows Celery besides, and `broker` its library kombu.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
from collections.abc import Iterable
from contextlib import suppress
from tempfile import gettempdir
from typing import Any

import celery.apps
from billiard import pool
from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_shutdown, worker_ready, worker_shutting_down
from celery.utils.nodenames import default_nodename, host_format
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from config.celery import celery_settings
from config.settings import BadSetting, settings
from worker.broker import broker_settings, keep_waiting_for_broker, put_back_quietly
from worker.celery_patches import patch_celery
from worker.errors import BadInput
from worker.observe import Event, configure_logging, log
from worker.redis_client import connect, describe_wrong_clock, own_redis, refuse_unfit
from worker.sources.environment_names import describe_unknown_variables
from worker.tracing import flush

LEAST_PREFETCHED = 16
"""How many messages a control worker holds at least, however few threads it has."""

keep_waiting_for_broker()
put_back_quietly()
patch_celery()
# A pool process that ends waits until its worker has read its last results. If the worker is ending as well, that
# takes 30 s by default. The results are not needed: the outcome of a step is in the ledger.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 10  # tenths of a second
app = Celery("millrace")
try:
    app.conf.update(celery_settings(broker_settings(settings().broker_url or own_redis()), settings().sweep_seconds))
    # Shared with the pool's child processes, which do not get the signal that stops their worker.
    _stopping = multiprocessing.Event()
except (BadInput, BadSetting, OSError) as bad:
    # Celery's own command imports this module, and would show a traceback.
    why = f"no memory to share with its processes (/dev/shm): {bad.strerror}" if isinstance(bad, OSError) else bad
    sys.stderr.write(f"millrace: {why}\n")
    raise SystemExit(2) from None


@worker_shutting_down.connect
def _note_shutdown(**_: Any) -> None:
    _stopping.set()


@worker_init.connect
def _leave_no_directory(**_: Any) -> None:
    # billiard would create a temporary directory, which stays behind if the worker is killed. The files of a pool that
    # are created in it are removed at once, so they can be in the temporary directory of the system.
    try:
        multiprocessing.current_process()._config["tempdir"] = gettempdir()  # type: ignore[attr-defined]
    except FileNotFoundError as missing:
        raise SystemExit(f"millrace: {missing.strerror}; TMPDIR may name another") from None


@worker_init.connect
def _stop_without_output(**_: Any) -> None:
    # Before it stops, Celery prints that it does. If nobody reads its output any more, that fails, and it would go on.
    say = celery.apps.worker.safe_say

    def say_if_possible(*words: Any) -> None:
        with suppress(OSError):
            say(*words)

    celery.apps.worker.safe_say = say_if_possible


@worker_init.connect
def _refuse_unfit(**_: Any) -> None:
    try:
        refuse_unfit(own_redis())
    except BadInput as bad:
        raise SystemExit(f"millrace: {bad}") from None


@worker_ready.connect
def _warn_of_wrong_clock(**_: Any) -> None:
    with suppress(RedisError), connect(own_redis(), retries=0) as client:
        if wrong := describe_wrong_clock(client):
            log.warning(Event.WRONG_CLOCK, why=wrong)


@worker_process_shutdown.connect
def _send_last_spans(**_: Any) -> None:
    # A pool process ends without the exit handlers in which OpenTelemetry would send them.
    flush()


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    configure_logging(settings().log, settings().log_level)
    for sentence in describe_unknown_variables(settings().connections):
        log.warning(Event.UNKNOWN_VARIABLE, why=sentence)


def run_worker(node: str, queues: Iterable[str], *, pool: str, concurrency: int, prefetches: bool) -> int:
    """Run a worker called `node` (`%h` is the host) until SIGTERM; returns its exit code.

    Celery's own command would first import all of Celery's plugins, among them Flower and its web server.
    """
    app.conf.worker_disable_prefetch = not prefetches
    if prefetches:
        # With a single message ahead, a thread waits for the broker between two steps.
        app.conf.worker_prefetch_multiplier = math.ceil(LEAST_PREFETCHED / concurrency)
    # At SIGHUP Celery starts itself again with these arguments. `python -m worker` differs from running its file.
    sys.argv[:] = sys.orig_argv[1:]
    worker = app.Worker(
        hostname=host_format(default_nodename(node)), queues=",".join(queues), pool=pool, concurrency=concurrency,
        loglevel="INFO", without_gossip=True, without_mingle=True,
    )  # fmt: skip
    worker.start()
    return int(worker.exitcode or 0)


def run_beat() -> None:
    """Send `sweep` and `due` until SIGTERM."""
    app.Beat().run()


def is_stopping() -> bool:
    """Was this worker asked to stop? Then steps give their work back."""
    return _stopping.is_set()


def wait_until_stopping(seconds: float) -> bool:
    """Wait this long, or until this worker is asked to stop; True if it was asked."""
    return _stopping.wait(seconds)


def nudge(task: str, *args: str | int, countdown: float = 0) -> None:
    """Send the message for a step. If it gets lost, the sweep sends it again."""
    try:
        app.send_task(task, args=args, countdown=countdown or None, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        log.warning(Event.NUDGE_LOST, task=task, why=type(error).__name__)


STEP_OUT_OF = {
    "queued": "report.submit",
    "pending": "report.poll",
    "ready": "report.paginate",
    "streaming": "report.stream",
    "streamed": "report.finalize",
    "verdict": "report.finalize",
}
"""The step that leads out of each state. A job with a verdict is finalized, whatever its state."""


def nudge_out_of(state: str, job_id: str, *, number: int | None = None) -> None:
    """Send the step that leads out of a state; `number` is the poll's or page's, for the two steps that need one."""
    nudge(STEP_OUT_OF[state], job_id, *([number] if state in {"pending", "streaming"} and number is not None else []))


def queues_served() -> dict[str, list[str]]:
    """The workers that answer within two seconds, by the queues they consume."""
    served: dict[str, list[str]] = {}
    try:
        answers = app.control.inspect(timeout=2.0).active_queues() or {}
    except (OperationalError, OSError):
        return served
    for worker, queues in answers.items():
        for queue in queues:
            served.setdefault(queue["name"], []).append(worker)
    return served


def messages_waiting() -> dict[str, int]:
    """The messages in each queue that no worker has taken; empty if the broker does not answer."""
    waiting: dict[str, int] = {}
    try:
        with app.connection_for_read() as connection:
            for queue in app.amqp.queues.values():
                messages = 0
                # Redis has no key for an empty queue.
                with suppress(connection.channel_errors):
                    messages = queue.bind(connection.channel()).queue_declare(passive=True).message_count
                waiting[queue.name] = messages
    except (OperationalError, RedisError, OSError):
        # Counts of only some queues would look like a complete answer.
        return {}
    return waiting


def has_workers() -> bool:
    """Does any worker answer within a second?"""
    try:
        return bool(app.control.ping(timeout=1.0, limit=1))
    except (OperationalError, RedisError, OSError):
        return False
