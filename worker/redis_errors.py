"""The error answers of a Redis that cannot serve now, in one list for ledger, broker and sinks.

A server that became a replica, cannot save, is loading or has too many clients is treated like one that is away:
clients wait and retry. redis-py does so for some of these answers only; this module adds the others.
"""

from __future__ import annotations

from redis.connection import ConnectionPool, DefaultParser
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis-py's own name
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis-py's own name
    TryAgainError,
)


class CannotServe(ConnectionError, ResponseError):  # type: ignore[misc]
    """The server answered that it cannot serve now. The connection is closed: a new one may lead to another server."""


class IsReplica(CannotServe, ReadOnlyError):  # type: ignore[misc]
    """A failover made the server a replica."""


ANSWERS = {
    "READONLY": IsReplica,  # a failover made it a replica
    "UNBLOCKED": IsReplica,  # the same, for a client that was blocked waiting for a message
    "MASTERDOWN": CannotServe,  # a replica whose master is away
    "MISCONF": CannotServe,  # it cannot save to disk, so it refuses writes
    "NOREPLICAS": CannotServe,  # fewer replicas than it must have
    "BUSY": CannotServe,  # a script of another program has been running for too long
    "LOADING": BusyLoadingError,  # it has started and is loading its file
}
"""The first word of an answer, and the error it becomes. redis-py knows "max number of clients reached" itself."""

TEMPORARY: tuple[type[Exception], ...] = (ConnectionError, TimeoutError, TryAgainError, ClusterDownError, AskError)
BROKER_WAITS_ON: tuple[type[Exception], ...] = (CannotServe, TimeoutError, OutOfMemoryError)
"""Errors after which the broker reconnects. Also if Redis is full: there is no other way to make a message wait."""


def register_error_answers() -> None:
    """Make every client of this process, the broker's included, raise the errors in ANSWERS."""
    DefaultParser.EXCEPTION_CLASSES.update(ANSWERS)


def hide_settings_in_errors() -> None:
    """Make redis-py print only the address of a connection pool: by itself it prints all settings, even passwords.

    It prints the pool of every sentinel in its error message if no sentinel answers.
    """

    def address(pool: ConnectionPool) -> str:
        settings = pool.connection_kwargs
        return str(settings.get("path") or f"{settings.get('host')}:{settings.get('port')}")

    ConnectionPool.__repr__ = address


def is_temporary(error: RedisError) -> bool:
    """May the same command succeed later without any change of ours?"""
    # Before Redis 7, an error inside a script is only part of the message of the script's own error.
    text = str(error)
    return isinstance(error, TEMPORARY) or any(f"-{word} " in text for word in ANSWERS)
