"""The consumer: read, apply in one transaction, acknowledge after its commit, trim."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from redis.exceptions import ConnectionError, ResponseError, TimeoutError  # noqa: A004 - redis-py's own names

from examples.consumer.entries import Entry
from examples.consumer.group import Group
from examples.consumer.warehouse import Warehouse

log = logging.getLogger("consumer")

FOLLOW_SECONDS, DRAIN_SECONDS = 1.0, 0.05
"""How long nothing new is waited for before what waits is seen to."""


class Consumer:
    """One of any number of consumers of a group. Killed at any moment, it leaves nothing half done and nothing lost."""

    def __init__(
        self,
        group: Group,
        warehouse: Warehouse,
        *,
        trim: Callable[[], object],
        claim_seconds: float,
        is_stopping: Callable[[], bool],
    ) -> None:
        """`claim_seconds` is how long another consumer may be silent before what it holds is taken over."""
        self._group = group
        self._warehouse = warehouse
        self._trim = trim
        self._claim_seconds = claim_seconds
        self._is_stopping = is_stopping
        self._tend_at = time.monotonic()
        self._reported: dict[str, str] = {}
        self.waiting: dict[str, str] = {}

    def follow(self) -> None:
        """Consume until asked to stop, waiting out whatever time Redis is away."""
        while not self._is_stopping():
            try:
                self._cycle(FOLLOW_SECONDS)
            except (ConnectionError, TimeoutError) as error:
                log.warning("Redis is away: %s", error)

    def drain(self) -> int:
        """Consume what there is, taking over what dead consumers left; how many entries are not applied."""
        # After so long without anything new, what the dead held was taken over: the rest is with the living.
        patience_seconds = self._claim_seconds + 2 * DRAIN_SECONDS
        quiet_since = time.monotonic()
        while not self._is_stopping():
            if self._cycle(DRAIN_SECONDS):
                quiet_since = time.monotonic()
            elif self._group.pending() == len(self.waiting) or time.monotonic() - quiet_since > patience_seconds:
                break
        return self._group.pending()

    def _cycle(self, pause_seconds: float) -> bool:
        """Apply what is new, and see to the rest once a pause or when nothing is; whether something was new."""
        try:
            fresh = self._group.new(pause_seconds)
            self._apply(fresh)
            if not fresh or time.monotonic() >= self._tend_at:
                self._tend()
                self._tend_at = time.monotonic() + pause_seconds
        except ResponseError as error:
            # A crash may have taken the group, or the stream. From its start everything is applied again, harmlessly.
            if not any(text in str(error) for text in ("NOGROUP", "no such key")):
                raise
            self._group.join()
            return True
        if not fresh:
            self._report()
        return bool(fresh)

    def _apply(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        applied = self._warehouse.apply(entries)
        self._group.acknowledge(applied.settled)
        self.waiting |= applied.waiting
        for news in applied.news:
            log.info(news)

    def _tend(self) -> None:
        """Take over what others left, try what waits again, make room."""
        lost = self._group.claim(self._claim_seconds)
        self.waiting = {}
        self._apply(lost)
        for entries in self._group.held():
            self._apply(entries)
            if self._is_stopping():
                break
        self._trim()

    def _report(self) -> None:
        """Say what waits, where the reason is new."""
        for entry_id, reason in self.waiting.items():
            if self._reported.get(entry_id) != reason:
                log.warning("entry %s waits: %s", entry_id, reason)
        self._reported = dict(self.waiting)
