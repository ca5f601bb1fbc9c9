"""A ledger by a clock of the test's own, and the ways a job gets on in it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from worker.ledger import Ledger
from worker.model import Job, Lease

FIELDS = {"connection": "c", "report": "r", "source_digest": "d", "params": "{}", "window": "null", "sink": "stream:s"}


@dataclass
class Clock:
    """A time that stands until it is moved."""

    # Not the time of this machine: a part that looks at a clock of its own is noticed.
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(
    ledger: Ledger, job_id: str = "j", *, may_join: bool = True, webhooks: tuple[str, ...] = ()
) -> tuple[str, bool]:
    """Make a job, or join the one there is: its id, and whether it was joined."""
    days = {"ready_within": 7200, "finish_within": 86400}
    return ledger.make(job_id, FIELDS, fingerprint="f", may_join=may_join, webhooks=webhooks, **days)


def held(answer: Lease | str) -> Lease:
    assert isinstance(answer, Lease), answer
    return answer


def job(ledger: Ledger, job_id: str = "j") -> Job:
    """The job as it stands."""
    found = ledger.job(job_id)
    assert found
    return found


def streaming(ledger: Ledger, pages: int, *, at_once: int = 4) -> list[int]:
    """Take a new job to where its pages are read: those that are out."""
    make(ledger)
    assert ledger.move(held(ledger.take("j", "queued")), "ready", submitted_at="@0", ready_at="@0")
    out = ledger.plan(held(ledger.take("j", "ready")), pages, at_once=at_once)
    assert out is not None
    return out


def first_page(ledger: Ledger, pages: int = 1) -> Lease:
    """Take a new job to where its pages are read, and the first of them."""
    streaming(ledger, pages)
    return held(ledger.take_page("j", 1))
