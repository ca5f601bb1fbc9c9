"""The errors Redis answers with while it cannot serve, in one list for ledger, broker and sinks.

A server that became a replica, cannot save, is loading or has too many clients is as good as away: its clients wait and
ask again. redis-py knows only some of these answers; it raises the rest as errors on which no client waits.
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
    "UNBLOCKED": IsReplica,  # the same, as answer to a client that was waiting for a message
    "MASTERDOWN": CannotServe,  # a replica whose master is away
    "MISCONF": CannotServe,  # it cannot save, and writes nothing it might lose
    "NOREPLICAS": CannotServe,  # fewer replicas than it must have
    "BUSY": CannotServe,  # a script of somebody else's runs for long
    "LOADING": BusyLoadingError,  # it started and reads its file
}
"""The first word of an answer, and the error it becomes. "max number of clients reached" is redis-py's own."""

TEMPORARY: tuple[type[Exception], ...] = (ConnectionError, TimeoutError, TryAgainError, ClusterDownError, AskError)
BROKER_WAITS_ON: tuple[type[Exception], ...] = (CannotServe, TimeoutError, OutOfMemoryError)
"""Errors after which the broker reconnects. A full Redis is one of them: a message has no other way to wait."""


def register_error_answers() -> None:
    """Make every client of this process, the broker's included, raise the errors in ANSWERS."""
    DefaultParser.EXCEPTION_CLASSES.update(ANSWERS)


def hide_settings_in_errors() -> None:
    """Have redis-py name the clients of this process by their address: it prints every setting, passwords included.

    The error that no sentinel could be asked names each of them like this.
    """

    def address(pool: ConnectionPool) -> str:
        settings = pool.connection_kwargs
        return str(settings.get("path") or f"{settings.get('host')}:{settings.get('port')}")

    ConnectionPool.__repr__ = address


def is_temporary(error: RedisError) -> bool:
    """May the same command succeed later without any change of ours?"""
    # Before Redis 7 an error within a script is only part of the text of the script's own error.
    text = str(error)
    return isinstance(error, TEMPORARY) or any(f"-{word} " in text for word in ANSWERS)
