"""The stream sink where there is no room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from tests.sinks import JOB, READING, commit, make, position
from worker.errors import RetryLater
from worker.model import Finished, Full, Kept
from worker.sinks.audit_stream import audit


def test_at_the_bound_nothing_is_written_until_consumers_trim(redis: Redis) -> None:
    sink = make("stream:rows", redis, bound=4)
    sink.open(1)
    assert isinstance(commit(sink, 1, 3), Kept)
    assert isinstance(commit(sink, 4, 5), Kept)
    assert commit(sink, 6, 7) == Full("stream full: 5 entries, 4 allowed before consumers trim it")
    assert redis.xlen("rows") == 5
    redis.xtrim("rows", maxlen=3, approximate=False)
    assert isinstance(commit(sink, 6, 7), Kept)


def test_a_stranger_to_a_full_stream_still_learns_where_it_stands(redis: Redis) -> None:
    sink = make("stream:rows", redis, bound=1)
    sink.open(1)
    commit(sink, 1, 3)
    assert commit(make("stream:rows", redis, bound=1), 1, 2).checkpoint == position(READING, 3)


def test_neither_end_nor_void_waits_for_room(redis: Redis) -> None:
    one, other = make("stream:rows", redis, bound=1), make("stream:rows", redis, bound=1, job="job-2")
    one.open(1)
    other.open(1)
    commit(one, 1, 3)
    assert isinstance(one.close(1, 1, position(READING, 3)), Kept)
    assert isinstance(one.finish(1, 1, {}), Finished)
    assert isinstance(other.void(1, "failed"), Kept)


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
    sink = make("stream:rows", full)
    sink.open(1)
    fill(full, 0.7)
    assert isinstance(commit(sink, 1, 3), Kept)
    fill(full, 0.9)
    outcome = commit(sink, 4, 6)
    assert isinstance(outcome, Full)
    assert "bytes used, rows stop at 80 %" in outcome.reason
    full.config_set("maxmemory", 0)
    assert isinstance(commit(sink, 4, 6), Kept)
    assert audit(full, "rows", JOB).rows == 6


def test_out_of_memory_is_full_where_the_server_does_not_say_how_full_it_is(full: Redis, own_redis: Any) -> None:
    full.acl_setuser("millrace", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info"])
    url = own_redis.url.replace("redis://", "redis://millrace:any@")
    sink = make(f"{url}?stream=rows")
    sink.open(1)
    assert isinstance(commit(sink, 1, 3), Kept)
    fill(full, 1.5)
    assert isinstance(commit(sink, 4, 6), Full)
    assert full.xlen("rows") == 3
    full.config_set("maxmemory", 0)
    assert isinstance(commit(sink, 4, 6), Kept)
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
    assert isinstance(ending.close(1, 1, position(READING, 3)), Kept)
    assert isinstance(ending.finish(1, 1, {"rows": 3}), Finished)
    assert isinstance(voided.void(1, "replay", 2), Kept)
    assert isinstance(voided.void(2, "failed"), Kept)
    with pytest.raises(RetryLater, match="maxmemory") as later:
        waiting.open(1)
    assert not later.value.is_attempt
    assert audit(full, "rows", JOB).is_whole
    assert audit(full, "rows", "job-2").voided == {1: "replay"}
