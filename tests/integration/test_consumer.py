"""The reference consumer, run as a process on a real Redis, loads every row once."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from examples.consumer.trimming import trim
from tests.batches import read_batches
from tests.consumer_feed import (
    GROUP,
    MONDAY,
    PATIENCE_SECONDS,
    STREAM,
    Job,
    consume,
    following,
    published,
    rows,
    staged,
)
from tests.consumer_feed import database as database
from tests.harness import Stack, until
from worker.errors import SinkFull
from worker.model import Rows

if TYPE_CHECKING:
    from tests.redis_server import RedisServer

IMPATIENT = ("--claim-seconds", "0.05")


@pytest.fixture
def url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def job(redis: Redis) -> Job:
    """A job with 50 rows on its one page, which has not ended."""
    made = Job(redis, "j")
    made.publish(rows("j", 50))
    return made


@pytest.mark.parametrize("rows_per_entry", [1, 7])
def test_rows_one_to_an_entry_or_packed_are_seen_once_their_end_has_come(
    redis: Redis, url: str, database: Path, rows_per_entry: int
) -> None:
    job = Job(redis, "j", rows_per_entry=rows_per_entry)
    job.publish(rows("j", 30))
    assert redis.xlen(STREAM) == -(-30 // rows_per_entry)
    assert consume(url, database)[0] == 0
    assert published(database) == {}
    job.end()
    assert consume(url, database)[0] == 0
    assert published(database) == {MONDAY: rows("j", 30)}


def test_an_end_whose_rows_are_not_all_there_waits_and_is_reported(
    redis: Redis, job: Job, url: str, database: Path
) -> None:
    redis.xdel(STREAM, redis.xrevrange(STREAM, count=1)[0][0])
    job.end()
    code, output = consume(url, database, "--name", "c")
    assert code == 1
    assert "ends with 50 rows, but 49 of generation 1 are here" in output
    assert published(database) == {}
    assert redis.xpending(STREAM, GROUP)["pending"] == 1
    # The operator may ask for the window once more, and give this job up.
    again = Job(redis, "j2")
    again.publish(rows("j2", 30))
    again.end(ready=2)
    assert consume(url, database, "--name", "c", "--forget", "j")[0] == 0
    assert published(database) == {MONDAY: rows("j2", 30)}
    assert redis.xlen(STREAM) == staged(database) == 0


@pytest.mark.parametrize(("holder", "flags"), [("dead", IMPATIENT), ("c", ("--name", "c"))])
def test_what_a_dead_consumer_or_an_earlier_life_holds_is_applied(
    redis: Redis, job: Job, url: str, database: Path, holder: str, flags: tuple[str, ...]
) -> None:
    redis.xgroup_create(STREAM, GROUP, id="0")
    redis.xreadgroup(GROUP, holder, {STREAM: ">"}, count=20)
    job.end()
    assert consume(url, database, *flags)[0] == 0
    assert published(database) == {MONDAY: rows("j", 50)}
    assert redis.xpending(STREAM, GROUP)["pending"] == 0


def test_an_entry_that_was_removed_while_it_was_held_is_reported_and_blocks_nothing(
    redis: Redis, job: Job, url: str, database: Path
) -> None:
    redis.xgroup_create(STREAM, GROUP, id="0")
    [[_, [(removed, _)]]] = redis.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=1)
    redis.xdel(STREAM, removed)
    job.end()
    code, output = consume(url, database, *IMPATIENT)
    assert code == 1
    assert f"{removed.decode()} was removed" in output
    assert "ends with 50 rows, but 49 of generation 1 are here" in output
    assert redis.xpending(STREAM, GROUP)["pending"] == 1


def test_nothing_another_group_still_needs_is_trimmed(redis: Redis, job: Job, url: str, database: Path) -> None:
    job.end()
    redis.xgroup_create(STREAM, "other", id="0")
    entries = redis.xrange(STREAM)
    assert consume(url, database)[0] == 0
    assert redis.xrange(STREAM) == entries
    # The other group has read 30 and acknowledged 20: the 21st is the first it may ask for again.
    ids = [entry for entry, _ in redis.xreadgroup("other", "o", {STREAM: ">"}, count=30)[0][1]]
    redis.xack(STREAM, "other", *ids[:20])
    text = Redis.from_url(url, decode_responses=True)
    assert trim(text, STREAM) == 20
    assert redis.xrange(STREAM) == entries[20:]
    redis.xack(STREAM, "other", *ids[20:])
    assert trim(text, STREAM) == 10
    assert redis.xrange(STREAM) == entries[30:]
    text.close()


def test_a_full_stream_has_room_again_once_it_is_consumed(redis: Redis, url: str, database: Path) -> None:
    job = Job(redis, "j", bound=100)
    job.publish(rows("j", 100))
    (more,) = read_batches([Rows.of([b"{}"])])
    with pytest.raises(SinkFull):
        job.sink.commit(1, 2, more)
    assert consume(url, database)[0] == 0
    assert job.sink.commit(1, 2, more) == more.after


@pytest.mark.parametrize("lost", ["group", "stream"])
def test_a_group_or_stream_that_was_lost_is_made_again(
    redis: Redis, job: Job, url: str, database: Path, lost: str
) -> None:
    with following(url, database, "--no-trim") as follower:
        until(lambda: staged(database) == 50, "the rows are staged")
        until(lambda: "xreadgroup" in [client["cmd"] for client in redis.client_list()], "it waits for more")
        redis.xgroup_destroy(STREAM, GROUP) if lost == "group" else redis.delete(STREAM)
        job.end()
        until(lambda: published(database) == {MONDAY: rows("j", 50)}, "the end is applied")
        follower.send_signal(signal.SIGTERM)
        follower.communicate(timeout=PATIENCE_SECONDS)
        assert follower.returncode == 0


def test_wrong_usage_is_refused_before_anything_is_done(url: str, database: Path) -> None:
    code, output = consume(url, database, "--claim-seconds", "0")
    assert code == 2
    assert "--claim-seconds" in output
    code, output = consume("http://:not-to-be-shown@127.0.0.1", database)
    assert code == 2
    assert "expected redis://HOST:PORT/DB" in output
    assert "not-to-be-shown" not in output
    assert not database.exists()
    database.write_text("no database, but longer than the header of one, which SQLite would take for an empty file" * 2)
    code, output = consume(url, database)
    assert code == 2
    assert "file is not a database" in output
    assert "Traceback" not in output


def test_redis_away_at_start_is_an_error_with_its_address(own_redis: RedisServer, database: Path) -> None:
    own_redis.kill()
    code, output = consume(own_redis.url, database)
    assert code == 1
    assert f"127.0.0.1:{own_redis.port}" in output
    assert "Traceback" not in output


# ---------------------------------------------------------------- from the vendor to the warehouse


@pytest.mark.parametrize("name", ["kargo.campaign-performance-metrics", "mediamath.performance"])
def test_a_report_requested_twice_is_in_the_warehouse_once(stack: Stack, tmp_path: Path, name: str) -> None:
    database, stream = tmp_path / "warehouse.db", f"consumed-{name}"
    receipts = [stack.receipt(stack.ask(name, f"stream:{stream}")) for _ in range(2)]
    assert [receipt["error"] for receipt in receipts] == [None, None]
    published_rows = [
        fields[b"row"] for _, fields in stack.redis.xrange(stream) if fields.get(b"at", b"").startswith(b"1.")
    ]
    code, output = consume(stack.services.settings.redis_url, database, stream=stream)
    assert code == 0, output
    [rows] = published(database).values()
    assert sorted(rows) == sorted(published_rows[2500:])
    assert staged(database) == stack.redis.xlen(stream) == 0
    with closing(sqlite3.connect(database)) as warehouse:
        assert warehouse.execute("SELECT job FROM windows").fetchall() == [(receipts[1]["job"],)]
