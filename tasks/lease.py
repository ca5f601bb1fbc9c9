"""Keeps a lease alive while a step works, and knows when the step must stop."""

from __future__ import annotations

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
"""A step that has not called `check` for so long is waiting for the vendor, and would not notice that it must stop."""


class Heartbeat:
    """Renews a lease and reports progress on a thread of its own, so that a silent vendor stops neither."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger = ledger
        self._held = lease
        self._is_over = threading.Event()
        self._is_lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        # Taking the lease gave the ledger's time a moment ago: asking again would cost thousands of requests a minute.
        self._clock_offset = (ledger.now() if lease.taken_at is None else lease.taken_at) - time.monotonic()
        self._reported = self._kept = lease.on_record
        self._reporting = threading.Lock()
        self._checked_at = time.monotonic()
        self._hang_up: Callable[[], None] | None = None
        self._wait_noted_at = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._report_progress()

    def now(self) -> float:
        """The ledger's time, without asking Redis."""
        return self._clock_offset + time.monotonic()

    def check_deadline(self) -> None:
        """Raise FailJob if the job's time is over."""
        job = self._held.job
        if self.now() > job.finish_by:
            within = format_duration(job.finish_within)
            raise FailJob(f"not finished within {within}; it was {job.state}, {job.closed} of {job.pages} pages done")

    def set_hang_up(self, hang_up: Callable[[], None]) -> None:
        """Have this called when the step must stop while it waits for the vendor: it breaks the connection."""
        self._hang_up = hang_up

    def note_wait(self, waits_on: WaitsOn, said: str) -> None:
        """Put on record, at most once a second, what the step waits for."""
        if self.now() - self._wait_noted_at >= LOOK_SECONDS:
            self._wait_noted_at = self.now()
            self._ledger.note_wait(self._held, waits_on, said)

    def check(self) -> None:
        """Raise if the work must stop: LeaseLost, RetryLater if the worker is stopping, FailJob if the time is over."""
        self._checked_at = time.monotonic()
        if self._is_lost.is_set():
            raise LeaseLost("the lease ran out or the job is decided")
        if is_stopping():
            raise RetryLater("this worker is stopping", wait_seconds=0, is_attempt=False, waits_on="worker")
        self.check_deadline()

    def note_progress(self, at: Checkpoint) -> None:
        """Take note of rows kept; the ledger has them within a second. Raises as `check` does."""
        self._kept = at
        self.check()

    def take_unreported(self, end: Checkpoint) -> tuple[int, int, int]:
        """Rows, dead rows and bytes up to `end` that the ledger does not know of; the caller must tell it of them."""
        with self._reporting:
            known, self._reported, self._kept = self._reported, end, end
        return end.rows - known.rows, end.dead_rows - known.dead_rows, end.bytes - known.bytes

    def _report_progress(self) -> bool:
        """Tell the ledger of rows it does not know of, which renews the lease; False if there are none."""
        with self._reporting:
            known, at = self._reported, self._kept
            if at.rows <= known.rows:
                return False
            self._renew(at.rows - known.rows, at.dead_rows - known.dead_rows, at.bytes - known.bytes)
            self._reported = at
            return True

    def _beat(self) -> None:
        every = self._ledger.lease_seconds / 4
        renewed_at = time.monotonic()
        while not self._is_over.wait(min(every, LOOK_SECONDS)):
            if self._report_progress():
                renewed_at = time.monotonic()
            elif time.monotonic() - renewed_at >= every:
                self._renew(0, 0, 0)
                renewed_at = time.monotonic()
            must_stop = self._is_lost.is_set() or is_stopping() or self.now() > self._held.job.finish_by
            if must_stop and self._hang_up and time.monotonic() - self._checked_at > SILENT_SECONDS:
                self._hang_up()

    def _renew(self, rows: int, dead_rows: int, bytes_: int) -> None:
        try:
            if not self._ledger.renew(self._held, rows=rows, dead_rows=dead_rows, bytes_=bytes_):
                self._is_lost.set()
        except Exception as error:  # noqa: BLE001 - Redis is away: the next round tries again
            log.warning(Event.LEASE_LOST, why=f"cannot renew: {type(error).__name__}")
