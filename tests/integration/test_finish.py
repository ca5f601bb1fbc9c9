"""Ledger and sink agree on how a job ends, even if the worker that ends it is killed at any point."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from redis import Redis

from config.settings import Settings
from tests.batches import read_batches
from tests.fake_vendor import ROWS as ROWS_OF_VENDOR
from tests.fake_vendor import Answer
from tests.in_process import world
from tests.ledgers import held, job
from tests.source_files import source
from worker import keys
from worker.errors import LeaseLost, RecordClosed, RetryLater
from worker.jobs.create import JobRequest, create_job
from worker.jobs.finish import cancel, end_job, fail, finish, open_generation, start_over
from worker.jobs.waiting import waits_for
from worker.metrics import read_counters
from worker.model import Job, OpenPages, Rows
from worker.services import Services
from worker.sinks.audit import audit
from worker.sinks.redis_stream import RedisStreamSink

PARAMS = {
    "fields": ["campaign_id"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "all",
    "time_window": "yesterday",
}
ROWS = [b'{"campaign_id":%d}' % number for number in range(10)]


@pytest.fixture
def services(redis: Redis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Services:
    monkeypatch.setenv("MEDIAMATH_TOKEN", "not-a-secret")
    return Services(Settings(data_dir=tmp_path), redis)


@pytest.fixture
def streamed(services: Services) -> Job:
    """A job whose one page is published and closed, everywhere."""
    job_id, _ = create_job(services, JobRequest("mediamath.performance", PARAMS, "stream:rows"))
    ledger = services.ledger
    ledger.move(held(ledger.take(job_id, "queued")), "ready")
    made = job(services.ledger, job_id)
    ledger.plan(held(ledger.take(job_id, "ready")), 1, at_once=1)
    (batch,) = read_batches([Rows.of(ROWS)])
    with services.sink(made) as sink:
        sink.open(1)
        sink.commit(1, 1, batch)
        sink.close(1, 1, batch.after)
    page = held(ledger.take_page(job_id, 1))
    ledger.close_page(page, batch.after, planned=1, link=None, total=10, last_count=10, at_once=1)
    return job(services.ledger, job_id)


def test_a_worker_killed_between_the_sinks_end_and_the_ledgers_changes_nothing(
    services: Services, streamed: Job
) -> None:
    with services.sink(streamed) as sink:
        sink.finish(1, 1, {"rows": 10, "finished_at": "first"})
    assert job(services.ledger, streamed.id).state == "streamed"
    again = finish(services, streamed, {"rows": 10, "finished_at": "second"})
    assert isinstance(again, dict)
    ended = job(services.ledger, streamed.id)
    assert ended.state == "done"
    assert ended.receipt
    assert ended.receipt["finished_at"] == "first"
    assert audit(services.redis, "rows", streamed.id).ends == 1


def test_an_end_that_was_first_makes_a_cancelled_job_done(services: Services, streamed: Job) -> None:
    with services.sink(streamed) as sink:
        sink.finish(1, 1, {"rows": 10})
    with pytest.raises(LeaseLost, match="ended"):
        start_over(services, streamed, "the reading differs")
    assert cancel(services, streamed.id) == "done"
    found = audit(services.redis, "rows", streamed.id)
    assert (found.ends, found.voided) == (1, {})


def test_a_void_that_was_first_lets_no_end_be_written(services: Services, streamed: Job) -> None:
    assert cancel(services, streamed.id) == "cancelled"
    with pytest.raises(RecordClosed, match="void"):
        finish(services, streamed, {"rows": 10})
    with pytest.raises(LeaseLost, match="void"):
        start_over(services, streamed, "the reading differs")
    assert job(services.ledger, streamed.id).state == "cancelled"
    found = audit(services.redis, "rows", streamed.id)
    assert (found.ends, found.voided) == (0, {1: "cancelled"})


def test_a_verdict_of_a_dead_worker_is_carried_out_by_the_next_one(services: Services, streamed: Job) -> None:
    services.ledger.decide(streamed.id, "failed", "why")
    # At once, because the worker that decided may have died before carrying it out.
    assert services.ledger.overdue()[0][2] == "verdict"
    assert end_job(services, job(services.ledger, streamed.id)) == "failed"
    assert end_job(services, job(services.ledger, streamed.id)) == "failed"
    assert audit(services.redis, "rows", streamed.id).voided == {1: "failed"}


def test_a_restart_killed_after_the_sink_moved_on_is_finished_by_the_next(services: Services, streamed: Job) -> None:
    with services.sink(streamed) as sink:
        sink.void(1, "replay", 2)
    assert start_over(services, streamed, "the reading differs") == 2
    again = job(services.ledger, streamed.id)
    assert (again.state, again.generation) == ("ready", 2)
    assert audit(services.redis, "rows", streamed.id).voided == {1: "replay"}


def test_a_third_reading_that_differs_fails_the_job(services: Services, streamed: Job) -> None:
    assert start_over(services, replace(streamed, restarts=1), "it differs") == 2
    assert start_over(services, replace(job(services.ledger, streamed.id), restarts=2), "it differs again") is None
    ended = job(services.ledger, streamed.id)
    reason = "the report keeps changing: 3 readings differ; the last: it differs again"
    assert (ended.state, ended.error) == ("failed", reason)


def test_a_job_failed_while_a_restart_was_half_done_is_voided_under_the_new_generation(
    services: Services, streamed: Job
) -> None:
    with services.sink(streamed) as sink:
        sink.void(1, "replay", 2)
    assert fail(services, streamed.id, "why") == "failed"
    with services.sink(streamed) as sink, pytest.raises(RecordClosed, match="void"):
        sink.checkpoint(2, 1)
    assert audit(services.redis, "rows", streamed.id).ends == 0


def test_a_job_that_never_opened_its_sink_is_cancelled_without_a_void(services: Services, redis: Redis) -> None:
    job_id, _ = create_job(services, JobRequest("mediamath.performance", PARAMS, "stream:rows"))
    assert cancel(services, job_id) == "cancelled"
    assert redis.exists("rows") == 0


def test_a_report_requested_twice_while_it_runs_is_one_job(services: Services) -> None:
    request = JobRequest("mediamath.performance", PARAMS, "stream:rows")
    first, joined = create_job(services, request)
    assert not joined
    assert create_job(services, request) == (first, True)
    others = [replace(request, sink="stream:other"), replace(request, params={**PARAMS, "rollup": "by_day"})]
    assert [create_job(services, other)[1] for other in others] == [False, False]
    cancel(services, first)
    again, joined = create_job(services, request)
    assert (again != first, joined) == (True, False)


def test_a_job_fails_even_if_its_sink_refuses_everything_and_a_retry_continues(
    services: Services, tmp_path: Path
) -> None:
    place, aside = tmp_path / "rows", tmp_path / "aside"
    job_id, _ = create_job(services, JobRequest("mediamath.performance", PARAMS, f"file:{place}"))
    services.ledger.move(held(services.ledger.take(job_id, "queued")), "ready")
    open_generation(services, job(services.ledger, job_id))
    place.rename(aside)
    place.write_text("no directory")
    assert fail(services, job_id, "why") == "failed"
    assert job(services.ledger, job_id).error == "why"
    place.unlink()
    aside.rename(place)
    services.ledger.retry(job_id)
    again = job(services.ledger, job_id)
    assert again.generation == 2
    open_generation(services, again)
    with services.sink(again) as sink:
        assert sink.checkpoint(2, 1).rows == 0


def test_a_sink_that_is_away_is_waited_for_only_where_it_may_hold_rows(
    services: Services, streamed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(*arguments: object) -> None:
        raise RetryLater("away")

    monkeypatch.setattr(RedisStreamSink, "void", be_away)
    assert cancel(services, streamed.id) == "streamed"
    waiting, _ = create_job(services, JobRequest("mediamath.performance", PARAMS, "stream:other"))
    assert cancel(services, waiting) == "cancelled"
    monkeypatch.setattr(services.ledger, "now", lambda: streamed.finish_by + 1)
    assert end_job(services, job(services.ledger, streamed.id)) == "cancelled"


def test_a_cancelled_job_whose_sink_is_away_says_so_until_it_ends(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_away(*arguments: object) -> None:
        raise RetryLater("the sink is away")

    rows = Answer({"rows": ROWS_OF_VENDOR})
    with world(redis, tmp_path, source(), lambda request: rows, monkeypatch) as made:
        made.ask()
        made.run(until=lambda job: job.state == "streamed")
        with monkeypatch.context() as patch:
            patch.setattr(RedisStreamSink, "void", be_away)
            assert cancel(made.services, made.job_id) == "streamed"
            for _ in range(12):
                made.step(made.job)
            assert (made.job.waits_on, made.job.waits_said) == ("retry", "the sink is away")
        assert made.run()["state"] == "cancelled"
        # It would raise the alarm that workers are killed.
        assert not [name for name, *_ in read_counters(redis) if name == "millrace_leases_lost_total"]


def test_a_job_fails_by_a_worker_that_lacks_what_its_sink_needs(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, _ = create_job(services, JobRequest("mediamath.performance", PARAMS, "s3://rows/x?format=parquet"))
    monkeypatch.setattr("worker.sinks.address.find_spec", lambda name: None)
    assert fail(services, job_id, "obstore is missing") == "failed"
    assert (job(services.ledger, job_id).receipt or {})["sink"].startswith("s3://rows/x?format=parquet")


def test_a_job_with_a_sink_of_a_later_version_waits_for_a_worker_of_that_version(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Answer({"rows": ROWS_OF_VENDOR})
    with world(redis, tmp_path, source(), lambda request: rows, monkeypatch) as made:
        made.ask()
        key = keys.job(made.job_id)
        known = redis.hget(key, "sink")
        redis.hset(key, "sink", "stream:rows:v.r?later=1")
        for _ in range(12):
            made.step(made.job)
        assert (made.job.state, made.job.attempts, made.job.waits_on) == ("ready", 0, "worker")
        assert "the version of Millrace that made this job: its sink has to: option: 'later'" in made.job.waits_said
        redis.hset(key, "sink", known)
        assert made.run()["rows"] == 3


def test_an_end_that_cannot_be_completed_fails_the_job_and_a_retry_completes_it(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Answer({"rows": ROWS_OF_VENDOR})
    with world(redis, tmp_path, source(), lambda request: rows, monkeypatch) as made:
        made.ask(sink=f"file:{tmp_path}/rows")
        in_the_way = tmp_path / "rows/v/r/latest.json"
        in_the_way.mkdir(parents=True)
        for _ in range(2):
            assert made.run()["state"] == "failed"
            assert made.job.error == f"{in_the_way}: Is a directory"
            made.services.ledger.retry(made.job_id)
        in_the_way.rmdir()
        receipt = made.run()
        assert (receipt["state"], receipt["rows"]) == ("done", 3)
        assert in_the_way.is_file()


def test_a_job_ends_even_if_its_sink_record_was_changed(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Answer({"rows": ROWS_OF_VENDOR})
    with world(redis, tmp_path, source(), lambda request: rows, monkeypatch) as made:
        made.ask(sink=f"file:{tmp_path}/rows")
        made.run(until=lambda job: job.state == "streamed")
        (tmp_path / "rows/v/r" / made.job_id / ".sink/first.json").write_text("{}")
        receipt = made.run()
    assert receipt["state"] == "failed"
    assert receipt["error"] == made.job.error
    assert "given up after 10 attempts: KeyError: 'place'" in receipt["error"]
    assert "its rows could not be declared void" in receipt["error"]


def test_a_job_whose_pages_vanish_while_it_is_finished_reads_them_again(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Answer({"rows": ROWS_OF_VENDOR})
    with world(redis, tmp_path, source(), lambda request: rows, monkeypatch) as made:
        made.ask()
        made.run(until=lambda job: job.state == "streamed")
        with monkeypatch.context() as patch:
            patch.setattr("tasks.finalize.finish", lambda *_: OpenPages((1,)))
            made.step(made.job)
        assert (made.job.state, made.job.attempts) == ("streamed", 1)
        assert made.run()["state"] == "done"


def test_a_job_whose_source_is_of_a_later_version_waits_for_a_worker_of_that_version(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world(redis, tmp_path, source(), lambda request: Answer({"rows": []}), monkeypatch) as made:
        made.ask()
        digest = made.job.source_digest
        kept = made.services.ledger.source(digest) or b""
        made.services.ledger.keep_source(digest, orjson.dumps(orjson.loads(kept) | {"added_later": 1}))
        for _ in range(20):
            made.step(made.job)
        wait = waits_for(made.job, made.now)
        assert (made.job.attempts, wait and wait.on) == (0, "worker")
        assert "its source has added_later" in made.job.waits_said
        made.services.ledger.keep_source(digest, kept)
        assert made.run()["state"] == "done"
