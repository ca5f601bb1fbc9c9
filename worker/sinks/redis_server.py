"""Sends commands to the Redis that has a stream: one server, or the node of a cluster that has the stream now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from redis import ConnectionPool, Redis
from redis.connection import HiredisRespSerializer
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)

from worker.errors import FailJob, RetryLater, SinkFull
from worker.redis_errors import is_temporary
from worker.scripts import Argument, Script
from worker.sinks.queued_transactions import QueuedTransactions

MOST_MOVES = 5
"""How many times one command follows a stream to another node before the step is given back."""
_PACKER = HiredisRespSerializer()

_versions: WeakKeyDictionary[Redis, int] = WeakKeyDictionary()

NOT_ALLOWED = (AuthenticationError, AuthorizationError, NoPermissionError)


def pack_command(*arguments: Argument) -> bytes:
    """A command in Redis's protocol, as one text: to copy a batch takes less time than to send it in pieces."""
    [packed] = _PACKER.pack(*arguments)
    return bytes(packed)


def connect_to_node(redis: Redis, moved: MovedError) -> Redis:
    """A client like this one of the node that a cluster's answer names. Without a host it is at the same one."""
    pool = redis.connection_pool
    known = pool.connection_kwargs
    address = {"host": moved.host or known["host"], "port": moved.port}
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **(known | address)))


def find_node(redis: Redis, stream: str) -> Redis:
    """This client or, in a cluster, one of the node that has the stream now."""
    try:
        redis.exists(stream)
    except MovedError as moved:
        return connect_to_node(redis, moved)
    return redis


def sink_error(error: RedisError, display_name: str) -> RetryLater | FailJob:
    """The error to raise for an error of a sink's Redis: retry the step, or fail the job."""
    text = f"the sink {display_name}: {error}"
    if isinstance(error, NOT_ALLOWED):
        return FailJob(text)
    if isinstance(error, OutOfMemoryError) or "OOM command not allowed" in str(error):
        return SinkFull(f"{text}: Redis is at its maxmemory")
    if "WRONGTYPE" in str(error):
        return FailJob(f"{text}; the key of this stream, its dead letters or its record has another type")
    return RetryLater(text, is_attempt=not is_temporary(error))


class RedisServer:
    """Runs scripts and reads records. Errors of Redis are raised as RetryLater or FailJob.

    `transactions` has connections of its own. What is queued is discarded before a script is run or a record is read.
    """

    def __init__(self, redis: Redis, display_name: str, *, is_own: bool = False) -> None:
        """`display_name` names the sink in messages; `is_own`: the client is closed with it."""
        self._redis = redis
        self.display_name = display_name
        self._is_own = is_own
        self.transactions = QueuedTransactions(lambda: self._redis.connection_pool)

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Run one script. If the answer is lost, the script is run again; every script allows that."""
        return self._ask(lambda redis: script(redis, keys, arguments))

    def read(self, record: str, fields: Sequence[Argument]) -> list[bytes | None]:
        """Fields of a record, all read at one moment."""
        found: list[bytes | None] = self._ask(lambda redis: redis.execute_command("HMGET", record, *fields))
        return found

    def major_version(self) -> int:
        """The major version of Redis that the server is compatible with; 0 if it does not say.

        Each client asks once, because every page of a stream needs the answer.
        """
        known = _versions.get(self._redis)
        if known is None:
            with suppress(FailJob, KeyError, ValueError):
                known = int(self._ask(lambda redis: redis.info("server"))["redis_version"].split(".")[0])
            _versions[self._redis] = known or 0
        return known or 0

    def close(self) -> None:
        self.transactions.release()
        if self._is_own:
            self.transactions.close()
            self._redis.close()

    def _ask(self, question: Callable[[Redis], Any]) -> Any:
        self.transactions.release()
        for _ in range(MOST_MOVES):
            try:
                return question(self._redis)
            except MovedError as moved:
                self._follow(moved)
            except RedisError as error:
                raise sink_error(error, self.display_name) from error
        raise RetryLater(
            f"the sink {self.display_name}: its cluster moves the stream from node to node", is_attempt=False
        )

    def _follow(self, moved: MovedError) -> None:
        """Connect to the node that has the stream's slot, by the cluster's answer."""
        node = connect_to_node(self._redis, moved)
        self.close()
        self._redis, self._is_own = node, True
