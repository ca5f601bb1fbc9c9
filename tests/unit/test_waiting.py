"""What a job waits for is always known, and the same in the command line, the API, the page and the metrics."""

from __future__ import annotations

from typing import Any

import fakeredis
import pytest

from tests.ledgers import Clock, first_page, held, job, make
from tests.ledgers import clock as clock
from worker.jobs.waiting import Wait, waits_for
from worker.ledger import Ledger
from worker.model import Checkpoint

LEASE_SECONDS = 8.0


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    made = Ledger(fakeredis.FakeRedis(version=(7, 0)), lease_seconds=LEASE_SECONDS, clock=clock)
    make(made)
    return made


def waits(ledger: Ledger) -> Wait | None:
    return waits_for(job(ledger), ledger.now())


def test_a_job_that_no_worker_has_taken_waits_for_a_control_worker(ledger: Ledger) -> None:
    assert waits(ledger) == Wait("worker", "a free control worker")


def test_a_job_that_is_worked_on_waits_for_nothing_until_its_worker_is_lost(ledger: Ledger, clock: Clock) -> None:
    ledger.take("j", "queued")
    assert waits(ledger) is None
    clock.now += LEASE_SECONDS + 1
    assert waits(ledger) == Wait("worker", "a free control worker")


def test_a_report_in_preparation_waits_for_its_next_poll(ledger: Ledger, clock: Clock) -> None:
    ledger.move(held(ledger.take("j", "queued")), "pending", poll=1, poll_at="@15", poll_every=15)
    wait = waits(ledger)
    assert wait
    assert (wait.on, wait.until) == ("vendor", clock.now + 15)
    assert wait.describe(clock.now + 5) == "the vendor is preparing the report, next poll (10 s to go)"
    clock.now += 60
    assert waits(ledger) == Wait("worker", "a free control worker")


@pytest.mark.parametrize("on", ["quota", "pause", "retry"])
def test_work_given_back_says_why_and_until_when(ledger: Ledger, clock: Clock, on: Any) -> None:
    ledger.give_back(
        held(ledger.take("j", "queued")), "the vendor said so", due_seconds=30, is_attempt=False, waits_on=on
    )
    assert waits(ledger) == Wait(on, "the vendor said so", clock.now + 30)


def test_a_full_sink_is_reported_with_its_figures_until_a_row_is_kept(ledger: Ledger, clock: Clock) -> None:
    page = first_page(ledger, 2)
    assert waits(ledger) is None
    ledger.note_wait(page, "sink", "stream full: 10 entries; consumers must trim it below 10")
    ledger.renew(page)
    assert waits(ledger) == Wait("sink", "stream full: 10 entries; consumers must trim it below 10")
    ledger.renew(page, Checkpoint(1))
    assert waits(ledger) is None


def test_a_full_sink_is_no_longer_reported_after_the_worker_that_waited_is_lost(ledger: Ledger, clock: Clock) -> None:
    page = first_page(ledger, 2)
    ledger.note_wait(page, "sink", "stream full: 10 entries; consumers must trim it below 10")
    clock.now += LEASE_SECONDS + 1
    assert waits(ledger) == Wait("worker", "a free stream worker")


def test_an_old_holder_says_nothing_of_a_page_that_is_another_s(ledger: Ledger, clock: Clock) -> None:
    old = first_page(ledger, 2)
    clock.now += LEASE_SECONDS + 1
    ledger.take_page("j", 1)
    ledger.note_wait(old, "sink", "stream full")
    assert waits(ledger) is None


def test_a_job_that_is_over_waits_for_nothing(ledger: Ledger) -> None:
    ledger.decide("j", "cancelled", "cancelled")
    ledger.end("j", "cancelled", error="cancelled", receipt={})
    assert waits(ledger) is None
