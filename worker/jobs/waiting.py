"""Finds out what a job waits for: for the command line, the API, the page and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from worker.model import FINISHED, Job, WaitsOn

PATIENCE_SECONDS = 3.0
"""Work that is overdue for less than this is on its way to a worker; after that it waits for a free one."""

REDIS = "Redis does not answer"


@dataclass(frozen=True, slots=True)
class Wait:
    """What a job waits for: a word for programs (`on`), text for people (`said`), and until when, if that is known."""

    on: WaitsOn
    said: str
    until: float | None = None

    def describe(self, now: float) -> str:
        """The wait in words, with the seconds that are left."""
        left = None if self.until is None else self.until - now
        return self.said if left is None or left < 1 else f"{self.said} ({left:.0f} s to go)"


def waits_for(job: Job, now: float) -> Wait | None:
    """What an unfinished job waits for at `now`, by the ledger's clock; None while it is being worked on."""
    if job.state in FINISHED:
        return None
    is_held = job.held_until is not None and job.held_until > now
    # The last noted wait is current until the time it names, or as long as the lease of its step.
    is_current = is_held if job.waits_until is None else job.waits_until + PATIENCE_SECONDS > now
    if job.waits_on is not None and is_current:
        return Wait(job.waits_on, job.waits_said, job.waits_until)
    due_at = job.poll_at if job.state == "pending" else None
    if due_at is not None and due_at + PATIENCE_SECONDS > now:
        return Wait("vendor", "the vendor is preparing the report, next poll", due_at)
    if is_held:
        return None
    return Wait("worker", f"a free {'stream' if job.state == 'streaming' else 'control'} worker")
