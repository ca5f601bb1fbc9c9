"""The stream sink writes no row into a full stream or Redis, and can still end a job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.sinks import DONE, JOB, READING, Full, commit, make, opened, position
from worker.errors import FailJob
from worker.sinks.audit import audit


def test_at_the_bound_nothing_is_written_until_consumers_trim(redis: Redis) -> None:
    sink = opened("stream:rows", redis, bound=5)
    assert commit(sink, 1, 3) == position(READING, 3)
    assert commit(sink, 4, 5) == position(READING, 5)
    assert commit(sink, 6, 7) == Full("stream full: 5 entries; consumers must trim it below 5")
    assert redis.xlen("rows") == 5
    redis.xtrim("rows", maxlen=3, approximate=False)
    assert commit(sink, 6, 7) == position(READING, 7)


def test_a_new_sink_of_a_full_stream_still_learns_its_position(redis: Redis) -> None:
    sink = opened("stream:rows", redis, bound=1)
    commit(sink, 1, 3)
    assert commit(make("stream:rows", redis, bound=1), 1, 2) == position(READING, 3)


def test_neither_end_nor_void_waits_for_room(redis: Redis) -> None:
    one, other = make("stream:rows", redis, bound=1), make("stream:rows", redis, bound=1, job="job-2")
    one.open(1)
    other.open(1)
    commit(one, 1, 3)
    assert one.close(1, 1, position(READING, 3)) == position(READING, 3, is_closed=True)
    assert isinstance(one.finish(1, 1, {}), dict)
    assert other.void(1, "failed") == DONE


@pytest.fixture
def full(own_redis: Any) -> Iterator[Redis]:
    """A server of its own whose maxmemory a test may set."""
    client = own_redis.client()
    yield client
    client.close()


def fill(redis: Redis, share: float) -> None:
    """Set maxmemory so that this share of it is used."""
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))


def test_at_eighty_percent_of_memory_rows_stop(full: Redis) -> None:
    sink = opened("stream:rows", full)
    fill(full, 0.4)
    assert commit(sink, 1, 3) == position(READING, 3)
    fill(full, 0.9)
    outcome = commit(sink, 4, 6)
    assert isinstance(outcome, Full)
    assert "bytes used; no rows are added above 80 %" in outcome.reason
    full.config_set("maxmemory", 0)
    assert commit(sink, 4, 6) == position(READING, 6)
    assert audit(full, "rows", JOB).rows == 6


def test_out_of_memory_is_full_where_the_server_does_not_say_how_full_it_is(full: Redis, own_redis: Any) -> None:
    full.acl_setuser("millrace", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info"])
    url = own_redis.url.replace("redis://", "redis://millrace:any@")
    sink = opened(f"{url}?stream=rows")
    assert commit(sink, 1, 3) == position(READING, 3)
    fill(full, 1.5)
    assert isinstance(commit(sink, 4, 6), Full)
    assert full.xlen("rows") == 3
    full.config_set("maxmemory", 0)
    assert commit(sink, 4, 6) == position(READING, 6)
    sink.release()


def test_out_of_memory_stops_neither_close_nor_end_nor_void(full: Redis) -> None:
    ending, voided, waiting = (
        make("stream:rows", full),
        make("stream:rows", full, job="job-2"),
        make("stream:rows", full, job="job-3"),
    )
    for sink in (ending, voided):
        sink.open(1)
        commit(sink, 1, 3)
    fill(full, 1.5)
    assert ending.close(1, 1, position(READING, 3)) == position(READING, 3, is_closed=True)
    assert isinstance(ending.finish(1, 1, {"rows": 3}), dict)
    assert voided.void(1, "replay", 2) == DONE
    assert voided.void(2, "failed") == DONE
    refused = waiting.open(1)
    assert isinstance(refused, Full)
    assert "maxmemory" in refused.reason
    assert audit(full, "rows", JOB).is_whole
    assert audit(full, "rows", "job-2").voided == {1: "replay"}


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_server_that_may_drop_rows_is_refused_before_anything_is_written(full: Redis, policy: str) -> None:
    full.config_set("maxmemory-policy", policy)
    with pytest.raises(FailJob, match=f"the sink .*: its maxmemory-policy is {policy}, so it may drop rows"):
        make("stream:rows", full).open(1)
    assert full.keys() == []
    full.config_set("maxmemory-policy", "volatile-lru")
    assert opened("stream:rows", full).checkpoint(1, 1).rows == 0
