"""The consumer's loop: read entries, apply them in one transaction, acknowledge after its commit, trim."""

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
"""How long to wait for new entries before entries that wait are tried again."""


class Consumer:
    """One of any number of consumers of a group. May be killed at any moment: nothing is lost or applied by half."""

    def __init__(
        self,
        group: Group,
        warehouse: Warehouse,
        *,
        trim: Callable[[], object],
        claim_seconds: float,
        is_stopping: Callable[[], bool],
    ) -> None:
        """`claim_seconds`: after this silence of another consumer, its entries are taken over."""
        self._group = group
        self._warehouse = warehouse
        self._trim = trim
        self._claim_seconds = claim_seconds
        self._is_stopping = is_stopping
        self._tend_at = time.monotonic()
        self._reported: dict[str, str] = {}
        self.waiting: dict[str, str] = {}

    def follow(self) -> None:
        """Consume until asked to stop. While Redis is away, wait for it."""
        while not self._is_stopping():
            try:
                self._cycle(FOLLOW_SECONDS)
            except (ConnectionError, TimeoutError) as error:
                log.warning("Redis is away: %s", error)

    def drain(self) -> int:
        """Consume all present entries, also those of dead consumers; returns how many entries are not applied."""
        # After this long without new entries, those of dead consumers have been taken over; living ones have the rest.
        patience_seconds = self._claim_seconds + 2 * DRAIN_SECONDS
        quiet_since = time.monotonic()
        while not self._is_stopping():
            if self._cycle(DRAIN_SECONDS):
                quiet_since = time.monotonic()
            elif self._group.pending() == len(self.waiting) or time.monotonic() - quiet_since > patience_seconds:
                break
        return self._group.pending()

    def _cycle(self, pause_seconds: float) -> bool:
        """Apply new entries; once a pause, or if there are none, tend to the others. Returns whether any were new."""
        try:
            fresh = self._group.new(pause_seconds)
            self._apply(fresh)
            if not fresh or time.monotonic() >= self._tend_at:
                self._tend()
                self._tend_at = time.monotonic() + pause_seconds
        except ResponseError as error:
            # A crash of Redis may have lost the group or the stream, or somebody removed it, perhaps while this waited.
            # Applying all entries again does no harm.
            if not any(text in str(error) for text in ("NOGROUP", "no such key", "UNBLOCKED")):
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
        """Take over entries of dead consumers, try waiting entries again, trim the stream."""
        lost = self._group.claim(self._claim_seconds)
        self.waiting = {}
        self._apply(lost)
        for entries in self._group.held():
            self._apply(entries)
            if self._is_stopping():
                break
        self._trim()

    def _report(self) -> None:
        """Log the entries that wait, if their reason is new."""
        for entry_id, reason in self.waiting.items():
            if self._reported.get(entry_id) != reason:
                log.warning("entry %s waits: %s", entry_id, reason)
        self._reported = dict(self.waiting)
