"""What Redis answers while it cannot serve, in one list for ledger, broker and sinks.

A server that became a replica, cannot save, is loading, or has no client to spare is as good as away: whoever asked
waits and asks again. redis-py knows only some of these answers, and gives the rest as errors nobody waits on.
"""

from __future__ import annotations

from redis.connection import DefaultParser
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
    """The server answered that it cannot serve now; its connection is given up, for another may lead elsewhere."""


class IsReplica(CannotServe, ReadOnlyError):  # type: ignore[misc]
    """A failover made the server a replica."""


ANSWERS = {
    "READONLY": IsReplica,  # a failover made it a replica
    "UNBLOCKED": IsReplica,  # the same, told to a client that was waiting for a message
    "MASTERDOWN": CannotServe,  # a replica whose master is away
    "MISCONF": CannotServe,  # it cannot save, and writes nothing it might lose
    "NOREPLICAS": CannotServe,  # fewer replicas than it must have
    "BUSY": CannotServe,  # a script of somebody else's runs for long
    "LOADING": BusyLoadingError,  # it started and reads its file
}
"""The first word of an answer, and the error it becomes. "max number of clients reached" is redis-py's own."""

PASSING: tuple[type[Exception], ...] = (ConnectionError, TimeoutError, TryAgainError, ClusterDownError, AskError)
BROKER_WAITS_ON: tuple[type[Exception], ...] = (CannotServe, TimeoutError, OutOfMemoryError)
"""Errors on which the broker's connection begins anew. Full counts here: a message has no other way to wait."""


def name_passing_errors() -> None:
    """Have redis-py raise what ANSWERS says, in every client of this process, the broker's included."""
    DefaultParser.EXCEPTION_CLASSES.update(ANSWERS)


def is_passing(error: RedisError) -> bool:
    """Whether the same question may be answered later, nothing changed by us.

    Before Redis 7, what a script met stands in the text of its own error.
    """
    text = str(error)
    return isinstance(error, PASSING) or any(f"-{word} " in text for word in ANSWERS)
