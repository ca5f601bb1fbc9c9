"""The reference consumer, run as a process on a real Redis, loads every row once."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from examples.consumer.trimming import trim
from tests.consumer_feed import (
    GROUP,
    MONDAY,
    PATIENCE_SECONDS,
    STREAM,
    Feed,
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
from worker.publish.batch import read_batches

if TYPE_CHECKING:
    from tests.harness import RedisServer

IMPATIENT = ("--claim-seconds", "0.05")


@pytest.fixture
def feed(redis: Redis) -> Feed:
    return Feed(redis)


@pytest.fixture
def url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.mark.parametrize("rows_per_entry", [1, 7])
def test_rows_one_to_an_entry_or_packed_are_seen_once_their_end_has_come(
    redis: Redis, url: str, database: Path, rows_per_entry: int
) -> None:
    job = Job(redis, "j", rows_per_entry=rows_per_entry)
    job.publish(1, rows("j", 30))
    assert redis.xlen(STREAM) == -(-30 // rows_per_entry)
    assert consume(url, database)[0] == 0
    assert published(database) == {}
    job.end(1, MONDAY, 1)
    assert consume(url, database)[0] == 0
    assert published(database) == {MONDAY: rows("j", 30)}


def test_an_end_whose_rows_are_not_all_there_waits_and_is_told(feed: Feed, url: str, database: Path) -> None:
    feed.page("j", rows("j", 30), kept=29)
    feed.end("j", MONDAY, 1)
    code, said = consume(url, database, "--name", "c")
    assert code == 1
    assert "ends with 30 rows, 29 of generation 1 are here" in said
    assert published(database) == {}
    assert feed.redis.xpending(STREAM, GROUP)["pending"] == 1
    # The operator may ask for the window once more, and give this job up.
    feed.page("j2", rows("j2", 30))
    feed.end("j2", MONDAY, 2)
    assert consume(url, database, "--name", "c", "--forget", "j")[0] == 0
    assert published(database) == {MONDAY: rows("j2", 30)}
    assert feed.redis.xlen(STREAM) == staged(database) == 0


def test_what_a_dead_consumer_holds_is_taken_over(feed: Feed, url: str, database: Path) -> None:
    feed.page("j", rows("j", 50))
    feed.redis.xgroup_create(STREAM, GROUP, id="0")
    feed.redis.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=20)
    feed.end("j", MONDAY, 1)
    assert consume(url, database, *IMPATIENT)[0] == 0
    assert published(database) == {MONDAY: rows("j", 50)}
    assert feed.redis.xpending(STREAM, GROUP)["pending"] == 0


def test_an_entry_somebody_removed_while_it_was_held_is_told_and_holds_nothing_up(
    feed: Feed, url: str, database: Path
) -> None:
    feed.page("j", rows("j", 3))
    feed.redis.xgroup_create(STREAM, GROUP, id="0")
    [[_, [(removed, _)]]] = feed.redis.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=1)
    feed.redis.xdel(STREAM, removed)
    feed.end("j", MONDAY, 1)
    code, said = consume(url, database, *IMPATIENT)
    assert code == 1
    assert f"{removed.decode()} was removed" in said
    assert "ends with 3 rows, 2 of generation 1 are here" in said
    assert feed.redis.xpending(STREAM, GROUP)["pending"] == 1


def test_what_an_earlier_life_left_is_applied_at_once(feed: Feed, url: str, database: Path) -> None:
    feed.page("j", rows("j", 50))
    feed.end("j", MONDAY, 1)
    feed.redis.xgroup_create(STREAM, GROUP, id="0")
    feed.redis.xreadgroup(GROUP, "c", {STREAM: ">"})
    assert consume(url, database, "--name", "c")[0] == 0
    assert published(database) == {MONDAY: rows("j", 50)}


def test_nothing_another_group_still_needs_is_trimmed(feed: Feed, url: str, database: Path) -> None:
    feed.page("j", rows("j", 50))
    feed.end("j", MONDAY, 1)
    feed.redis.xgroup_create(STREAM, "other", id="0")
    entries = feed.redis.xrange(STREAM)
    assert consume(url, database)[0] == 0
    assert feed.redis.xrange(STREAM) == entries
    # The other group has read 30 and acknowledged 20: the 21st is the first it may ask for again.
    ids = [entry for entry, _ in feed.redis.xreadgroup("other", "o", {STREAM: ">"}, count=30)[0][1]]
    feed.redis.xack(STREAM, "other", *ids[:20])
    text = Redis.from_url(url, decode_responses=True)
    assert trim(text, STREAM) == 20
    assert feed.redis.xrange(STREAM) == entries[20:]
    feed.redis.xack(STREAM, "other", *ids[20:])
    assert trim(text, STREAM) == 10
    assert feed.redis.xrange(STREAM) == entries[30:]
    text.close()


def test_a_full_stream_has_room_again_once_it_is_consumed(redis: Redis, url: str, database: Path) -> None:
    job = Job(redis, "j", bound=100)
    job.publish(1, rows("j", 100))
    (more,) = read_batches([Rows.of([b"{}"])])
    with pytest.raises(SinkFull):
        job.sink.commit(1, 2, more)
    assert consume(url, database)[0] == 0
    assert job.sink.commit(1, 2, more) == more.after


def test_a_group_that_was_lost_is_made_again(feed: Feed, url: str, database: Path) -> None:
    feed.page("j", rows("j", 20))
    with following(url, database, "--no-trim") as follower:
        until(lambda: staged(database) == 20, "the rows are staged")
        feed.redis.xgroup_destroy(STREAM, GROUP)
        feed.end("j", MONDAY, 1)
        until(lambda: published(database) == {MONDAY: rows("j", 20)}, "the end is applied")
        assert _stopped(follower) == 0


def _stopped(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode


def test_wrong_usage_is_said_before_anything_is_done(url: str, database: Path) -> None:
    code, said = consume(url, database, "--claim-seconds", "0")
    assert code == 2
    assert "--claim-seconds" in said
    assert not database.exists()


def test_redis_away_at_start_is_an_error_with_its_address(own_redis: RedisServer, database: Path) -> None:
    own_redis.kill()
    code, said = consume(own_redis.url, database)
    assert code == 1
    assert f"127.0.0.1:{own_redis.port}" in said
    assert "Traceback" not in said


# ---------------------------------------------------------------- from the vendor to the warehouse


@pytest.mark.parametrize("name", ["kargo.campaign-performance-metrics", "mediamath.performance"])
def test_a_report_asked_for_twice_is_in_the_warehouse_once(stack: Stack, tmp_path: Path, name: str) -> None:
    database, stream = tmp_path / "warehouse.db", f"consumed-{name}"
    receipts = [stack.receipt(stack.ask(name, f"stream:{stream}")) for _ in range(2)]
    assert [receipt["error"] for receipt in receipts] == [None, None]
    published_rows = [
        fields[b"row"] for _, fields in stack.redis.xrange(stream) if fields.get(b"at", b"").startswith(b"1.")
    ]
    code, said = consume(stack.services.settings.redis_url, database, stream=stream)
    assert code == 0, said
    [rows] = published(database).values()
    assert sorted(rows) == sorted(published_rows[2500:])
    assert staged(database) == stack.redis.xlen(stream) == 0
    with closing(sqlite3.connect(database)) as warehouse:
        assert warehouse.execute("SELECT job FROM windows").fetchall() == [(receipts[1]["job"],)]
