"""Ledger and sink agree on how a job ends, wherever whoever carried it out was killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from config.settings import Settings
from worker.assembly import Assembly
from worker.batches import sections
from worker.model import Checkpoint, Finished, Held, Job
from worker.orders import Order, place
from worker.settle import cancel, fail, finish, settle, start_over
from worker.sinks.audit_stream import audit

PARAMS = {
    "fields": ["campaign_id"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "all",
    "time_window": "yesterday",
}
ROWS = [b'{"campaign_id":%d}' % number for number in range(10)]


@pytest.fixture
def parts(redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Assembly:
    monkeypatch.setenv("MEDIAMATH_TOKEN", "not-a-secret")
    return Assembly(Settings(data_dir=tmp_path), redis)


@pytest.fixture
def streamed(parts: Assembly) -> Job:
    """A job whose one page is published and closed, everywhere."""
    job_id, _ = place(parts, Order("mediamath.performance", PARAMS, "stream:rows"))
    ledger = parts.ledger
    ledger.move(held(ledger.take(job_id, "queued")), "ready")
    job = known(parts, job_id)
    sink = parts.sink(job)
    sink.open(1)
    ledger.plan(held(ledger.take(job_id, "ready")), 1, at_once=1)
    (section,) = sections([ROWS], "ijson")
    sink.commit(1, 1, Checkpoint(), section.batch())
    sink.close(1, 1, section.after)
    ledger.close_page(held(ledger.take_page(job_id, 1)), planned=1, link=None, total=10, at_once=1)
    return known(parts, job_id)


def held(answer: Held | str) -> Held:
    assert isinstance(answer, Held), answer
    return answer


def known(parts: Assembly, job_id: str) -> Job:
    job = parts.ledger.job(job_id)
    assert job
    return job


def test_a_worker_killed_between_the_sinks_end_and_the_ledgers_changes_nothing(parts: Assembly, streamed: Job) -> None:
    first = parts.sink(streamed).finish(1, 1, {"rows": 10, "finished_at": "first"})
    assert isinstance(first, Finished)
    assert known(parts, streamed.id).state == "streamed"
    again = finish(parts, streamed, {"rows": 10, "finished_at": "second"})
    assert isinstance(again, Finished)
    job = known(parts, streamed.id)
    assert job.state == "done"
    assert job.receipt is not None
    assert job.receipt["finished_at"] == "first"
    assert audit(parts.redis, "rows", streamed.id).ends == 1


def test_an_end_that_was_first_makes_a_cancelled_job_done(parts: Assembly, streamed: Job) -> None:
    parts.sink(streamed).finish(1, 1, {"rows": 10})
    assert cancel(parts, streamed.id) == "done"
    found = audit(parts.redis, "rows", streamed.id)
    assert (found.ends, found.voided) == (1, {})


def test_a_void_that_was_first_lets_no_end_be_written(parts: Assembly, streamed: Job) -> None:
    assert cancel(parts, streamed.id) == "cancelled"
    assert not isinstance(finish(parts, streamed, {"rows": 10}), Finished)
    assert known(parts, streamed.id).state == "cancelled"
    found = audit(parts.redis, "rows", streamed.id)
    assert (found.ends, found.voided) == (0, {1: "cancelled"})


def test_a_verdict_nobody_carried_out_is_carried_out_by_whoever_comes_next(parts: Assembly, streamed: Job) -> None:
    parts.ledger.decide(streamed.id, "failed", "why")
    assert parts.ledger.overdue()[0][2] == "verdict"
    assert settle(parts, known(parts, streamed.id)) == "failed"
    assert settle(parts, known(parts, streamed.id)) == "failed"
    assert audit(parts.redis, "rows", streamed.id).voided == {1: "failed"}


def test_a_restart_killed_after_the_sink_moved_on_is_finished_by_the_next(parts: Assembly, streamed: Job) -> None:
    parts.sink(streamed).void(1, "replay", 2)
    assert start_over(parts, streamed, "the reading differs") == 2
    job = known(parts, streamed.id)
    assert (job.state, job.generation) == ("ready", 2)
    assert audit(parts.redis, "rows", streamed.id).voided == {1: "replay"}


def test_a_job_failed_while_a_restart_was_half_done_is_voided_under_the_new_generation(
    parts: Assembly, streamed: Job
) -> None:
    parts.sink(streamed).void(1, "replay", 2)
    assert fail(parts, streamed.id, "why") == "failed"
    assert parts.sink(streamed).checkpoint(2, 1) != Checkpoint()
    assert audit(parts.redis, "rows", streamed.id).ends == 0


def test_a_job_that_never_opened_its_sink_is_cancelled_without_a_word_to_consumers(
    parts: Assembly, redis: Redis
) -> None:
    job_id, _ = place(parts, Order("mediamath.performance", PARAMS, "stream:rows"))
    assert cancel(parts, job_id) == "cancelled"
    assert redis.exists("rows") == 0
