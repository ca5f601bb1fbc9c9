"""Clients of Redis that wait while it is away; and the checks of the Redis for broker, ledger and default sink."""

from __future__ import annotations

import atexit
import signal
import time
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
from worker.embedded_redis import embedded_redis, restart_dead_server
from worker.errors import BadInput
from worker.redis_errors import hide_settings_in_errors, register_error_answers
from worker.redis_url import RedisUrl, read_redis_url

PATIENT_RETRIES = 60
"""With waits of up to 2 s between them, a worker outlives a Redis that is away for a minute or two."""
MOST_SECONDS_APART = 2.0
"""A message that comes earlier than this before its poll is due is dropped."""

register_error_answers()
hide_settings_in_errors()


@cache
def own_redis() -> RedisUrl:
    """The Redis in the settings, else the embedded server, which runs until this process ends.

    Raises BadInput if the URL cannot be parsed or the embedded server cannot start.
    """
    chosen = settings()
    if chosen.redis_url is not None:
        return read_redis_url(chosen.redis_url, password=chosen.redis_password.get_secret_value())
    return read_redis_url(_embedded.enter_context(embedded_redis(chosen.data_dir)))


_embedded = ExitStack()


@atexit.register
def _leave_at_exit() -> None:
    # A second signal must not interrupt the stop of the server.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _embedded.close()


def restart_embedded_redis() -> bool:
    """Start the embedded server again if this process uses it and it was killed; True if it was."""
    is_used = settings().redis_url is None and own_redis.cache_info().currsize > 0
    return is_used and restart_dead_server(settings().data_dir)


def leave_embedded_redis() -> None:
    """Release the embedded server now, not at the end of this process: its data directory is about to be removed."""
    _embedded.close()
    own_redis.cache_clear()


def connect(url: RedisUrl | str, *, retries: int = PATIENT_RETRIES) -> Redis:
    """A client that retries while Redis is away, starting, loading, or does not accept writes.

    A script whose answer was lost is run a second time; every script allows that.
    """
    parsed = url if isinstance(url, RedisUrl) else read_redis_url(url)
    options: dict[str, Any] = {
        "db": parsed.database,
        **parsed.login,
        **SOCKETS,
        "retry": Retry(ExponentialBackoff(cap=2, base=0.05), retries),
        # redis-py turns a refused connection, an OSError, into its own error only after the last retry.
        "retry_on_error": [ConnectionError, TimeoutError, BusyLoadingError, OSError],
    }
    if parsed.scheme == "sentinel":
        return _connect_to_master(parsed, options)
    if parsed.scheme == "unix":
        for name in ("socket_connect_timeout", "socket_keepalive"):
            del options[name]
        pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=parsed.socket, **options)
    else:
        ((host, port),) = parsed.hosts
        kind = SSLConnection if parsed.tls else Connection
        pool = ConnectionPool(connection_class=kind, host=host, port=port, **(parsed.tls or {}), **options)
    return Redis.from_pool(pool)


class ConnectionToMaster(SentinelManagedConnection):  # type: ignore[misc]
    """A connection that asks the sentinels for the master every time it connects.

    redis-py asks them only the first time. If a connection breaks between the end of a master and the election of the
    next, redis-py would try the dead address until its retries are used up (redis-py issue 3874).
    """

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        # A command that finds the connection broken calls this with retries. `connect`, which has just asked the
        # sentinels, calls it without.
        if retry_socket_connect:
            self.connect()
        else:
            super().connect_check_health(check_health, retry_socket_connect)


class TlsConnectionToMaster(ConnectionToMaster, SSLConnection):  # type: ignore[misc]
    """The same over TLS."""


def _connect_to_master(url: RedisUrl, options: dict[str, Any]) -> Redis:
    """A client that asks the sentinels for the master on every connection."""
    tls = url.tls or {}
    own = {**SOCKETS, **url.sentinel_login, **tls, "ssl": bool(tls)}
    kind = TlsConnectionToMaster if tls else ConnectionToMaster
    return Sentinel(url.hosts, sentinel_kwargs=own).master_for(url.service, connection_class=kind, **tls, **options)


def describe_wrong_clock(client: Redis) -> str:
    """What is wrong with this machine's clock, measured by that of Redis; empty if the two agree well enough.

    Leases and deadlines go by the clock of Redis, but how long a message waits goes by those of the workers.
    """
    before = time.time()
    seconds, microseconds = client.time()
    redis, after = seconds + microseconds / 1e6, time.time()
    ahead = max(before - redis, 0) or min(after - redis, 0)
    if abs(ahead) <= MOST_SECONDS_APART:
        return ""
    how = f"{ahead:,.0f} s ahead of" if ahead > 0 else f"{-ahead:,.0f} s behind"
    return f"the clock of this machine is {how} that of Redis, so polls are late: set both by one time server (NTP)"


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
"""The rights that every process needs, each with a command that tests it and has no lasting effect."""


def _refuse_lack_of_rights(client: Redis, user: str) -> None:
    for right, question in RIGHTS:
        try:
            client.execute_command(*question)
        except ResponseError as refusal:
            # Other answers show that the right exists; only the script or key that the command names does not.
            if isinstance(refusal, NoPermissionError) or str(refusal).startswith("unknown command"):
                allowed = f"one with the right {right}; docs/operations.md lists them all ({refusal})"
                raise BadInput("user of Redis", user, allowed) from None


def refuse_unfit(url: RedisUrl) -> None:
    """Raise BadInput if this Redis denies a right that we need, may evict keys and so lose jobs, or is a cluster."""
    with connect(url, retries=0) as client:
        try:
            _refuse_lack_of_rights(client, url.user or "default")
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
            is_cluster = client.info("cluster").get("cluster_enabled", 0)
        except RedisError:
            return  # Redis is away; its users wait for it later.
    if policy != "noeviction":
        raise BadInput("maxmemory-policy of Redis", policy, "noeviction (CONFIG SET maxmemory-policy noeviction)")
    if is_cluster:
        # One script changes a job and its queues, whose keys a cluster has on several nodes.
        raise BadInput("MILLRACE_REDIS_URL", url.display_name, "one server, or Sentinel; a cluster can only hold sinks")
