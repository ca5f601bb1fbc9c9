"""Rate limits of an account, shared by all workers: requests per second, pauses, reports in preparation.

Requests are sent one interval apart; unused slots of the last half second may be used in a burst. A caller waits here
only for a moment; for a longer wait, RetryLater says when its turn comes, and the step gives its work back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from redis import Redis

from worker import keys
from worker.errors import RetryLater
from worker.scripts import Clock, Script, time_argument
from worker.sources.schema import Limits
from worker.transport.tokens import Token

PATIENCE_SECONDS = 1.0
# Bursts are limited to the slots of half a second, because vendors with a limit per second refuse larger ones.
SAVED_UP_SECONDS = 0.5
# Callers that have to come back get different times, at most this far ahead, so that they do not come back together.
LONGEST_QUEUE_SECONDS = 60.0
# Polls renew the claim of a report in preparation; if they stop, it expires after this time.
CLAIM_SECONDS = 1_800.0

_TAKE = Script("quota_take", "clock")
_CLAIM = Script("quota_claim_report", "clock")
_PAUSE = Script("pause_set", "clock")


class Quota(Protocol):
    """A rate limiter that can be paused."""

    def wait_turn(self, *, patience_seconds: float = PATIENCE_SECONDS, token_key: str | None = None) -> Token | None:
        """Return when one request may be sent. Raises RetryLater (not an attempt) if that takes too long.

        With `token_key`, where Redis keeps the token in use, returns that token, or None if it is to be renewed: one
        command where two would ask for the turn and the token.
        """

    def pause(self, seconds: float) -> bool:
        """Stop all requests for this time; a pause is never shortened. True if it is new or longer than before."""


class SharedQuota:
    """A connection's quota in Redis, for all workers."""

    def __init__(
        self,
        redis: Redis,
        connection: str,
        limits: Limits,
        *,
        sleep: Callable[[float], None],
        clock: Clock | None = None,
    ) -> None:
        self._redis = redis
        self._name = connection
        self._rate = limits.requests_per_second
        self._sleep = sleep
        self._clock = clock

    def wait_turn(self, *, patience_seconds: float = PATIENCE_SECONDS, token_key: str | None = None) -> Token | None:
        named = [keys.quota(self._name), keys.pause(self._name), *([token_key] if token_key else [])]
        rule = [1 / self._rate, int(self._rate * SAVED_UP_SECONDS), patience_seconds, LONGEST_QUEUE_SECONDS]
        answer = _TAKE(self._redis, named, [time_argument(self._clock), *rule])
        _wait_or_give_back(self._name, answer[0].decode(), float(answer[1]), self._sleep)
        return Token(answer[2].decode(), answer[3].decode()) if len(answer) > 2 else None

    def pause(self, seconds: float) -> bool:
        return bool(_PAUSE(self._redis, [keys.pause(self._name)], [time_argument(self._clock), seconds]))


class OwnQuota:
    """A connection's quota in this process, for commands without Redis."""

    def __init__(self, connection: str, limits: Limits, *, sleep: Callable[[float], None], clock: Clock) -> None:
        self._name = connection
        self._interval = 1 / limits.requests_per_second
        self._saved_up = int(limits.requests_per_second * SAVED_UP_SECONDS)
        self._sleep = sleep
        self._clock = clock
        self._guard = threading.Lock()
        self._slot = self._ends = 0.0

    def wait_turn(self, *, patience_seconds: float = PATIENCE_SECONDS, token_key: str | None = None) -> None:
        with self._guard:
            now = self._clock()
            slot = max(self._slot, now - self._interval * self._saved_up)
            wait = max(slot, self._ends) - now
            if wait <= patience_seconds:
                verdict = "go"
                self._slot = slot + self._interval
            else:
                verdict = "pause" if self._ends > slot else "wait"
        _wait_or_give_back(self._name, verdict, max(wait, 0.0), self._sleep)

    def pause(self, seconds: float) -> bool:
        with self._guard:
            ends = self._clock() + seconds
            is_news = ends > self._ends
            self._ends = max(ends, self._ends)
        return is_news


class ReportLimit:
    """Limits how many reports a vendor prepares for one connection at once. A claim that is not renewed expires."""

    def __init__(self, redis: Redis, connection: str, limits: Limits, *, clock: Clock | None = None) -> None:
        self._redis = redis
        self._key = keys.reports_in_preparation(connection)
        self._at_once = limits.reports_at_once
        self._clock = clock

    def claim(self, job: str) -> bool:
        """Claim one of the reports at once for a job; it may have it already. False if all are claimed by others."""
        return self._claim(job, self._at_once)

    def renew(self, job: str) -> None:
        """Renew the claim of a report in preparation; if it has expired, claim again, even beyond the limit."""
        self._claim(job, 1_000_000_000)

    def release(self, job: str) -> None:
        """End the claim: the report is ready, or is no longer needed. May be repeated."""
        self._redis.zrem(self._key, job)

    def _claim(self, job: str, at_once: int) -> bool:
        return bool(_CLAIM(self._redis, [self._key], [time_argument(self._clock), job, at_once, CLAIM_SECONDS]))


def _wait_or_give_back(connection: str, verdict: str, seconds: float, sleep: Callable[[float], None]) -> None:
    """Sleep through a short wait; raise RetryLater for a longer one."""
    if verdict == "go":
        if seconds > 0:
            sleep(seconds)
        return
    why = "is paused by the vendor" if verdict == "pause" else "has used up its quota of requests"
    raise RetryLater(
        f"connection {connection} {why}; {seconds:.1f} s to go",
        wait_seconds=seconds,
        is_attempt=False,
        is_unsent=True,
        waits_on="pause" if verdict == "pause" else "quota",
    )
