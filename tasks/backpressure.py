"""What a page does while the sink is full."""

from __future__ import annotations

import time
from collections.abc import Callable

from tasks.lease import Heartbeat
from worker.errors import FailJob, RetryLater, SinkFull
from worker.observe import Event, log

GIVE_BACK_SECONDS = 5
LOOK_SECONDS = 0.5


class Backpressure:
    """Holds a stream's connection open for a while, or gives an addressable page back at once.

    While it waits nothing is read, so the vendor is slowed by its own full socket; the heartbeat keeps the lease.
    """

    def __init__(
        self, heartbeat: Heartbeat, *, hold_seconds: float, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._heartbeat = heartbeat
        self._hold_seconds = hold_seconds
        self._pause = pause
        self._full_since: float | None = None

    def wait(self, full: SinkFull) -> None:
        """Return when it is worth trying again; raise RetryLater or FailJob where waiting here is over."""
        self._heartbeat.check()
        if not self._hold_seconds:
            raise RetryLater(full.reason, wait_seconds=GIVE_BACK_SECONDS, is_attempt=False, waits_on="sink")
        if self._full_since is None:
            self._full_since = self._heartbeat.now()
            log.warning(Event.SINK_FULL, why=full.reason, hold_seconds=self._hold_seconds)
        if self._heartbeat.now() - self._full_since > self._hold_seconds:
            raise FailJob(full.reason)
        # Again and again: the heartbeat may tell of rows kept before, and forget the wait with that.
        self._heartbeat.note_wait("sink", full.reason)
        self._pause(LOOK_SECONDS)

    def reset(self) -> None:
        """Hear that a batch was kept: the next wait counts anew."""
        self._full_since = None
