"""The ledger gives each step to one worker at a time and finds unfinished work again, on a real Redis."""

from __future__ import annotations

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from tests.ledgers import Clock, close, first_page, held, job, make, streaming
from tests.ledgers import clock as clock
from tests.ledgers import ledger as ledger
from tests.redis_server import RedisServer
from worker import keys
from worker.ledger import Ledger
from worker.model import Checkpoint


def test_a_job_is_made_queued_with_its_deadlines(ledger: Ledger, clock: Clock) -> None:
    assert make(ledger) == ("j", False)
    found = job(ledger)
    assert (found.state, found.generation) == ("queued", 1)
    assert (found.ready_by, found.finish_by) == (clock.now + 7200, clock.now + 86400)


def test_what_is_kept_beside_a_job_is_no_job(ledger: Ledger) -> None:
    first_page(ledger)
    assert ledger.redis.exists(keys.pages("j"))
    assert ledger.job("j:pages") is None


def test_the_same_report_requested_twice_is_one_job_and_both_callers_get_their_webhook(ledger: Ledger) -> None:
    make(ledger, "j", webhooks=("https://a",))
    assert make(ledger, "k", webhooks=("https://b", "https://a")) == ("j", True)
    assert (ledger.job("k"), job(ledger).webhooks) == (None, ("https://a", "https://b"))
    assert make(ledger, "of its own", may_join=False) == ("of its own", False)
    ledger.decide("j", "cancelled", "cancelled")
    ledger.end("j", "cancelled", error="cancelled", receipt={})
    assert make(ledger, "k") == ("k", False)


def test_only_one_worker_holds_a_step_and_only_the_step_that_is_due(ledger: Ledger) -> None:
    make(ledger)
    assert ledger.take("j", "pending", poll=1) == "the job is queued"
    held(ledger.take("j", "queued"))
    assert ledger.take("j", "queued") == "another worker has it"


