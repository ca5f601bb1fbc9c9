"""A step whose sink is full: it gives its page back, or waits for as long as the sink takes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

import pytest
from celery.exceptions import OperationalError, Reject
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import OutOfMemoryError
from structlog.testing import capture_logs

from tasks.step import CANNOT_SERVE, MOST_ATTEMPTS
from tests.fake_vendor import Answer
from tests.prepared import Start, done, failed
from tests.prepared import start as start
from worker.celery import app
from worker.errors import SinkFull
from worker.ledger import Ledger
from worker.model import Json
from worker.publish.batch import Batch
from worker.sinks.redis_stream import RedisStreamSink

READ: Json = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"]}}
BY_OFFSET: Json = {**READ, "paging": {"kind": "offset", "limit": 3_500}}
# More than one batch.
ROWS: list[Json] = [{"id": number} for number in range(3_500)]


@pytest.fixture
def refuse_each_batch(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the sink refuse each batch as many times as is said. A step waits for 5 s, of which each look takes one."""

    def refuse() -> None:
        raise SinkFull("the stream is full")

    def begin(times: int) -> None:
        def prepare(sink: RedisStreamSink, generation: int, page: int, batch: Batch) -> Callable[[], Any]:
            begin_commit = prepare_commit(sink, generation, page, batch)
            refused[batch.after.rows] += 1
            return (lambda: refuse) if refused[batch.after.rows] <= times else begin_commit

        refused, prepare_commit = Counter[int](), RedisStreamSink.prepare_commit
        monkeypatch.setattr(RedisStreamSink, "prepare_commit", prepare)

    clock = count(1_800_000_000.0)
    monkeypatch.setattr("tasks.heartbeat.Heartbeat.now", lambda _: next(clock))
    monkeypatch.setenv("MILLRACE_HOLD_SECONDS", "5")
    monkeypatch.setattr("tasks.backpressure.LOOK_SECONDS", 0)
    return begin


def test_only_the_time_in_which_the_sink_takes_nothing_counts(
    start: Start, refuse_each_batch: Callable[[int], None]
) -> None:
    refuse_each_batch(1)
    made = start(lambda request: Answer({"rows": ROWS}), read=READ, submit=None, poll=None)
    done(made, ROWS)
    assert len(made.asked) == 1


def test_a_sink_that_stays_full_fails_the_job(start: Start, refuse_each_batch: Callable[[int], None]) -> None:
    refuse_each_batch(1_000)
    failed(start(lambda request: Answer({"rows": ROWS}), read=READ, submit=None, poll=None), "the stream is full")


def test_a_worker_that_stops_does_not_wait_for_room(
    start: Start, refuse_each_batch: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_each_batch(1_000)
    made = start(lambda request: Answer({"rows": ROWS}), read=READ, submit=None, poll=None)
    made.run(until=lambda job: job.state == "streaming")
    monkeypatch.setattr("tasks.heartbeat.is_stopping", lambda: made.job.waits_on == "sink")
    made.step(made.job)
    assert (made.job.state, made.job.attempts, made.job.waits_on) == ("streaming", 0, "worker")


def test_a_page_that_can_be_requested_again_is_given_back(
    start: Start, refuse_each_batch: Callable[[int], None]
) -> None:
    refuse_each_batch(20)
    made = start(lambda request: Answer({"rows": ROWS}), read=BY_OFFSET, submit=None, poll=None)
    made.run(until=lambda job: job.rows)
    assert (made.job.attempts, made.job.waits_on) == (0, "sink")
    assert made.times("GET /rows") == [5 * number for number in range(21)]


@pytest.mark.parametrize(
    "error", [OutOfMemoryError("used memory > 'maxmemory'"), RedisAway("max number of clients reached")], ids=str
)
def test_a_redis_that_cannot_serve_costs_a_step_no_attempt(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise error

    made = start(lambda request: Answer({"rows": ROWS}), read=READ, submit=None, poll=None)
    made.run(until=lambda job: job.state == "streaming")
    with monkeypatch.context() as full:
        full.setattr(Ledger, "close_page", refuse)
        for _ in range(MOST_ATTEMPTS + 1):
            made.step(made.job)
    assert (made.job.state, made.job.waits_on, made.job.waits_said) == ("streaming", "redis", CANNOT_SERVE)
    done(made, ROWS)


@pytest.mark.parametrize("state", ["pending", "streaming"])
def test_a_broker_that_takes_no_message_is_one_line_and_the_next_attempt_is_kept(
    start: Start, refuse_each_batch: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise Reject(OperationalError("full"), requeue=False)

    refuse_each_batch(1)
    nothing_to_prepare: Json = {"submit": None, "poll": None, "read": BY_OFFSET}
    made = start(
        lambda request: Answer({"id": "1", "status": "waiting", "rows": ROWS}),
        **(nothing_to_prepare if state == "streaming" else {}),
    )
    made.run(until=lambda job: job.state == state)
    monkeypatch.setattr(app.Task, "retry", refuse)
    with capture_logs() as lines:
        made.step(made.job)
    assert [line["event"] for line in lines if line["log_level"] != "info"] == ["nudge.lost"]
    assert (made.job.state, made.job.attempts) == (state, 0)
