"""A Redis that answers and cannot serve is waited for like one that is away: workers, beat and jobs outlive it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.harness import RedisServer, running_stack, until

MEDIAMATH = "mediamath.performance"
SLOW = {"kind": "throttle", "args": {"bytes_per_second": 2_000_000}, "match": {"role": "stream"}}
ROWS = 60_000


def is_refused(redis: Redis) -> bool:
    """Whether a write is refused now."""
    try:
        redis.set("probe", 1, ex=1)
    except RedisError:
        return True
    return False


def become_replica(redis: Redis) -> None:
    redis.replicaof("127.0.0.1", 1)


def become_master(redis: Redis) -> None:
    redis.replicaof("NO", "ONE")


def cannot_save(redis: Redis) -> None:
    """A directory stands where the file is to be written."""
    (Path(redis.config_get("dir")["dir"]) / "dump.rdb").mkdir()
    redis.config_set("save", "1 1")
    redis.bgsave()


def need_not_save(redis: Redis) -> None:
    redis.config_set("save", "")


@pytest.mark.parametrize(
    ("harm", "mend"), [(become_replica, become_master), (cannot_save, need_not_save)], ids=["replica", "cannot-save"]
)
def test_a_redis_that_refuses_writes_in_the_middle_of_a_stream_ends_no_process_and_loses_no_row(
    own_redis: RedisServer, tmp_path: Path, harm: Callable[[Redis], None], mend: Callable[[Redis], None]
) -> None:
    with running_stack(tmp_path / "stack", own_redis.url) as stack, own_redis.client() as redis:
        stack.vendors_are(rows=ROWS, polls_until_ready=1)
        stack.dial(SLOW)
        job = stack.ask(MEDIAMATH, "stream:refused")
        stack.wait_for(job, lambda job: job.rows > 3000, "rows")
        before = {name: stack.workers.pid(name) for name in ("control", "stream", "beat")}
        harm(redis)
        until(lambda: is_refused(redis), "a refusal")
        time.sleep(5)  # long enough for every lease to run out while nobody can renew it
        mend(redis)
        until(lambda: not is_refused(redis), "a Redis that serves")
        receipt = stack.receipt(job)
        assert (receipt["state"], receipt["error"]) == ("done", None), stack.logs()
        found = stack.audit("refused", job)
        assert (found.is_whole, found.rows) == (True, ROWS)
        assert {name: stack.workers.pid(name) for name in before} == before, stack.logs()
