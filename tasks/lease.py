"""Keeps a lease alive while a step works, and knows when the step must stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from worker.celery import is_stopping
from worker.durations import spoken
from worker.errors import FailJob, LeaseLost, RetryLater
from worker.ledger import Ledger
from worker.model import Checkpoint, Held, WaitsOn
from worker.observe import Event, log

LOOK_SECONDS = 1.0
SILENT_SECONDS = 2.0
"""A step that has not been heard of for so long waits for the vendor, and would not notice that it must stop."""


class Heartbeat:
    """Renews a lease and notes progress from a thread of its own, so that a vendor's silence ends neither."""

    def __init__(self, ledger: Ledger, held: Held) -> None:
        self._ledger = ledger
        self._held = held
        self._is_over = threading.Event()
        self._is_lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        # Taking the lease told the time a moment ago: not worth asking again, thousands of times a minute.
        self._lead = (ledger.now() if held.taken_at is None else held.taken_at) - time.monotonic()
        self._noted = self._kept = held.on_record
        self._noting = threading.Lock()
        self._heard_at = time.monotonic()
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
        self._note()

    def now(self) -> float:
        """The ledger's time, without asking it again."""
        return self._lead + time.monotonic()

    def check_deadline(self) -> None:
        """Raise FailJob where the job's time is over."""
        job = self._held.job
        if self.now() > job.finish_by:
            within = spoken(job.finish_within)
            raise FailJob(f"not finished within {within}; it was {job.state}, {job.closed} of {job.pages} pages done")

    def waits_for(self, hang_up: Callable[[], None]) -> None:
        """Tell how to end the step's waiting for the vendor, for when it must stop."""
        self._hang_up = hang_up

    def note_wait(self, waits_on: WaitsOn, said: str) -> None:
        """Put on record what the step waits for, at most once a second."""
        if self.now() - self._wait_noted_at >= LOOK_SECONDS:
            self._wait_noted_at = self.now()
            self._ledger.note_wait(self._held, waits_on, said)

    def check(self) -> None:
        """Raise where the work must stop: the lease is lost, the worker is stopping, the time is over."""
        self._heard_at = time.monotonic()
        if self._is_lost.is_set():
            raise LeaseLost("the lease ran out or the job is decided")
        if is_stopping():
            raise RetryLater("this worker is stopping", wait_seconds=0, is_attempt=False, waits_on="worker")
        self.check_deadline()

    def progress(self, at: Checkpoint) -> None:
        """Hear of rows kept, to be noted in the ledger within a second; raise where the work must stop."""
        self._kept = at
        self.check()

    def rest(self, end: Checkpoint) -> tuple[int, int, int]:
        """Rows, dead rows and bytes the ledger has not heard of, for the move that closes the page to tell it."""
        with self._noting:
            known, self._noted, self._kept = self._noted, end, end
        return end.rows - known.rows, end.dead_rows - known.dead_rows, end.bytes - known.bytes

    def _note(self) -> bool:
        """Tell the ledger of rows it has not heard of, which renews the lease; False where there are none."""
        with self._noting:
            known, at = self._noted, self._kept
            if at.rows <= known.rows:
                return False
            self._renew(at.rows - known.rows, at.dead_rows - known.dead_rows, at.bytes - known.bytes)
            self._noted = at
            return True

    def _beat(self) -> None:
        every = self._ledger.lease_seconds / 4
        renewed_at = time.monotonic()
        while not self._is_over.wait(min(every, LOOK_SECONDS)):
            if self._note():
                renewed_at = time.monotonic()
            elif time.monotonic() - renewed_at >= every:
                self._renew(0, 0, 0)
                renewed_at = time.monotonic()
            must_stop = self._is_lost.is_set() or is_stopping() or self.now() > self._held.job.finish_by
            if must_stop and self._hang_up and time.monotonic() - self._heard_at > SILENT_SECONDS:
                self._hang_up()

    def _renew(self, rows: int, dead_rows: int, bytes_: int) -> None:
        try:
            if not self._ledger.renew(self._held, rows=rows, dead_rows=dead_rows, bytes_=bytes_):
                self._is_lost.set()
        except Exception as error:  # noqa: BLE001 - Redis is away: the next beat tries again
            log.warning(Event.LEASE_LOST, why=f"cannot renew: {type(error).__name__}")
