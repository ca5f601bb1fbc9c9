"""The stream sink on a real Redis: its entries, its transactions, and keys or servers that are missing or wrong."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.harness import until
from tests.sinks import DONE, JOB, READING, Closed, batch, commit, make, opened, position, sink_job
from worker import keys
from worker.errors import FailJob, RetryLater
from worker.model import Batch, Checkpoint, DeadRow, Rows, Totals
from worker.sinks.audit import audit
from worker.sinks.kinds import open_sink, parse_address
from worker.sinks.redis_server import RedisServer
from worker.sinks.redis_stream import RedisStreamSink, pack_checkpoint
from worker.sinks.redis_transaction import TransactionPacker

RECORD = "sink:{rows}:job-1"
DEAD = "dead:{rows}"


def test_entries_have_exactly_the_fields_of_the_contract(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    commit(sink, 1, 3, (READING[0], DeadRow(b'{"n":"two"}', "n: not an integer"), READING[2]))
    sink.void(1, "replay", 2)
    sink.close(2, 1, Checkpoint())
    sink.finish(2, 1, {"rows": 0, "name": "Größe"})
    assert [fields for _, fields in redis.xrange("rows")] == [
        {b"job": b"job-1", b"at": b"1.1.1", b"row": READING[0]},
        {b"job": b"job-1", b"at": b"1.1.3", b"row": READING[2]},
        {b"job": b"job-1", b"void": b'{"generation":1,"reason":"replay"}'},
        {b"job": b"job-1", b"end": '{"rows":0,"name":"Größe"}'.encode()},
    ]
    assert [fields for _, fields in redis.xrange(DEAD)] == [
        {b"job": b"job-1", b"at": b"1.1.2", b"reason": b"n: not an integer", b"row": b'{"n":"two"}'}
    ]


def test_a_new_stream_has_no_consumer_groups(redis: Redis) -> None:
    commit(opened("stream:rows", redis), 1, 3)
    assert redis.xinfo_groups("rows") == []


def test_a_batch_of_a_thousand_rows_and_four_mebibytes_is_one_act(redis: Redis) -> None:
    rows = tuple(b'{"n":%d,"text":"%s"}' % (number, b"x" * 4_200) for number in range(1000))
    sink = opened("stream:rows", redis)
    assert commit(sink, 1, 1000, rows) == position(rows)
    assert audit(redis, "rows", JOB).rows == 1000


@pytest.mark.parametrize("hurt", ["client_kill_filter", "script_flush"])
def test_a_commit_that_goes_wrong_between_its_halves_is_made_again_and_keeps_each_row_once(
    redis: Redis, hurt: str
) -> None:
    sink = open_sink(parse_address("stream:rows"), sink_job(redis=redis))
    sink.open(1)
    sink.commit(1, 1, batch(READING, 1, 2))
    if hurt == "script_flush":
        redis.script_flush()
    answer = sink.prepare_commit(1, 1, batch(READING, 3, 6))()
    if hurt == "client_kill_filter":
        redis.client_kill_filter(_type="normal", skipme=True)
    assert answer() == position(READING, 6)
    assert audit(redis, "rows", JOB).rows == 6


# -- transactions


def test_a_stream_is_whole_and_under_its_name_for_clients_that_wait_for_its_rows(redis: Redis) -> None:
    sink = make("stream:rows", redis)
    sink.open(1)
    redis.xgroup_create("rows", "readers", mkstream=True)
    with ThreadPoolExecutor() as threads:
        group = threads.submit(redis.xreadgroup, "readers", "one", {"rows": ">"}, block=10_000)
        single = threads.submit(redis.xread, {"rows": "0"}, block=10_000)
        until(lambda: redis.info("clients")["blocked_clients"] == 2, "readers that wait")
        commit(sink, 1, 3)
        seen = [[fields[b"row"] for _, fields in answer.result()[0][1]] for answer in (group, single)]
    assert seen == [[*READING[:3]]] * 2
    assert redis.info("commandstats")["cmdstat_exec"]["calls"] > 0
    assert set(redis.keys()) == {b"rows", RECORD.encode()}


@pytest.mark.parametrize("command", ["multi", "exec", "renamenx", "exists"])
def test_a_user_without_the_right_to_transactions_publishes_by_the_script(own_redis: Any, command: str) -> None:
    admin = own_redis.client()
    admin.acl_setuser("writer", enabled=True, nopass=True, keys=["*"], commands=["+@all", f"-{command}"])
    sink = make(own_redis.url.replace("redis://", "redis://writer:any@") + "?stream=rows")
    sink.open(1)
    for first in (1, 3, 5, 7):
        assert commit(sink, first, first + 1) == position(READING, first + 1)
    assert audit(admin, "rows", JOB).rows == 8
    sink.release()
    admin.close()


@pytest.mark.parametrize("batches_before", [0, 1])
def test_no_command_of_a_transaction_is_sent_unless_multi_was_accepted(own_redis: Any, batches_before: int) -> None:
    admin = own_redis.client()
    admin.acl_setuser("writer", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    sink = make(own_redis.url.replace("redis://", "redis://writer:any@") + "?stream=rows")
    sink.open(1)
    if batches_before:
        commit(sink, 1, 2)
    admin.execute_command("ACL", "SETUSER", "writer", "-multi")
    if batches_before:
        commit(sink, 3, 4)  # its MULTI was accepted with the batch before
    last = 4 * batches_before
    admin.config_resetstat()
    assert commit(sink, last + 1, last + 2) == position(READING, last + 2)
    assert "cmdstat_renamenx" not in admin.info("commandstats")
    assert audit(admin, "rows", JOB).rows == last + 2
    sink.release()
    admin.close()


@pytest.mark.parametrize("rows_per_entry", [1, 2])
@pytest.mark.parametrize("commands", ["renamenx", "xlen", "exists", "hset", "eval evalsha", "xadd"])
def test_a_right_taken_before_the_transaction_is_executed_leaves_everything_as_it_was(
    own_redis: Any, commands: str, rows_per_entry: int
) -> None:
    admin = own_redis.client()
    sink = make("stream:rows", admin)
    sink.open(1)
    commit(sink, 1, 3)

    def kept() -> tuple[Any, Any]:
        record = admin.hgetall(RECORD)
        del record[b"length"]  # which counts only while a transaction is executed
        return record, admin.xrange("rows")

    before = kept()
    admin.acl_setuser("writer", enabled=True, nopass=True, keys=["*"], commands=["+@all"])
    writer = Redis.from_url(own_redis.url.replace("redis://", "redis://writer:any@"), single_connection_client=True)
    rows = batch(READING, 4, 6)
    field = pack_checkpoint(rows.after)
    packer = TransactionPacker("rows", JOB, bound=0, rows_per_entry=rows_per_entry)
    writer.execute_command("MULTI")
    writer.connection.send_packed_command(packer.pack(1, 1, rows, field, with_scripts=True))
    assert {writer.connection.read_response() for _ in range(2 + 3 // rows_per_entry)} == {b"QUEUED"}
    admin.acl_setuser("writer", commands=[f"-{command}" for command in commands.split()])
    with suppress(NoPermissionError):
        assert b"kept" not in writer.execute_command("EXEC")
    assert kept() == before
    assert set(admin.keys()) == {b"rows", RECORD.encode()}
    writer.close()
    admin.close()


def test_a_stream_that_was_left_under_its_other_name_gets_its_own_back(redis: Redis) -> None:
    sink = make("stream:rows", redis)
    sink.open(1)
    commit(sink, 1, 3)
    redis.rename("rows", keys.stream_being_added_to("rows"))
    assert commit(sink, 4, 6) == position(READING, 6)
    assert audit(redis, "rows", JOB).rows == 6


def test_a_stream_left_under_its_other_name_never_replaces_one_that_has_rows(redis: Redis) -> None:
    sink = make("stream:rows", redis)
    sink.open(1)
    commit(sink, 1, 3)
    redis.xadd(keys.stream_being_added_to("rows"), {"job": "another", "at": "1.1.1", "row": "{}"})
    assert commit(sink, 4, 6) == position(READING, 6)
    assert audit(redis, "rows", JOB).rows == redis.xlen("rows") == 6


def test_names_with_signs_of_formats_and_protocols_are_written_as_they_are(redis: Redis) -> None:
    name = "50%d$0*\u00e9"
    sink = make(f"stream:{name}", redis)
    sink.open(1)
    assert commit(sink, 1, 9) == position(READING)
    assert audit(redis, name, JOB).rows == 9


def test_row_numbers_are_written_in_full(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    far = Checkpoint(rows=99_999_999_999, digest="ab" * 32)
    redis.hset(RECORD, "1", f"{far.rows} {far.digest} 0 0 0")
    after = Checkpoint(rows=100_000_000_001, digest="cd" * 32)
    assert sink.commit(1, 1, Batch(far, Rows.of(READING[:2]), after)) == after
    assert [fields[b"at"] for _, fields in redis.xrange("rows")] == [b"1.1.100000000000", b"1.1.100000000001"]


# -- what is not there, or is something else


@pytest.mark.parametrize("key", ["rows", DEAD, RECORD])
def test_a_key_that_holds_something_else_fails_the_job_before_anything_is_written(redis: Redis, key: str) -> None:
    redis.set(key, "something else")
    with pytest.raises(FailJob, match="has another type"):
        make("stream:rows", redis).open(1)
    assert redis.keys() == [key.encode()]


@pytest.mark.parametrize("key", ["rows", DEAD])
def test_a_key_that_became_something_else_takes_no_row(redis: Redis, key: str) -> None:
    sink = opened("stream:rows", redis)
    before = redis.hgetall(RECORD)
    redis.set(key, "something else")
    with pytest.raises(FailJob, match="has another type"):
        commit(sink, 1, 3, (READING[0], DeadRow(b"2", "not a row"), READING[2]))
    assert redis.hgetall(RECORD) == before
    assert redis.get(key) == b"something else"
    assert not redis.exists("rows" if key == DEAD else DEAD)


def test_an_end_that_cannot_be_written_leaves_the_record_as_it_was(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    commit(sink, 1, 3)
    sink.close(1, 1, position(READING, 3))
    before = redis.hgetall(RECORD)
    redis.set("rows", "something else")
    with pytest.raises(FailJob):
        sink.finish(1, 1, {})
    assert redis.hgetall(RECORD) == before


def test_a_job_can_fail_where_its_stream_was_replaced(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    commit(sink, 1, 3)
    redis.set("rows", "something else")
    assert sink.void(1, "failed") == DONE
    assert sink.checkpoint(1, 1) == Closed("void")
    assert redis.get("rows") == b"something else"


def test_a_record_stays_while_it_is_open_and_expires_after_its_end(redis: Redis) -> None:
    sink = opened("stream:rows", redis, keep_seconds=100)
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
    sink = opened("stream:rows", redis)
    for generation in range(1, 5):
        for page in range(1, 50):
            sink.close(generation, page, Checkpoint())
        # State, generation and rows stand beside the pages of this generation alone.
        assert redis.hlen(RECORD) == 3 + 49
        sink.void(generation, "replay", generation + 1)
        assert redis.hlen(RECORD) == 3
    sink.close(5, 1, Checkpoint())
    sink.finish(5, 1, {"rows": 0})
    assert redis.hkeys(RECORD) == [b"state", b"generation", b"receipt"]


def test_thousands_of_pages_are_counted_and_named(redis: Redis) -> None:
    sink = opened("stream:rows", redis)
    with_rows = (1, 1000, 1001, 2001, 2501)  # the script adds them up by the thousand
    pages = [position(READING, int(page in with_rows)) for page in range(1, 2502)]
    for page, end in enumerate(pages, 1):
        if end.rows:
            commit(sink, 1, 1, page=page)
        sink.close(1, page, end)
    assert sink.finish(1, 2503, {}).pages == (2502, 2503)
    totals = sink.tally(1, 2501)
    assert isinstance(totals, Totals)
    assert (totals.pages, totals.rows) == (2501, len(with_rows))
    assert totals.digest == hashlib.sha256("".join(page.digest for page in pages).encode()).hexdigest()
    assert isinstance(sink.finish(1, 2501, {}), dict)


# -- servers


def test_a_server_that_is_away_is_asked_again_later_at_no_cost(own_redis: Any) -> None:
    with Redis.from_url(own_redis.url) as client:
        sink = opened("stream:rows", client)
        own_redis.kill()
        with pytest.raises(RetryLater) as later:
            commit(sink, 1, 3)
    assert not later.value.is_attempt


def test_a_wrong_password_fails_the_job_and_is_never_shown(own_redis: Any) -> None:
    with own_redis.client() as client:
        client.config_set("requirepass", "right")
    sink = make(own_redis.url.replace("redis://", "redis://:wrong@") + "?stream=rows")
    with pytest.raises(FailJob) as failed:
        sink.open(1)
    assert "wrong@" not in str(failed.value)
    assert "***@" in str(failed.value)
    sink.release()


def test_batches_are_small_where_lua_takes_rows_that_look_alike_for_one(redis: Redis) -> None:
    def batch_rows(to: str, version: str) -> int:
        server = RedisServer(redis, to)
        server.major_version = lambda: int(version)
        sink = RedisStreamSink(server, "rows", JOB, bound=0, rows_per_entry=500 if "packed" in to else 1)
        return sink.batch_size.rows

    assert RedisServer(redis, "stream:rows").major_version() == int(redis.info("server")["redis_version"].split(".")[0])
    assert (batch_rows("stream", "6"), batch_rows("stream", "7"), batch_rows("packed", "6")) == (100, 500, 1000)
