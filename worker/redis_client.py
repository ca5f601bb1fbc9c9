"""The one Redis that is broker, ledger and default sink: where it is, and clients that wait for its return."""

from __future__ import annotations

import atexit
import signal
from contextlib import ExitStack
from functools import cache
from typing import Any

from redis import Redis, SSLConnection, UnixDomainSocketConnection
from redis.backoff import ExponentialBackoff
from redis.connection import Connection, ConnectionPool
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis-py's own name
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis-py's own name
)
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection

from config.celery import SOCKETS
from config.settings import settings
from worker import keys
from worker.embedded_redis import embedded_redis
from worker.errors import BadInput
from worker.redis_errors import hide_settings_in_errors, register_error_answers
from worker.redis_url import RedisUrl, read_redis_url

PATIENT_RETRIES = 60
"""With waits of at most 2 s: a worker outlives a Redis that is away for a minute or two."""

register_error_answers()
hide_settings_in_errors()


@cache
def own_redis() -> RedisUrl:
    """The Redis in the settings, else the embedded server, which runs as long as this process needs it.

    Raises BadInput where the URL cannot be read or the embedded server cannot start.
    """
    chosen = settings()
    if chosen.redis_url is not None:
        return read_redis_url(chosen.redis_url, password=chosen.redis_password.get_secret_value())
    return read_redis_url(_embedded.enter_context(embedded_redis(chosen.data_dir)))


_embedded = ExitStack()


@atexit.register
def _leave_at_exit() -> None:
    # Who asks a second time need not wait longer, nor leave the server half stopped.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _embedded.close()


def leave_embedded_redis() -> None:
    """Let the embedded server go now and not at the end of this process: its data directory is about to be removed."""
    _embedded.close()
    own_redis.cache_clear()


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
        return _connect_to_master(place, options)
    if place.scheme == "unix":
        for name in ("socket_connect_timeout", "socket_keepalive"):
            del options[name]
        pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=place.socket, **options)
    else:
        ((host, port),) = place.hosts
        kind = SSLConnection if place.tls else Connection
        pool = ConnectionPool(connection_class=kind, host=host, port=port, **(place.tls or {}), **options)
    return Redis.from_pool(pool)


class ConnectionToMaster(SentinelManagedConnection):  # type: ignore[misc]
    """A connection that asks the sentinels for the master whenever it connects again.

    redis-py asks them only the first time: a connection that breaks in the moments between a master's end and its
    successor's election would try the dead address for as long as it has retries (redis-py issue 3874).
    """

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        # redis-py connects with its own retries where a command finds the connection broken, and without them from
        # within `connect`, which has asked the sentinels just before.
        if retry_socket_connect:
            self.connect()
        else:
            super().connect_check_health(check_health, retry_socket_connect)


class TlsConnectionToMaster(ConnectionToMaster, SSLConnection):  # type: ignore[misc]
    """The same over TLS."""


def _connect_to_master(place: RedisUrl, options: dict[str, Any]) -> Redis:
    """A client that asks the sentinels for the master on every connection."""
    tls = place.tls or {}
    own = {**SOCKETS, **place.sentinel_login, **tls, "ssl": bool(tls)}
    kind = TlsConnectionToMaster if tls else ConnectionToMaster
    return Sentinel(place.hosts, sentinel_kwargs=own).master_for(place.service, connection_class=kind, **tls, **options)


RIGHTS: tuple[tuple[str, tuple[str | int, ...]], ...] = (
    ("~millrace:* +set", ("SET", keys.WRITTEN, 1, "EX", 60)),
    ("+info", ("INFO", "memory")),
    ("+time", ("TIME",)),
    ("+eval", ("EVAL", "return 1", 0)),
    ("+evalsha", ("EVALSHA", "0" * 40, 0)),
    ("~sink:* +hget", ("HGET", keys.sink_record("probe", "probe"), "state")),
    ("~dead:* +xlen", ("XLEN", keys.dead_rows("probe"))),
    ("~rows:* +xadd", ("XADD", "rows:probe", "NOMKSTREAM", "*", "probe", 1)),
    ("+llen", ("LLEN", "millrace:broker:control")),
    ("+zadd", ("ZADD", "millrace:broker:probe", "XX", 0, "probe")),
    ("+hdel", ("HDEL", "millrace:broker:probe", "probe")),
    ("&* +publish", ("PUBLISH", "millrace:broker:probe", "")),
)
"""The rights every process needs, each with a command that tests it and changes nothing that lasts."""


def _refuse_lack_of_rights(client: Redis, user: str) -> None:
    for right, question in RIGHTS:
        try:
            client.execute_command(*question)
        except NoPermissionError as refusal:
            allowed = f"one with the right {right}; docs/operations.md lists them all ({refusal})"
            raise BadInput("user of Redis", user, allowed) from None
        except ResponseError:
            continue  # The right is there: only the script or the key that the command names is not.


def refuse_unfit(url: RedisUrl) -> None:
    """Raise BadInput if this Redis may evict keys, so that jobs would vanish, or denies us a right that we need."""
    with connect(url, retries=0) as client:
        try:
            _refuse_lack_of_rights(client, url.user or "default")
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
        except RedisError:
            return  # It is away; whoever needs it waits for it.
    if policy != "noeviction":
        raise BadInput("maxmemory-policy of Redis", policy, "noeviction (CONFIG SET maxmemory-policy noeviction)")
