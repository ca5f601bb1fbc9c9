"""Keeps a lease alive while a step works, and knows when the step must stop."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from worker.celery import is_stopping
from worker.errors import FailJob, LeaseLost, RetryLater
from worker.ledger import Ledger
from worker.model import Checkpoint, Held
from worker.observe import Event, log

NOTE_SECONDS = 1.0


class Heartbeat:
    """Renews a lease from a thread of its own, so that a vendor's silence does not end it."""

    def __init__(self, ledger: Ledger, held: Held) -> None:
        self._ledger = ledger
        self._held = held
        self._is_over = threading.Event()
        self._is_lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._lead = ledger.now() - time.monotonic()
        self._noted = self._kept = Checkpoint()
        self._noted_at = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()
        if self._kept.rows > self._noted.rows:
            self._note()

    def now(self) -> float:
        """The ledger's time, without asking it again."""
        return self._lead + time.monotonic()

    def check_deadline(self) -> None:
        """Raise FailJob where the job's time is over."""
        job = self._held.job
        if self.now() > job.finish_by:
            hours = (job.finish_by - job.created_at) / 3600
            raise FailJob(
                f"not finished within {hours:g} h; it was {job.state}, {job.closed} of {job.pages} pages done"
            )

    def check(self) -> None:
        """Raise where the work must stop: the lease is lost, the worker is stopping, the time is over."""
        if self._is_lost.is_set():
            raise LeaseLost("the lease ran out or the job is decided")
        if is_stopping():
            raise RetryLater("this worker is stopping", wait_seconds=0, is_attempt=False)
        self.check_deadline()

    def progress(self, at: Checkpoint) -> None:
        """Hear of rows kept: note them in the ledger about once a second, and check whether to stop."""
        self._kept = at
        if time.monotonic() - self._noted_at >= NOTE_SECONDS:
            self._note()
        self.check()

    def start_at(self, at: Checkpoint) -> None:
        """Rows up to here were noted by whoever kept them."""
        self._noted = self._kept = at

    def rest(self, end: Checkpoint) -> tuple[int, int, int]:
        """Rows, dead rows and bytes the ledger has not heard of, for the move that closes the page to tell it."""
        known, self._noted = self._noted, end
        return end.rows - known.rows, end.dead_rows - known.dead_rows, end.bytes - known.bytes

    def _note(self) -> None:
        rows, dead_rows, bytes_ = self.rest(self._kept)
        if not self._ledger.renew(self._held, rows=rows, dead_rows=dead_rows, bytes_=bytes_):
            self._is_lost.set()
        self._noted_at = time.monotonic()

    def _beat(self) -> None:
        while not self._is_over.wait(self._ledger.lease_seconds / 3):
            try:
                if not self._ledger.renew(self._held):
                    self._is_lost.set()
                    return
            except Exception as error:  # noqa: BLE001 - Redis is away: the next beat tries again
                log.warning(Event.LEASE_LOST, why=f"cannot renew: {type(error).__name__}")
