"""The heartbeat of a step: renews its lease, reports its progress, and tells it when it must stop."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from worker.celery import is_stopping
from worker.durations import format_duration
from worker.errors import FailJob, LeaseLost, RetryLater
from worker.ledger import Ledger
from worker.model import Checkpoint, Lease, WaitsOn
from worker.observe import Event, log

LOOK_SECONDS = 1.0
SILENT_SECONDS = 2.0
"""A step that has not called `check` for this long waits for the vendor, and would not notice that it must stop."""


class Heartbeat:
    """Renews a lease and reports progress on another thread, so that both go on while the vendor is silent."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger = ledger
        self._lease = lease
        self.every_seconds = ledger.lease_seconds / 4
        self._is_over = False
        self._is_lost = False
        # The ledger's time came with the lease; asking Redis again would be thousands of requests a minute.
        self._clock_offset = lease.taken_at - time.monotonic()
        self._reported = self._kept = lease.on_record
        self._beating = threading.Lock()
        self._renewed_at = self._checked_at = time.monotonic()
        self._hang_up: Callable[[], None] | None = None
        self._wait_noted_at = 0.0

    def __enter__(self) -> Self:
        _heartbeat_thread.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _heartbeat_thread.remove(self)
        with self._beating:
            self._is_over = True
            self._report_progress()

    def now(self) -> float:
        """The ledger's time, without asking Redis."""
        return self._clock_offset + time.monotonic()

    def check_deadline(self) -> None:
        """Raise FailJob if the job's time is over."""
        job = self._lease.job
        if self.now() > job.finish_by:
            within = format_duration(job.finish_within)
            raise FailJob(f"not finished within {within}; it was {job.state}, {job.closed} of {job.pages} pages done")

    def set_hang_up(self, hang_up: Callable[[], None]) -> None:
        """Set the function that breaks the vendor's connection. It is called if the step must stop while it waits."""
        self._hang_up = hang_up

    def note_wait(self, waits_on: WaitsOn, why: str) -> None:
        """Store in the ledger what the step waits for and why, at most once a second."""
        if self.now() - self._wait_noted_at >= LOOK_SECONDS:
            self._wait_noted_at = self.now()
            self._ledger.note_wait(self._lease, waits_on, why)

    def check(self) -> None:
        """Raise if the step must stop: LeaseLost, RetryLater if the worker is stopping, FailJob at the deadline."""
        self._checked_at = time.monotonic()
        if self._is_lost:
            raise LeaseLost("the lease has expired, or the job was failed or cancelled")
        if is_stopping():
            raise RetryLater("this worker is stopping", wait_seconds=0, is_attempt=False, waits_on="worker")
        self.check_deadline()

    def note_progress(self, at: Checkpoint) -> None:
        """Note the rows that the sink has; they are reported to the ledger within a second. Raises as `check` does."""
        self._kept = at
        self.check()

    def beat(self) -> None:
        """Report progress or, if it is time, renew the lease; break the connection if a waiting step must stop.

        Does nothing once the step is over: its connection may be in use for another request by then.
        """
        with self._beating:
            if self._is_over:
                return
            if not self._report_progress() and time.monotonic() - self._renewed_at >= self.every_seconds:
                self._renew()
            must_stop = self._is_lost or is_stopping() or self.now() > self._lease.job.finish_by
            if must_stop and self._hang_up and time.monotonic() - self._checked_at > SILENT_SECONDS:
                self._hang_up()

    def _report_progress(self) -> bool:
        """Report new rows to the ledger, which renews the lease; False if there are none."""
        if self._kept.rows <= self._reported.rows:
            return False
        self._renew()
        return True

    def _renew(self) -> None:
        self._renewed_at, at = time.monotonic(), self._kept
        try:
            if not self._ledger.renew(self._lease, at):
                self._is_lost = True
            self._reported = at
        except Exception as error:  # noqa: BLE001 - Redis is away: the next round tries again
            log.warning(Event.LEASE_LOST, why=f"cannot renew: {type(error).__name__}")


class _HeartbeatThread:
    """The thread that calls `beat` of every heartbeat of this process once a second, or more often for shorter leases.

    One thread for all, because starting one for each step would be a tenth of the cost of a poll.
    """

    def __init__(self) -> None:
        self._heartbeats: set[Heartbeat] = set()
        self._changed = threading.Condition()
        self._wait_seconds = LOOK_SECONDS
        self._thread: threading.Thread | None = None

    def add(self, heartbeat: Heartbeat) -> None:
        with self._changed:
            self._heartbeats.add(heartbeat)
            if heartbeat.every_seconds < self._wait_seconds:
                self._wait_seconds = heartbeat.every_seconds
                self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
                self._thread.start()

    def remove(self, heartbeat: Heartbeat) -> None:
        with self._changed:
            self._heartbeats.discard(heartbeat)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(self._wait_seconds)
                heartbeats = list(self._heartbeats)
                self._wait_seconds = min([LOOK_SECONDS, *(heartbeat.every_seconds for heartbeat in heartbeats)])
            for heartbeat in heartbeats:
                try:
                    heartbeat.beat()
                except Exception:  # noqa: BLE001 - a bug in one heartbeat must not stop the others
                    log.exception(Event.LEASE_LOST, why="a heartbeat failed")


_heartbeat_thread = _HeartbeatThread()
# A forked child has none of its parent's threads and steps.
os.register_at_fork(after_in_child=_heartbeat_thread.__init__)  # type: ignore[misc]
