"""Opens what verbs need: the connections alone, or all services. Logs go to stderr, never among the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from config.settings import environment_value, settings
from worker.errors import BadInput, RetryLater
from worker.observe import configure_logging
from worker.sources.connections import Connection, Connections, load_connections
from worker.sources.credentials import needs_durable_tokens
from worker.sources.loading import load_catalogue

if TYPE_CHECKING:
    from redis import Redis

    from worker.redis_url import RedisUrl
    from worker.services import Services

REDIS_PATIENCE_SECONDS = 3.0
REDIS_LOOK_SECONDS = 0.25
REDIS_RETRIES = 6
"""With the growing waits between them, they take as long as that patience."""


def connections() -> Connections:
    """Our accounts and the sources; Redis is not needed. Raises BadInput if the file of connections is unreadable."""
    _log_to_stderr()
    return load_connections(settings().connections, load_catalogue(settings().sources), environment_value)


def open_services() -> Services:
    """The services of this process. Waits a moment for Redis and raises RetryLater if it does not answer.

    Their client gives up after a few seconds as well: a Redis that answers may still take no writes. Whoever follows a
    job uses `get_services()`, whose client outlives a restart of Redis.
    """
    from worker.redis_client import own_redis
    from worker.services import get_services

    _log_to_stderr()
    wait_for_redis(own_redis())
    return get_services(REDIS_RETRIES)


def token_keeper(connection: Connection) -> Redis | None:
    """Redis, if a login may use up the credential of this connection, so that its successor must be kept; else None.

    Waits a moment for Redis. Raises RetryLater if it does not answer.
    """
    return open_services().redis if needs_durable_tokens(connection) else None


def wait_for_redis(
    url: RedisUrl, *, sleep: Callable[[float], None] = time.sleep, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Return once Redis answers; say so if it does not at once. Raises RetryLater, or BadInput if it never will."""
    from redis.exceptions import AuthenticationError, RedisError

    from worker.cli.output import talk
    from worker.redis_client import connect

    where = url.display_name
    deadline, is_said = monotonic() + REDIS_PATIENCE_SECONDS, False
    while True:
        try:
            with connect(url, retries=0) as client:
                client.ping()
        except AuthenticationError as refusal:
            raise BadInput(
                "MILLRACE_REDIS_URL", where, f"a Redis that accepts this user and password; it says: {refusal}"
            ) from None
        except RedisError as away:
            if monotonic() >= deadline:
                raise RetryLater(f"Redis at {where} (MILLRACE_REDIS_URL) does not answer: {away}") from None
            # Said once: the message would scroll by four times a second.
            if not is_said:
                talk.print(f"Redis at {where} does not answer; trying again for {REDIS_PATIENCE_SECONDS:g} s")
            is_said = True
            sleep(REDIS_LOOK_SECONDS)
        else:
            return


def messages_in_broker() -> dict[str, int]:
    """The messages in each queue that no worker has taken. Raises RetryLater if the broker does not answer."""
    from worker.celery import messages_waiting  # finds the broker on import, and may start one

    waiting = messages_waiting()
    if not waiting:
        raise RetryLater(
            "the broker does not answer: is what MILLRACE_BROKER_URL names running, and the password right?"
        )
    return waiting


def any_worker_answers() -> bool:
    """Does any worker of the installation answer? Raises RetryLater or redis-py's error if none could."""
    from worker.celery import has_workers

    open_services().ledger.try_write()
    messages_in_broker()
    return has_workers()


def _log_to_stderr() -> None:
    """Log to stderr, only warnings unless the user set a level: a person at a terminal needs no news of success."""
    chosen = settings()
    configure_logging(chosen.log, chosen.log_level if "log_level" in chosen.model_fields_set else "warning")
