"""Transactions that a Redis server has queued before it may execute them, so that it never waits for the next one.

A server does not execute what follows MULTI until EXEC. So a batch can be sent while the one before it is executed, and
its EXEC, which is short, once that one has been answered. Two connections take turns.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from redis import ConnectionPool
from redis.connection import AbstractConnection
from redis.exceptions import RedisError

MOST_IDLE_SECONDS = 1.0
"""A connection that was idle for longer goes back to its pool, which checks it: it may have been closed meanwhile."""

_EXEC = b"*1\r\n$4\r\nEXEC\r\n*2\r\n$4\r\nPING\r\n$4\r\ndone\r\n*1\r\n$5\r\nMULTI\r\n"
"""Begins the next transaction as well, so that no round trip is needed for it."""
_END = re.compile(rb"\$4\r\ndone\r\n([^\r]*)\r\n\Z")
"""The answers that always come last, whether the transaction was executed or not: those of PING and of MULTI."""
_MOST_END_BYTES = 1024
_RECEIVE_BYTES = 64 * 1024
_MOST_PIECES = 1_000
"""Linux takes 1,024 at a time."""

IsKept = Callable[[], bool]


_idle: WeakKeyDictionary[ConnectionPool, deque[tuple[AbstractConnection, float]]] = WeakKeyDictionary()
"""For each pool the connections on which MULTI was accepted and that nobody uses, and since when. A page takes them
over from the page before, so that neither begins or ends transactions that stay empty."""


@dataclass(frozen=True, eq=False, slots=True)
class _Connection:
    """A connection on which the server has accepted MULTI."""

    pool: ConnectionPool
    redis: AbstractConnection


@dataclass(frozen=True, eq=False, slots=True)
class _Queued:
    """A transaction that was sent without its EXEC; no connection: it could not be sent."""

    on: _Connection | None


class QueuedTransactions:
    """Sends transactions to one server, the next while one is executed. Used by one thread at a time."""

    def __init__(self, pool: Callable[[], ConnectionPool]) -> None:
        """`pool` returns the pool of the server's connections."""
        self._pool = pool
        self._queued: _Queued | None = None

    def queue(self, commands: Sequence[bytes], last_answer: bytes) -> Callable[[], IsKept]:
        """Send packed commands for the server to queue; another transaction may be executed meanwhile.

        They change nothing until the function returned is called: it has the server execute them, and returns without
        waiting. What it returns waits, and must be called: did the last command answer `last_answer`? If not, the
        outcome is unknown: the commands may have been executed, or not, or may be executed later.

        At most one transaction is queued: those before it that were not executed are discarded.
        """
        queued = self._send(commands)
        kept = b"$%d\r\n%b\r\n$4\r\ndone\r\n" % (len(last_answer), last_answer)

        def execute() -> IsKept:
            # The transaction before this one may have failed, and with it all connections.
            on = (queued if queued is self._queued else self._send(commands)).on
            self._queued = None
            if on:
                with suppress(RedisError, OSError):  # the connection is closed then, and reading fails as well
                    on.redis.send_packed_command([_EXEC], check_health=False)
            return lambda: on is not None and self._receive(on, kept)

        return execute

    def release(self) -> None:
        """Discard what was queued. Idle connections stay for whoever uses the same pool next, in this process."""
        if self._queued and self._queued.on:
            _give_back(self._queued.on, is_clean=False)
        self._queued = None

    def close(self) -> None:
        """Discard what was queued, and give the idle connections back to their pool."""
        self.release()
        while self._take_idle(most_idle_seconds=-1):
            pass

    def _send(self, commands: Sequence[bytes]) -> _Queued:
        """Send commands after the server has accepted MULTI, never before."""
        self.release()
        on = self._take_idle(MOST_IDLE_SECONDS) or self._begin()
        if on:
            try:
                _send_all(_socket_of(on.redis), commands)
            except OSError:
                _give_back(on, is_clean=False)
                on = None
        self._queued = _Queued(on)
        return self._queued

    def _take_idle(self, most_idle_seconds: float) -> _Connection | None:
        """A connection that was idle for less than this; those that were idle for longer go back to their pool."""
        pool = self._pool()
        idle = _idle.get(pool, deque())
        with suppress(IndexError):
            while True:
                redis, since = idle.popleft()
                if redis.pid != os.getpid():
                    continue  # this process was forked, and the connection is its parent's
                connection = _Connection(pool, redis)
                if time.monotonic() - since < most_idle_seconds:
                    return connection
                is_clean = False
                with suppress(RedisError, OSError):
                    redis.send_command("DISCARD", check_health=False)
                    is_clean = redis.read_response() == b"OK"
                _give_back(connection, is_clean=is_clean)
        return None

    def _begin(self) -> _Connection | None:
        """A connection on which the server has accepted MULTI; None if there is none."""
        pool = self._pool()
        try:
            redis = pool.get_connection()
        except (RedisError, OSError):
            return None
        connection = _Connection(pool, redis)
        try:
            redis.send_command("MULTI")
            if redis.read_response() == b"OK":
                return connection
        except (RedisError, OSError):
            pass
        _give_back(connection, is_clean=False)
        return None

    def _receive(self, on: _Connection, kept: bytes) -> bool:
        """Receive the answers to a transaction: do they end with `kept`?"""
        received, end = b"", None
        try:
            # To parse the answers one by one with redis-py would take longer than sending the rows.
            while not end and (part := _socket_of(on.redis).recv(_RECEIVE_BYTES)):
                received += part
                end = _END.search(received, max(0, len(received) - _MOST_END_BYTES))
        except OSError:
            end = None
        finally:
            if end and end[1] == b"+OK":
                _idle.setdefault(on.pool, deque()).append((on.redis, time.monotonic()))
            else:
                _give_back(on, is_clean=end is not None)
        is_kept = end is not None and received.endswith(kept, 0, end.start(1))
        if not is_kept:
            # The others may have been closed with this one, and the stream may be on another server now.
            self.close()
        return is_kept


def _socket_of(connection: AbstractConnection) -> socket.socket:
    """The connection's socket. redis-py would connect anew if there is none, and no MULTI was accepted there."""
    opened: socket.socket | None = connection._sock
    if opened is None:
        raise OSError("the connection was closed")
    return opened


def _send_all(sock: socket.socket, pieces: Sequence[bytes]) -> None:
    """Send all pieces without joining them, because that would copy every row."""
    if isinstance(sock, ssl.SSLSocket):
        sock.sendall(b"".join(pieces))
        return
    rest = [memoryview(piece) for piece in pieces]
    while rest:
        sent = sock.sendmsg(rest[:_MOST_PIECES])
        while rest and sent >= len(rest[0]):
            sent -= len(rest.pop(0))
        if rest:
            rest[0] = rest[0][sent:]


def _give_back(connection: _Connection, *, is_clean: bool) -> None:
    """Give a connection back to its pool, closed unless it `is_clean`: without MULTI and without answers to come."""
    if not is_clean:
        connection.redis.disconnect()
    connection.pool.release(connection.redis)
