"""The one Redis that is broker, ledger and default sink: where it is, and clients that wait for its return."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError  # noqa: A004 - redis-py's own names
from redis.retry import Retry

from config.celery import SOCKETS
from config.settings import settings
from worker.embedded_redis import embedded_redis
from worker.errors import BadInput

PATIENT_RETRIES = 60
"""With waits of at most 2 s: a worker outlives a Redis that is away for a minute or two."""


@cache
def redis_url() -> str:
    """The URL in the settings, else that of the embedded server, which runs as long as this process needs it."""
    if url := settings().redis_url:
        return url
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(embedded_redis(settings().data_dir))


def refuse_eviction(url: str) -> None:
    """Raise BadInput where this Redis may evict keys: queues and jobs would vanish without a word."""
    client = Redis.from_url(url, **SOCKETS)
    try:
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except RedisError:
        return  # It is away; whoever needs it waits for it.
    finally:
        client.close()
    if policy != "noeviction":
        raise BadInput("maxmemory-policy of Redis", policy, "noeviction (CONFIG SET maxmemory-policy noeviction)")


def connect(url: str, *, retries: int = PATIENT_RETRIES) -> Redis:
    """A client that tries again while Redis is away, starting or loading.

    A script whose answer was lost runs twice then; every script is made for that.
    """
    return Redis.from_url(
        url,
        retry=Retry(ExponentialBackoff(cap=2, base=0.05), retries),
        # A refused connection is an OSError until redis-py gives up on it.
        retry_on_error=[ConnectionError, TimeoutError, BusyLoadingError, OSError],
        **SOCKETS,
    )
