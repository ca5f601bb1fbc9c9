"""Redis is restarted, goes away and fills up under busy workers. Also what a newer Celery must pass to come in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import RedisServer, Stack, running_stack, until
from tests.requests import KARGO as KARGO_PARAMS
from worker.broker import PREFIX

MEDIAMATH, KARGO = "mediamath.performance", "kargo.campaign-performance-metrics"
SLOW = {"kind": "throttle", "args": {"bytes_per_second": 3_000_000}, "match": {"role": "stream"}}


@pytest.fixture
def fragile(own_redis: RedisServer, tmp_path: Path) -> Iterator[Stack]:
    """A stack on a Redis server the test may hurt."""
    with running_stack(tmp_path / "stack", own_redis.url) as stack:
        yield stack


def assert_whole(stack: Stack, stream: str, job: str, rows: int) -> None:
    receipt = stack.receipt(job)
    assert (receipt["state"], receipt["error"]) == ("done", None)
    found = stack.audit(stream, job)
    assert found.is_whole, found
    assert found.rows == rows


def test_redis_restarted_under_a_busy_worker_loses_and_doubles_nothing_and_ends_no_worker(
    fragile: Stack, own_redis: RedisServer
) -> None:
    fragile.vendors_are(rows=60_000, polls_until_ready=4)
    fragile.dial(SLOW)
    waiting = fragile.ask(KARGO, "stream:waiting")
    busy = fragile.ask(MEDIAMATH, "stream:busy")
    fragile.wait_for(busy, lambda job: job.rows > 3000, "rows")
    before = {name: fragile.workers.pid(name) for name in ("control", "stream")}
    own_redis.kill()
    own_redis.start()
    assert_whole(fragile, "busy", busy, 60_000)
    assert_whole(fragile, "waiting", waiting, 60_000)
    assert {name: fragile.workers.pid(name) for name in before} == before


def test_work_goes_on_when_redis_returns_after_a_while(fragile: Stack, own_redis: RedisServer) -> None:
    fragile.vendors_are(rows=40_000)
    fragile.dial(SLOW)
    job = fragile.ask(MEDIAMATH, "stream:away")
    fragile.wait_for(job, lambda job: job.rows > 3000, "rows")
    own_redis.kill()
    time.sleep(6)  # long enough for every lease to run out while nobody can renew it
    own_redis.start()
    assert_whole(fragile, "away", job, 40_000)


def test_a_full_redis_makes_the_job_wait_and_go_on_when_there_is_room(fragile: Stack) -> None:
    fragile.receipt(fragile.ask(MEDIAMATH, "stream:warm"))  # every worker is connected from here on
    fragile.vendors_are(rows=60_000)
    used = fragile.redis.info("memory")["used_memory"]
    fragile.redis.config_set("maxmemory", int((used + 3_000_000) / 0.8))
    job = fragile.ask(MEDIAMATH, "stream:full")
    fragile.wait_for(job, lambda job: job.rows > 3000, "rows")
    until(lambda: "sink.full" in fragile.logs(), "a full sink")
    assert fragile.job(job).state == "streaming"
    fragile.redis.config_set("maxmemory", 0)
    assert_whole(fragile, "full", job, 60_000)


def test_a_broker_that_lost_its_messages_stops_no_job(fragile: Stack) -> None:
    fragile.vendors_are(rows=30_000, polls_until_ready=3)
    jobs = {f"wiped-{number}": fragile.ask(KARGO, f"stream:wiped-{number}") for number in range(3)}
    until(lambda: all(fragile.job(job).state != "queued" for job in jobs.values()), "polls on their way")
    queues = ("control", "stream", "sweep", "unacked", "unacked_index")
    assert fragile.redis.delete(*[f"{PREFIX}{name}" for name in queues])
    for stream, job in jobs.items():
        assert_whole(fragile, stream, job, 30_000)


def test_a_stream_longer_than_the_visibility_timeout_is_published_once(fragile: Stack) -> None:
    fragile.vendors_are(rows=30_000)
    fragile.dial(SLOW)
    job = fragile.ask(MEDIAMATH, "stream:visible")
    for _ in range(3):
        fragile.wait_for(job, lambda job: job.rows > 2000 or job.state == "done", "rows")
        # What the broker does when the timeout runs out: the same message once more.
        fragile.nudge("report.stream", job, 1)
    assert_whole(fragile, "visible", job, 30_000)


def test_parameters_never_stand_in_a_message(fragile: Stack) -> None:
    def consumers() -> int:
        return int(fragile.redis.info("clients")["blocked_clients"])

    until(lambda: consumers() >= 2, "both workers waiting for messages")
    fragile.workers.kill("control")
    # Until the server has seen it go, the dead worker may still be handed a message.
    until(lambda: consumers() == 1, "the worker's end")
    fragile.ask(KARGO, "stream:quiet", params={**KARGO_PARAMS, "dimensions": ["publisher_name"]})
    (message,) = fragile.redis.lrange(f"{PREFIX}control", 0, -1)
    assert b"publisher_name" not in message
    assert b"not-a-secret" not in message
