"""The one Redis that is broker, ledger and default sink: where it is, and clients that wait for its return."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache
from typing import Any

from redis import Redis, SSLConnection, UnixDomainSocketConnection
from redis.backoff import ExponentialBackoff
from redis.connection import Connection, ConnectionPool
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis-py's own name
    RedisError,
    TimeoutError,  # noqa: A004 - redis-py's own name
)
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.celery import SOCKETS
from config.settings import settings
from worker.embedded_redis import embedded_redis
from worker.errors import BadInput
from worker.redis_errors import name_passing_errors
from worker.redis_url import RedisUrl, read_redis_url

PATIENT_RETRIES = 60
"""With waits of at most 2 s: a worker outlives a Redis that is away for a minute or two."""

name_passing_errors()


@cache
def own_redis() -> RedisUrl:
    """The Redis in the settings, else the embedded server, which runs as long as this process needs it.

    Raises BadInput where the URL cannot be read or the embedded server cannot start.
    """
    chosen = settings()
    if chosen.redis_url is not None:
        return read_redis_url(chosen.redis_url, password=chosen.redis_password.get_secret_value())
    stack = ExitStack()
    atexit.register(stack.close)
    return read_redis_url(stack.enter_context(embedded_redis(chosen.data_dir)))


def connect(url: RedisUrl | str, *, retries: int = PATIENT_RETRIES) -> Redis:
    """A client that tries again while Redis is away, starting, loading, or cannot be written to.

    A script whose answer was lost runs twice then; every script is made for that.
    """
    place = url if isinstance(url, RedisUrl) else read_redis_url(url)
    options: dict[str, Any] = {
        "db": place.database,
        **place.login,
        **SOCKETS,
        "retry": Retry(ExponentialBackoff(cap=2, base=0.05), retries),
        # A refused connection is an OSError until redis-py gives up on it.
        "retry_on_error": [ConnectionError, TimeoutError, BusyLoadingError, OSError],
    }
    if place.scheme == "sentinel":
        return _by_sentinel(place, options)
    if place.scheme == "unix":
        for name in ("socket_connect_timeout", "socket_keepalive"):
            del options[name]
        pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=place.socket, **options)
    else:
        ((host, port),) = place.hosts
        kind = SSLConnection if place.tls else Connection
        pool = ConnectionPool(connection_class=kind, host=host, port=port, **(place.tls or {}), **options)
    return Redis.from_pool(pool)


def _by_sentinel(place: RedisUrl, options: dict[str, Any]) -> Redis:
    """A client of whatever server the sentinels call the master when it connects."""
    tls = {"ssl": True, **place.tls} if place.tls else {}
    own = {**SOCKETS, **place.sentinel_login, **tls}
    sentinel = Sentinel(place.hosts, sentinel_kwargs=own, **tls, **options)
    return sentinel.master_for(place.service)


def refuse_unfit(url: RedisUrl) -> None:
    """Raise BadInput where this Redis may evict keys (jobs would vanish without a word) or lacks a right of ours."""
    with connect(url, retries=0) as client:
        try:
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
        except RedisError:
            return  # It is away; whoever needs it waits for it.
    if policy != "noeviction":
        raise BadInput("maxmemory-policy of Redis", policy, "noeviction (CONFIG SET maxmemory-policy noeviction)")
