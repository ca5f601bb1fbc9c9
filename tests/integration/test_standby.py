"""If beat does not run, one of the control workers does its work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis

from tasks import standby
from tasks.standby import stand_in
from tests.harness import running_stack, until
from tests.redis_server import RedisServer
from worker.ledger import Ledger

MINUTE = 60.0


def test_one_control_worker_replaces_a_missing_beat_and_none_does_while_beat_runs(redis: Redis) -> None:
    ledger, done = Ledger(redis), []

    def look(_number: int) -> bool:
        return stand_in(ledger, "sweep", MINUTE, lambda: done.append(1))

    with ThreadPoolExecutor(8) as workers:
        assert sum(workers.map(look, range(8))) == 1
    assert done == [1]
    redis.flushall()
    ledger.note_run("sweep", MINUTE)
    assert not look(0)


def test_a_stand_in_does_the_work_at_every_interval_until_beat_is_back(redis: Redis) -> None:
    ledger = Ledger(redis)
    ledger.note_run("sweep", MINUTE)
    assert MINUTE < redis.pttl("millrace:ran:sweep") / 1000 <= 2 * MINUTE
    redis.flushall()
    assert stand_in(ledger, "sweep", MINUTE, lambda: None)
    assert 0 < redis.pttl("millrace:ran:sweep") / 1000 <= MINUTE


def test_standing_in_begins_after_two_intervals_and_does_not_end_with_a_bug_in_the_work(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, intervals, looks = [], [], iter((False, False, False, True))

    def look(seconds: float) -> bool:
        assert seconds == MINUTE / 2
        intervals.append(round(redis.pttl("millrace:ran:sweep") / 1000 / MINUTE))
        redis.flushall()  # as if the mark had expired
        return next(looks)

    def work(services: object) -> None:
        begun.append(services)
        raise LookupError

    monkeypatch.setattr(standby, "wait_until_stopping", look)
    monkeypatch.setattr(standby, "get_services", lambda: SimpleNamespace(ledger=Ledger(redis)))
    standby._watch("sweep", MINUTE, work)
    assert intervals == [0, 2, 1, 1]
    assert len(begun) == 2


def test_a_killed_workers_page_continues_without_beat(own_redis: RedisServer, tmp_path: Path) -> None:
    with running_stack(tmp_path, own_redis.url) as stack:
        # From here on, only a control worker in beat's place sends sweeps.
        stack.workers.commands = {name: each for name, each in stack.workers.commands.items() if name != "beat"}
        stack.workers.kill("beat")
        job = stack.begin_stream("stream:alone", 40_000)
        stack.workers.kill("stream")
        stack.assert_whole("alone", job, 40_000)
        until(lambda: "beat.stood_in" in stack.logs(), "a control worker that says it stood in")
