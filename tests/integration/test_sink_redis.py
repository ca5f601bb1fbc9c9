"""The stream sink on real Redis servers: full, restarted, refusing, mistaken for something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from worker.errors import FailJob, RetryLater
from worker.model import Batch, Checkpoint, DeadRow, Ended, Finished, Full, Kept, Row, Totals
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.audit_stream import StreamAudit, audit
from worker.sinks.sink import Sink

RECORD = "sink:{rows}:j1"
DEAD = "dead:{rows}"
ROWS: tuple[Row, ...] = tuple(b'{"n":%d}' % number for number in range(1, 21))


def make(redis: Redis, *, to: str = "stream:rows", bound: int = 0, job: str = "j1", keep_seconds: float = 3600) -> Sink:
    return open_sink(
        parse_address(to),
        job=job,
        connection="kargo",
        report="report",
        default_redis=redis,
        stream_bound=bound,
        part_rows=1,
        keep_seconds=keep_seconds,
    )


def position(rows: Sequence[Row], *, dead_rows: int = 0) -> Checkpoint:
    text = b"".join((row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in rows)
    return Checkpoint(len(rows), hashlib.sha256(text).hexdigest(), dead_rows, len(text), "ijson")


def commit(sink: Sink, first: int, last: int, *, rows: Sequence[Row] = ROWS) -> Any:
    dead = [isinstance(row, DeadRow) for row in rows]
    before = position(rows[: first - 1], dead_rows=sum(dead[: first - 1]))
    after = position(rows[:last], dead_rows=sum(dead[:last]))
    return sink.commit(1, 1, before, Batch(tuple(rows[first - 1 : last]), after))


def test_entries_have_exactly_the_fields_of_the_contract(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    commit(sink, 1, 3, rows=(ROWS[0], DeadRow(b'{"n":"two"}', "n: not an integer"), ROWS[2]))
    sink.void(1, "replay", 2)
    sink.close(2, 1, Checkpoint())
    sink.finish(2, 1, {"job": "j1", "rows": 0, "name": "Größe"})
    assert [fields for _, fields in redis.xrange("rows")] == [
        {b"job": b"j1", b"at": b"1.1.1", b"row": b'{"n":1}'},
        {b"job": b"j1", b"at": b"1.1.3", b"row": b'{"n":3}'},
        {b"job": b"j1", b"void": b'{"generation":1,"reason":"replay"}'},
        {b"job": b"j1", b"end": '{"job":"j1","rows":0,"name":"Größe"}'.encode()},
    ]
    assert [fields for _, fields in redis.xrange(DEAD)] == [
        {b"job": b"j1", b"at": b"1.1.2", b"reason": b"n: not an integer", b"row": b'{"n":"two"}'}
    ]


def test_a_batch_of_a_thousand_rows_and_four_mebibytes_is_one_act(redis: Redis) -> None:
    rows = tuple(b'{"n":%d,"text":"%s"}' % (number, b"x" * 4_200) for number in range(1000))
    sink = make(redis)
    sink.open(1)
    assert commit(sink, 1, 1000, rows=rows) == Kept(position(rows))
    assert audit(redis, "rows", "j1").rows == 1000


def test_row_numbers_are_written_in_full(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    far = Checkpoint(rows=99_999_999_999, digest="ab" * 32, reader="ijson")
    redis.hset(RECORD, "1", f"{far.rows} {far.digest} 0 0 0 ijson")
    after = Checkpoint(rows=100_000_000_001, digest="cd" * 32, reader="ijson")
    assert sink.commit(1, 1, far, Batch(ROWS[:2], after)) == Kept(after)
    assert [fields[b"at"] for _, fields in redis.xrange("rows")] == [b"1.1.100000000000", b"1.1.100000000001"]


# -- room


def test_at_the_bound_nothing_is_written_until_consumers_trim(redis: Redis) -> None:
    sink = make(redis, bound=4)
    sink.open(1)
    assert isinstance(commit(sink, 1, 3), Kept)
    assert isinstance(commit(sink, 4, 5), Kept)
    assert commit(sink, 6, 7) == Full("stream full: 5 entries, 4 allowed before consumers trim it")
    assert redis.xlen("rows") == 5
    redis.xtrim("rows", maxlen=3, approximate=False)
    assert isinstance(commit(sink, 6, 7), Kept)


def test_a_stranger_to_a_full_stream_still_learns_where_it_stands(redis: Redis) -> None:
    sink = make(redis, bound=1)
    sink.open(1)
    commit(sink, 1, 3)
    assert commit(make(redis, bound=1), 1, 2).checkpoint == position(ROWS[:3])


def test_neither_end_nor_void_waits_for_room(redis: Redis) -> None:
    one, other = make(redis, bound=1), make(redis, bound=1, job="j2")
    one.open(1)
    other.open(1)
    commit(one, 1, 3)
    assert isinstance(one.close(1, 1, position(ROWS[:3])), Kept)
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
    sink = make(full)
    sink.open(1)
    fill(full, 0.7)
    assert isinstance(commit(sink, 1, 3), Kept)
    fill(full, 0.9)
    outcome = commit(sink, 4, 6)
    assert isinstance(outcome, Full)
    assert "bytes used, rows stop at 80 %" in outcome.reason
    full.config_set("maxmemory", 0)
    assert isinstance(commit(sink, 4, 6), Kept)
    assert audit(full, "rows", "j1").rows == 6


def test_out_of_memory_is_full_where_the_server_does_not_say_how_full_it_is(full: Redis, own_redis: Any) -> None:
    full.acl_setuser("millrace", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-info"])
    url = own_redis.url.replace("redis://", "redis://millrace:any@")
    sink = make(full, to=f"{url}?stream=rows")
    sink.open(1)
    assert isinstance(commit(sink, 1, 3), Kept)
    fill(full, 1.5)
    assert isinstance(commit(sink, 4, 6), Full)
    assert full.xlen("rows") == 3
    full.config_set("maxmemory", 0)
    assert isinstance(commit(sink, 4, 6), Kept)
    sink.release()


def test_out_of_memory_stops_neither_close_nor_end_nor_void(full: Redis) -> None:
    ending, voided, waiting = make(full), make(full, job="j2"), make(full, job="j3")
    for sink in (ending, voided):
        sink.open(1)
        commit(sink, 1, 3)
    fill(full, 1.5)
    assert isinstance(ending.close(1, 1, position(ROWS[:3])), Kept)
    assert isinstance(ending.finish(1, 1, {"rows": 3}), Finished)
    assert isinstance(voided.void(1, "replay", 2), Kept)
    assert isinstance(voided.void(2, "failed"), Kept)
    with pytest.raises(RetryLater, match="maxmemory") as later:
        waiting.open(1)
    assert not later.value.is_attempt
    assert audit(full, "rows", "j1").is_whole
    assert audit(full, "rows", "j2").voided == {1: "replay"}


# -- what is not there, or is something else


def test_a_missing_record_is_not_made_by_a_late_writer(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    commit(sink, 1, 3)
    redis.delete(RECORD)
    assert commit(sink, 4, 6) == sink.close(1, 1, position(ROWS[:3])) == Ended("missing")
    assert sink.checkpoint(1, 1) == sink.finish(1, 1, {}) == sink.void(1, "failed") == Ended("missing")
    assert not redis.exists(RECORD)


@pytest.mark.parametrize("key", ["rows", DEAD, RECORD])
def test_a_key_that_holds_something_else_fails_the_job_before_anything_is_written(redis: Redis, key: str) -> None:
    redis.set(key, "something else")
    with pytest.raises(FailJob, match="holds something else"):
        make(redis).open(1)
    assert redis.keys() == [key.encode()]


@pytest.mark.parametrize("key", ["rows", DEAD])
def test_a_key_that_became_something_else_takes_no_row(redis: Redis, key: str) -> None:
    sink = make(redis)
    sink.open(1)
    before = redis.hgetall(RECORD)
    redis.set(key, "something else")
    with pytest.raises(FailJob, match="holds something else"):
        commit(sink, 1, 3, rows=(ROWS[0], DeadRow(b"2", "not a row"), ROWS[2]))
    assert redis.hgetall(RECORD) == before
    assert redis.get(key) == b"something else"
    assert not redis.exists("rows" if key == DEAD else DEAD)


def test_an_end_that_cannot_be_written_leaves_the_record_as_it_was(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    commit(sink, 1, 3)
    sink.close(1, 1, position(ROWS[:3]))
    before = redis.hgetall(RECORD)
    redis.set("rows", "something else")
    with pytest.raises(FailJob):
        sink.finish(1, 1, {})
    assert redis.hgetall(RECORD) == before


def test_a_job_can_fail_where_its_stream_was_replaced(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    commit(sink, 1, 3)
    redis.set("rows", "something else")
    assert sink.void(1, "failed") == Kept(Checkpoint())
    assert sink.checkpoint(1, 1) == Ended("void")
    assert redis.get("rows") == b"something else"


def test_a_record_stays_while_it_is_open_and_expires_after_its_end(redis: Redis) -> None:
    sink = make(redis, keep_seconds=100)
    sink.open(1)
    commit(sink, 1, 3)
    assert redis.pttl(RECORD) == -1
    sink.void(1, "failed")
    assert 0 < redis.pttl(RECORD) <= 100_000
    sink.open(2)
    assert redis.pttl(RECORD) == -1
    sink.close(2, 1, Checkpoint())
    sink.finish(2, 1, {})
    assert 0 < redis.pttl(RECORD) <= 100_000


def test_pages_do_not_pile_up_in_the_record(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    for generation in range(1, 5):
        for page in range(1, 50):
            sink.close(generation, page, Checkpoint())
        assert redis.hlen(RECORD) == 3 + 49
        sink.void(generation, "replay", generation + 1)
        assert redis.hlen(RECORD) == 3
    sink.close(5, 1, Checkpoint())
    sink.finish(5, 1, {"rows": 0})
    assert redis.hkeys(RECORD) == [b"state", b"generation", b"receipt"]


def test_thousands_of_pages_are_counted_and_named(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    for page in range(1, 2502):
        sink.close(1, page, Checkpoint())
    assert sink.finish(1, 2503, {}).pages == (2502, 2503)  # type: ignore[union-attr]
    totals = sink.tally(1, 2501)
    assert isinstance(totals, Totals)
    assert totals.pages == 2501
    assert totals.digest == hashlib.sha256(Checkpoint().digest.encode() * 2501).hexdigest()
    assert isinstance(sink.finish(1, 2501, {}), Finished)


# -- servers


def test_a_server_that_is_away_is_asked_again_later_at_no_cost(own_redis: Any) -> None:
    client = Redis.from_url(own_redis.url)
    sink = make(client)
    sink.open(1)
    own_redis.kill()
    with pytest.raises(RetryLater) as later:
        commit(sink, 1, 3)
    assert not later.value.is_attempt
    client.close()


def test_rows_and_record_come_back_together_after_a_crash_of_the_server(own_redis: Any) -> None:
    client = own_redis.client()
    sink = make(client)
    sink.open(1)
    for first in range(1, 20, 2):
        commit(sink, first, first + 1)
        if first in {5, 11}:
            own_redis.kill()
            own_redis.start()
            at = make(client).checkpoint(1, 1)
            assert isinstance(at, Checkpoint)
            assert at.rows == audit(client, "rows", "j1").rows
            for lost in range(at.rows + 1, first + 1, 2):
                commit(sink, lost, lost + 1)
    sink.close(1, 1, position(ROWS))
    sink.finish(1, 1, {"rows": 20})
    assert audit(client, "rows", "j1").is_whole
    client.close()


def test_a_read_only_replica_is_asked_again_later(own_redis: Any) -> None:
    client = own_redis.client()
    sink = make(client)
    sink.open(1)
    client.replicaof("127.0.0.1", 1)
    with pytest.raises(RetryLater) as later:
        commit(sink, 1, 3)
    assert not later.value.is_attempt
    client.replicaof("NO", "ONE")
    assert isinstance(commit(sink, 1, 3), Kept)
    client.close()


def test_a_wrong_password_fails_the_job_and_is_not_repeated_to_anybody(own_redis: Any) -> None:
    client = own_redis.client()
    client.config_set("requirepass", "right")
    sink = make(client, to=own_redis.url.replace("redis://", "redis://:wrong@") + "?stream=rows")
    with pytest.raises(FailJob) as failed:
        sink.open(1)
    assert "wrong@" not in str(failed.value)
    assert "***@" in str(failed.value)
    sink.release()
    client.close()


def test_an_address_names_its_own_server_database_and_stream(redis: Redis, redis_server: Any) -> None:
    to = redis_server.url.replace("/0", "/3") + "?stream=elsewhere"
    sink = make(Redis(port=1), to=to)
    sink.open(1)
    commit(sink, 1, 3)
    sink.release()
    other = Redis.from_url(redis_server.url.replace("/0", "/3"))
    assert audit(other, "elsewhere", "j1").rows == 3
    other.flushdb()
    other.close()


# -- audits


def test_an_audit_goes_on_beside_consumers_that_trim(redis: Redis) -> None:
    sink = make(redis)
    sink.open(1)
    watch = StreamAudit(redis, "rows")
    for first in range(1, 20, 4):
        commit(sink, first, first + 3)
        watch.advance()
        redis.xtrim("rows", maxlen=0, approximate=False)
    sink.close(1, 1, position(ROWS))
    totals = sink.tally(1, 1)
    assert isinstance(totals, Totals)
    sink.finish(1, 1, {"rows": 20, "dead_rows": 0, "pages": 1, "digest": totals.digest})
    assert watch.advance().result("j1").is_whole
    assert watch.results().keys() == {"j1"}


def test_an_audit_finds_what_is_wrong(redis: Redis, tmp_path: Path) -> None:
    sink = make(redis)
    sink.open(1)
    commit(sink, 1, 9)
    sink.close(1, 1, position(ROWS[:9]))
    sink.finish(1, 1, {"rows": 9})
    whole = [fields for _, fields in redis.xrange("rows")]

    def seen(*entries: dict[bytes, bytes]) -> Any:
        redis.delete("rows")
        for fields in entries:
            redis.xadd("rows", fields)
        return audit(redis, "rows", "j1")

    assert seen(*whole).is_whole
    assert seen(*whole[:3], *whole[4:]).lost == 1
    assert seen(*whole[:8], whole[9]).lost == 1
    assert seen(*whole[:3], *whole[2:]).doubled == 1
    assert seen(whole[1], whole[0], *whole[2:]).out_of_order == 1
    assert seen(*whole, whole[0]).late == 1
    assert seen(*whole, whole[9]).ends == 2
    other = whole[4] | {b"row": b'{"n":55}'}
    changed = seen(*whole[:4], other, *whole[5:9], {b"job": b"j1", b"end": json.dumps({"digest": "0"}).encode()})
    assert changed.is_clean
    assert not changed.is_whole
