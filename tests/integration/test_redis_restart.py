"""Busy workers survive a Redis that is restarted, goes away, refuses writes and fills up.

Also what a newer Celery must pass to come in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.harness import Stack, running_stack, until
from tests.redis_server import RedisServer, running_redis

MEDIAMATH, KARGO = "mediamath.performance", "kargo.campaign-performance-metrics"
LONGER_THAN_A_LEASE_SECONDS = 3.0
"""Leases of a stack last 2 s, and this is longer, so all of them run out."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server the tests here may hurt, and must mend."""
    with running_redis(tmp_path_factory.mktemp("hurt")) as started:
        yield started


@pytest.fixture(scope="module")
def hurt_stack(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack"), server.url) as stack:
        yield stack


@pytest.fixture
def fragile(hurt_stack: Stack) -> Iterator[Stack]:
    """The stack on that server. None of its processes may have ended when a test is over."""
    hurt_stack.vendors_as_usual()
    hurt_stack.workers.restart_dead()
    # Every worker is connected from here on.
    assert hurt_stack.receipt(hurt_stack.ask(MEDIAMATH, "stream:warm"))["state"] == "done"
    before = {name: hurt_stack.workers.pid(name) for name in ("control", "stream", "beat")}
    yield hurt_stack
    # A process that ended and was started again would have lost what it held.
    assert {name: hurt_stack.workers.pid(name) for name in before} == before, hurt_stack.logs()


@pytest.mark.parametrize("away_seconds", [0.0, LONGER_THAN_A_LEASE_SECONDS])
def test_redis_restarted_under_a_busy_worker_loses_and_doubles_nothing(
    fragile: Stack, server: RedisServer, away_seconds: float
) -> None:
    waiting, busy = f"waiting-{away_seconds}", f"busy-{away_seconds}"
    # Polled until the other job is in the middle of its stream, and beyond.
    fragile.vendors_are(rows=60_000, polls_until_ready=4)
    waits = fragile.ask(KARGO, f"stream:{waiting}")
    reads = fragile.begin_stream(f"stream:{busy}", 60_000)
    server.kill()
    time.sleep(away_seconds)
    server.start()
    fragile.assert_whole(busy, reads, 60_000)
    fragile.assert_whole(waiting, waits, 60_000)


def is_refused(server: RedisServer) -> bool:
    """Does the server refuse writes of a new client?"""
    with server.client() as newcomer:
        try:
            newcomer.set("probe", 1, ex=1)
        except RedisError:
            return True
    return False


def cannot_save(redis: Redis) -> None:
    """A directory is at the path to which the file is to be written."""
    (Path(redis.config_get("dir")["dir"]) / "dump.rdb").mkdir()
    redis.config_set("save", "1 1")
    redis.bgsave()


def be_out_of_clients(redis: Redis) -> None:
    """All clients lose their connections, and only this test gets a new one."""
    redis.config_set("maxclients", 1)
    for kind in ("normal", "pubsub"):
        redis.client_kill_filter(_type=kind, skipme=True)


Act = Callable[[Redis], object]
HARMS: dict[str, tuple[Act, Act]] = {
    "replica": (lambda redis: redis.replicaof("127.0.0.1", 1), lambda redis: redis.replicaof("NO", "ONE")),
    "cannot-save": (cannot_save, lambda redis: redis.config_set("save", "")),
    "out-of-clients": (be_out_of_clients, lambda redis: redis.config_set("maxclients", 10_000)),
}


@pytest.mark.parametrize("name", HARMS)
def test_a_stream_waits_for_a_redis_that_cannot_serve_as_for_one_that_is_away(
    fragile: Stack, server: RedisServer, name: str
) -> None:
    (harm, mend), stream = HARMS[name], f"refused-{name}"
    job = fragile.begin_stream(f"stream:{stream}", 60_000)
    with server.client() as redis:
        harm(redis)
        until(lambda: is_refused(server), "a refusal")
        time.sleep(LONGER_THAN_A_LEASE_SECONDS)
        mend(redis)
        until(lambda: not is_refused(server), "a Redis that serves")
    fragile.assert_whole(stream, job, 60_000)
    logs = fragile.logs()
    assert "redis.away" in logs
    assert "broker lost" not in logs, "Celery's own line, with a traceback"


def test_a_full_redis_makes_the_job_wait_and_go_on_when_there_is_room(fragile: Stack) -> None:
    fragile.vendors_are(rows=60_000)
    used = fragile.redis.info("memory")["used_memory"]
    # Rows stop at 80 % of it: room for some of the report, not for all.
    fragile.redis.config_set("maxmemory", int((used + 3_000_000) / 0.8))
    job = fragile.ask(MEDIAMATH, "stream:full")
    fragile.wait_for(job, lambda job: job.rows > 3000, "rows")
    until(lambda: "sink.full" in fragile.logs(), "a full sink")
    assert fragile.job(job).state == "streaming"
    fragile.redis.config_set("maxmemory", 0)
    fragile.assert_whole("full", job, 60_000)
