"""Stores the access token in use for all workers: in Redis, or in this process if there is no Redis."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from redis import Redis

from worker import keys
from worker.scripts import Argument, Clock, Script, time_argument

# Longer than a login can take: after that the worker must be dead, and another one may log in.
TURN_SECONDS = 60.0
# Renewed early, so that no token expires while a request that has it is under way.
RENEW_AT_SHARE = 0.8

_TAKE = Script("token_take", "clock")
_KEEP = Script("token_keep", "clock")
_LEAVE = Script("token_leave", "clock")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token in use. `version` identifies it among all tokens of its connection."""

    value: str
    version: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to fetch a token. `refresh` is the stored refresh token, `good` the current token if still valid."""

    fence: int
    refresh: str | None = None
    good: Token | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """No token for now: another caller is fetching one, or, if `is_rest`, a login failed and the next must wait."""

    seconds: float
    is_rest: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """The result of a login. A durable refresh token is the only way to log in again, so it is kept until replaced."""

    value: str
    lifetime_seconds: float
    refresh: str | None = None
    is_refresh_durable: bool = False


class Tokens(Protocol):
    """A store of tokens. One caller at a time may fetch a token; each method is atomic."""

    @property
    def key(self) -> str | None:
        """Where Redis keeps the token in use; None if it is kept elsewhere."""

    def take(self, refused: str = "") -> Token | Turn | Wait:
        """The token in use, or the turn to fetch one, or how long to wait for either.

        `refused` is the version of a token that the vendor no longer accepts: it is not returned again.
        """

    def keep(self, turn: Turn, grant: Grant) -> Token:
        """End a turn with a new token. All workers use it from now on, unless a later turn has begun."""

    def leave(self, turn: Turn, *, rest_seconds: float = 0) -> None:
        """End a turn without a token; the next turn begins after a rest at the earliest."""


class SharedTokens:
    """Tokens in Redis, where they expire with the vendor's lifetime. Whoever can read this Redis can use them."""

    def __init__(self, redis: Redis, connection: str, account: str, *, clock: Clock | None = None) -> None:
        self._redis = redis
        self.key = keys.token(connection, account)
        self._keys = [self.key, keys.token_turn(connection, account)]
        self._clock = clock

    def take(self, refused: str = "") -> Token | Turn | Wait:
        answer = _TAKE(self._redis, self._keys, [time_argument(self._clock), refused, TURN_SECONDS])
        if answer[0] == b"use":
            return Token(answer[1].decode(), answer[2].decode())
        if answer[0] in (b"wait", b"rest"):
            return Wait(float(answer[1]), is_rest=answer[0] == b"rest")
        refresh, value, version = (part.decode() for part in answer[2:])
        return Turn(int(answer[1]), refresh or None, Token(value, version) if value else None)

    def keep(self, turn: Turn, grant: Grant) -> Token:
        lifetime, is_durable = grant.lifetime_seconds, int(grant.is_refresh_durable)
        given: tuple[Argument, ...] = (
            turn.fence, grant.value, grant.refresh or "", lifetime, lifetime * RENEW_AT_SHARE, is_durable,
        )  # fmt: skip
        _KEEP(self._redis, self._keys, [time_argument(self._clock), *given])
        return Token(grant.value, str(turn.fence))

    def leave(self, turn: Turn, *, rest_seconds: float = 0) -> None:
        _LEAVE(self._redis, self._keys[1:], [time_argument(self._clock), turn.fence, rest_seconds])


class OwnTokens:
    """Tokens in this process, for commands without Redis such as `check` and `preview`."""

    key = None

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._fence = 0
        self._turn_ends = 0.0
        self._is_rest = False
        self._token: Token | None = None
        self._refresh: str | None = None
        self._renew_at = self._expires_at = 0.0

    def take(self, refused: str = "") -> Token | Turn | Wait:
        with self._guard:
            now = self._clock()
            good = self._token if self._token and self._token.version != refused and self._expires_at > now else None
            is_busy = self._turn_ends > now
            if good and (self._renew_at > now or is_busy):
                return good
            if is_busy:
                return Wait(self._turn_ends - now, self._is_rest)
            self._fence += 1
            self._is_rest = False
            self._turn_ends = now + TURN_SECONDS
            return Turn(self._fence, self._refresh, good)

    def keep(self, turn: Turn, grant: Grant) -> Token:
        token = Token(grant.value, str(turn.fence))
        with self._guard:
            if turn.fence == self._fence:
                now = self._clock()
                self._token, self._refresh, self._turn_ends = token, grant.refresh, 0.0
                self._expires_at = now + grant.lifetime_seconds
                self._renew_at = now + grant.lifetime_seconds * RENEW_AT_SHARE
        return token

    def leave(self, turn: Turn, *, rest_seconds: float = 0) -> None:
        with self._guard:
            if turn.fence == self._fence:
                self._turn_ends = self._clock() + rest_seconds
                self._is_rest = True
