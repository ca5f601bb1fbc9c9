"""A ledger with a clock of the test's own, and ways to take a job to a state."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from redis import Redis

from worker.ledger import Ledger
from worker.model import Checkpoint, Job, Lease

FIELDS = {"connection": "c", "report": "r", "source_digest": "d", "params": "{}", "window": "null", "sink": "stream:s"}


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    # Not the time of this machine, so that code which uses another clock is noticed.
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(redis: Redis, clock: Clock) -> Ledger:
    # Tests step 21 s, past a lease and past the sweep's first patience, which is as long.
    return Ledger(redis, lease_seconds=20, clock=clock)


def make(
    ledger: Ledger, job_id: str = "j", *, may_join: bool = True, webhooks: tuple[str, ...] = ()
) -> tuple[str, bool]:
    """Make a job, or join the running one. Returns its id, and whether it was joined."""
    days = {"ready_within": 7200, "finish_within": 86400}
    return ledger.make(job_id, FIELDS, fingerprint="f", may_join=may_join, webhooks=webhooks, **days)


def held(answer: Lease | str) -> Lease:
    assert isinstance(answer, Lease), answer
    return answer


def job(ledger: Ledger, job_id: str = "j") -> Job:
    """The job in its present state."""
    found = ledger.job(job_id)
    assert found
    return found


def streaming(ledger: Ledger, pages: int, *, at_once: int = 4) -> list[int]:
    """Take a new job to the state in which its pages are read, and return the pages that are nudged."""
    make(ledger)
    assert ledger.move(held(ledger.take("j", "queued")), "ready", submitted_at="@0", ready_at="@0")
    out = ledger.plan(held(ledger.take("j", "ready")), pages, at_once=at_once)
    assert out is not None
    return out


def first_page(ledger: Ledger, pages: int = 1) -> Lease:
    """Take a new job to the state in which its pages are read, and return the first page."""
    streaming(ledger, pages)
    return held(ledger.take_page("j", 1))


def close(ledger: Ledger, page: int, **more: object) -> tuple[str, list[int]]:
    """Take a page and close it."""
    known = {"end": Checkpoint(), "planned": 0, "link": None, "total": None, "last_count": None, "at_once": 4, **more}
    return ledger.close_page(held(ledger.take_page("j", page)), **known)


def ending(rows: int, digest: str = "") -> Checkpoint:
    """The end of a page with this many rows; pages with as many have the same rows unless a digest is given."""
    return Checkpoint(rows=rows, digest=digest or f"digest of {rows}")
