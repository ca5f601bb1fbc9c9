"""Backpressure: makes the reading of a page wait while the sink is full.

When a stream is full is decided where its rows are added: `worker/lua/sink_batch.lua`.
"""

from __future__ import annotations

import time

from tasks.heartbeat import Heartbeat
from worker.errors import FailJob, RetryLater, SinkFull
from worker.observe import Event, log

GIVE_BACK_SECONDS = 5
LOOK_SECONDS = 0.5


class Backpressure:
    """Waits while the sink is full and keeps the vendor's connection open; gives an addressable page back at once.

    While it waits, nothing is read, so the vendor's socket fills up and slows it down. The heartbeat keeps the lease.
    """

    def __init__(self, heartbeat: Heartbeat, *, hold_seconds: float) -> None:
        self._heartbeat = heartbeat
        self._hold_seconds = hold_seconds
        self._full_since: float | None = None

    def wait(self, full: SinkFull) -> None:
        """Return when the commit may be tried again; raise RetryLater or FailJob if the step must not wait longer."""
        self._heartbeat.check()
        if not self._hold_seconds:
            raise RetryLater(full.reason, wait_seconds=GIVE_BACK_SECONDS, is_attempt=False, waits_on="sink")
        if self._full_since is None:
            self._full_since = self._heartbeat.now()
            log.warning(Event.SINK_FULL, why=full.reason, hold_seconds=self._hold_seconds)
        if self._heartbeat.now() - self._full_since > self._hold_seconds:
            raise FailJob(full.reason)
        # Noted every time, because progress clears a noted wait, and the heartbeat may have reported earlier rows.
        self._heartbeat.note_wait("sink", full.reason)
        time.sleep(LOOK_SECONDS)

    def reset(self) -> None:
        """Forget how long the sink has been full, because it has accepted a batch."""
        self._full_since = None