def test_a_lost_worker_counts_as_an_attempt_and_its_writes_are_refused(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    zombie = held(ledger.take("j", "queued"))
    clock.now += 21
    second = held(ledger.take("j", "queued"))
    assert (second.attempts, second.reason) == (1, "the worker was lost")
    assert not ledger.move(zombie, "pending")
    assert not ledger.renew(zombie)
    assert ledger.give_back(zombie, "late", due_seconds=0, is_attempt=True) is None
    assert ledger.move(second, "pending", poll=1, poll_at="@15")


def test_a_note_needs_a_lease_that_still_runs(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    mine = held(ledger.take("j", "queued"))
    assert ledger.note(mine, submitting_at="@0")
    clock.now += 21
    assert not ledger.note(mine, submitting_at="@0")


def test_a_lease_is_kept_and_given_back_while_redis_is_full(own_redis: RedisServer, clock: Clock) -> None:
    with own_redis.client() as client:
        ledger = Ledger(client, lease_seconds=20, clock=clock)
        page = first_page(ledger)
        client.config_set("maxmemory", 1)
        with pytest.raises(OutOfMemoryError):
            make(ledger, "k", may_join=False)
        assert ledger.renew(page, Checkpoint(1))
        ledger.note_wait(page, "sink", "it is full")
        assert job(ledger).waits_on == "sink"
        assert ledger.give_back(page, "Redis is full", due_seconds=0, is_attempt=False) == 0


def test_giving_back_is_not_an_attempt_if_nothing_went_wrong(ledger: Ledger) -> None:
    make(ledger)
    assert ledger.give_back(held(ledger.take("j", "queued")), "quota", due_seconds=1, is_attempt=False) == 0
    assert ledger.give_back(held(ledger.take("j", "queued")), "500", due_seconds=1, is_attempt=True) == 1


def test_a_poll_with_an_old_number_or_too_early_ends(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    ledger.move(held(ledger.take("j", "queued")), "pending", poll=1, poll_at="@15")
    assert ledger.take("j", "pending", poll=0) == "poll 1 is due"
    # It is due in 15 s and may come 2 s early, as nudges are not exact.
    clock.now += 12
    assert ledger.take("j", "pending", poll=1) == "too early"
    clock.now += 1.5
    held(ledger.take("j", "pending", poll=1))


def test_progress_resets_attempts(ledger: Ledger) -> None:
    streaming(ledger, 1)
    ledger.give_back(held(ledger.take_page("j", 1)), "cut", due_seconds=0, is_attempt=True)
    again = held(ledger.take_page("j", 1))
    assert again.attempts == 1
    assert ledger.renew(again, Checkpoint(1000, dead_rows=1, bytes=5000))
    ledger.give_back(again, "cut", due_seconds=0, is_attempt=True)
    assert held(ledger.take_page("j", 1)).attempts == 1
    found = job(ledger)
    assert (found.rows, found.dead_rows, found.bytes) == (1000, 1, 5000)


def test_a_new_generation_begins_once_and_forgets_every_page(ledger: Ledger) -> None:
    zombie = first_page(ledger, 3)
    found = job(ledger)
    assert ledger.restart(found) == 2
    assert ledger.restart(found) == 2
    assert not ledger.renew(zombie)
    ready = held(ledger.take("j", "ready"))
    assert (ready.job.generation, ready.job.restarts) == (2, 1)


@pytest.mark.parametrize(("ask_anew", "state"), [(False, "ready"), (True, "queued")])
def test_a_new_generation_keeps_the_vendors_report_unless_it_is_asked_for_anew(
    ledger: Ledger, ask_anew: bool, state: str
) -> None:
    of_report = ("vendor_report_id", "submitting_at", "expires_at", "ready_total")
    make(ledger)
    ledger.move(held(ledger.take("j", "queued")), "ready", **dict.fromkeys(of_report, 5))
    ledger.plan(held(ledger.take("j", "ready")), 1, at_once=1)
    assert close(ledger, 1, has_end=False)[0] == "streamed"
    lease = held(ledger.take("j", "streamed"))
    assert lease.job.is_unproven
    assert ledger.restart(lease.job, ask_anew=ask_anew) == 2
    again = held(ledger.take("j", state)).job
    assert (again.asked_anew, again.is_unproven) == (int(ask_anew), 0)
    assert {getattr(again, field) is None for field in of_report} == {ask_anew}


def test_the_sweep_finds_a_new_generation_whose_nudge_was_lost(ledger: Ledger, clock: Clock) -> None:
    assert ledger.restart(first_page(ledger).job) == 2
    clock.now += 21
    assert ledger.overdue() == [("j", None, "ready", 0)]


def test_a_job_with_a_verdict_begins_no_generation(ledger: Ledger) -> None:
    page = first_page(ledger)
    ledger.decide("j", "cancelled", "cancelled")
    assert ledger.restart(page.job) == 0
    assert (job(ledger).generation, job(ledger).verdict) == (1, "cancelled")


def test_a_verdict_stops_every_step_and_is_settled_by_finalize(ledger: Ledger) -> None:
    page = first_page(ledger, 2)
    assert ledger.decide("j", "cancelled", "cancelled") == ("decided", "")
    assert ledger.decide("j", "failed", "too late")[0] == "decided"
    assert not ledger.renew(page)
    assert ledger.take_page("j", 2) == "the job is being ended"
    final = held(ledger.take("j", "streamed", "verdict"))
    assert (final.job.verdict, final.job.error) == ("cancelled", "cancelled")


def test_a_job_that_moves_begins_its_next_step_afresh_and_the_sweep_finds_it(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    assert ledger.give_back(held(ledger.take("j", "queued")), "500", due_seconds=30, is_attempt=True) == 1
    clock.now += 30 + 19
    assert ledger.overdue() == []
    clock.now += 2
    assert ledger.overdue() == [("j", None, "queued", 0)]
    again = held(ledger.take("j", "queued"))
    assert (again.attempts, again.reason) == (1, "500")
    ledger.move(again, "ready")
    assert ledger.overdue() == []
    clock.now += 21
    assert ledger.overdue() == [("j", None, "ready", 0)]
    ready = held(ledger.take("j", "ready"))
    assert (ready.attempts, ready.reason) == (0, "")


def test_a_job_that_ends_before_its_report_is_requested_is_not_found_again(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    ledger.end("j", "failed", error="refused", receipt={})
    clock.now += 1000
    assert ledger.overdue() == []


def test_a_job_ends_only_once(ledger: Ledger, clock: Clock) -> None:
    streaming(ledger, 2)
    assert ledger.end("j", "done", error=None, receipt={"rows": 1}) == "done"
    assert ledger.end("j", "failed", error="late", receipt={}) == "done"
    assert ledger.decide("j", "cancelled", "cancelled") == ("ended", "done")
    clock.now += 1000
    assert ledger.overdue() == []


@pytest.mark.parametrize(
    ("is_cause", "state", "report"),
    [(False, "pending", "xid"), (True, "queued", None)],
    ids=["keeps the vendor's report", "asks again if that was the cause"],
)
def test_a_retry_opens_the_next_generation_with_all_its_patience(
    ledger: Ledger, clock: Clock, is_cause: bool, state: str, report: str | None
) -> None:
    make(ledger)
    used_up: dict[str, str | float] = {"missing_since": 5, "asked_anew": 1}
    lease = held(ledger.take("j", "queued"))
    ledger.move(lease, "pending", poll=1, poll_at="@15", vendor_report_id="xid", **used_up)
    ledger.decide("j", "failed", "x", report_is_cause=is_cause)
    assert job(ledger).vendor_report_id == "xid", "it belongs into the receipt"
    ledger.end("j", "failed", error="x", receipt={})
    assert ledger.retry("j") == (state, "2")
    again = job(ledger)
    assert (again.state, again.generation, again.vendor_report_id) == (state, 2, report)
    assert (again.error, again.receipt, again.missing_since, again.asked_anew) == (None, None, None, 0)
    clock.now += 21
    assert ledger.overdue() == [("j", None, state, 2)]


def test_a_running_job_is_not_retried(ledger: Ledger) -> None:
    make(ledger)
    assert ledger.retry("j") == (None, "queued")


def test_rows_that_a_killed_worker_did_not_report_are_counted_once(ledger: Ledger, clock: Clock) -> None:
    first = first_page(ledger)
    for _ in range(2):  # the answer to the first was lost
        ledger.renew(first, Checkpoint(1000, dead_rows=1, bytes=9000))
    clock.now += 21
    second = held(ledger.take_page("j", 1))
    assert (second.on_record.rows, second.on_record.dead_rows, second.on_record.bytes) == (1000, 1, 9000)
    assert second.attempts == 1
    # The sink turns out to hold 1,500 rows: the holder that died kept 500 more than it reported.
    ledger.renew(second, Checkpoint(1500, dead_rows=1, bytes=13_500))
    clock.now += 21
    assert held(ledger.take_page("j", 1)).attempts == 1
    found = job(ledger)
    assert (found.rows, found.dead_rows, found.bytes) == (1500, 1, 13_500)


def test_the_sweep_finds_lost_nudges_and_dead_workers_and_doubles_its_patience(ledger: Ledger, clock: Clock) -> None:
    streaming(ledger, 2)
    assert ledger.overdue() == []
    clock.now += 21
    assert ledger.overdue() == [("j", 1, "streaming", 0), ("j", 2, "streaming", 0)]
    assert ledger.overdue() == []
    # With each time it is found, its patience doubles: now it is 40 s.
    clock.now += 39
    assert ledger.overdue() == []
    clock.now += 2
    assert len(ledger.overdue()) == 2
    held(ledger.take_page("j", 1))
    clock.now += 21
    # Its holder may be late by an eighth of the lease.
    assert ledger.overdue() == []
    clock.now += 2
    assert ("j", 1, "streaming", 0) in ledger.overdue()


def test_the_sweep_leaves_work_alone_while_its_worker_renews_the_lease(ledger: Ledger, clock: Clock) -> None:
    page = first_page(ledger)
    for _ in range(5):
        clock.now += 15
        assert ledger.renew(page)
        assert ledger.overdue() == []


def test_the_sweeps_patience_ends_at_five_minutes(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    waits = []
    clock.now += 21
    for _ in range(8):
        before = clock.now
        while not ledger.overdue():
            clock.now += 1
        waits.append(clock.now - before)
    assert waits[:4] == [0, 40, 80, 160]
    assert max(waits) == 300


def test_finished_jobs_leave_redis_and_the_lists_after_their_time(redis: Redis, ledger: Ledger, clock: Clock) -> None:
    first_page(ledger)
    ledger.end("j", "done", error=None, receipt={})
    assert min(redis.ttl(keys.job("j")), redis.ttl(keys.pages("j"))) > 29 * 86_400
    assert [job.id for job in ledger.jobs(state="done")] == ["j"]
    ledger.forget_finished(clock.now + 29 * 86_400)
    assert ledger.count_by_state()["done"] == len([*ledger.jobs()]) == 1
    ledger.forget_finished(clock.now + 31 * 86_400)
    assert ledger.count_by_state()["done"] == 0
    assert list(ledger.jobs()) == []


@pytest.mark.parametrize("seconds", [3700, -3700], ids=["forward", "back"])
def test_a_clock_that_is_set_costs_a_lease_and_nothing_else(ledger: Ledger, clock: Clock, seconds: float) -> None:
    zombie = first_page(ledger)
    clock.now += seconds
    second = held(ledger.take_page("j", 1))
    assert not ledger.renew(zombie)
    assert ledger.renew(second)


def test_a_clock_set_back_hides_no_work_from_the_sweep(ledger: Ledger, clock: Clock) -> None:
    streaming(ledger, 1)
    assert ledger.overdue() == []
    clock.now -= 3700
    assert ledger.overdue() == []
    clock.now += 21
    assert ledger.overdue() == [("j", 1, "streaming", 0)]


def test_a_clock_set_back_delays_no_poll_by_more_than_its_own_wait(ledger: Ledger, clock: Clock) -> None:
    make(ledger)
    ledger.move(held(ledger.take("j", "queued")), "pending", poll=1, poll_at="@15", poll_every=15)
    assert ledger.take("j", "pending", poll=1) == "too early"
    clock.now -= 3700
    held(ledger.take("j", "pending", poll=1))


def test_a_heartbeat_after_a_clock_was_set_back_keeps_its_lease(ledger: Ledger, clock: Clock) -> None:
    mine = first_page(ledger)
    clock.now -= 3700
    assert ledger.renew(mine)
    assert ledger.take_page("j", 1) == "another worker has it"
