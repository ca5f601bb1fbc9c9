"""The reference consumer loses and doubles nothing if it is killed or Redis loses its last second."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from redis import Redis

from examples.consumer.entries import position
from tests.consumer_feed import (
    GROUP,
    MONDAY,
    PATIENCE_SECONDS,
    STREAM,
    Job,
    consume,
    consumer,
    following,
    published,
    rows,
    staged,
)
from tests.consumer_feed import database as database
from tests.harness import until

if TYPE_CHECKING:
    from tests.redis_server import RedisServer

KILLS, CONSUMERS, DAYS = 20, 3, 4
# Batches smaller than a page, so that a kill falls into the middle of one.
IMPATIENT = ("--claim-seconds", "0.1", "--batch-entries", "40")


@dataclass
class Pool:
    """Consumers of one group on one database, each replaced when it is killed."""

    redis: Redis
    url: str
    database: Path
    log: BinaryIO
    started: int = 0
    killed_at_work: int = 0
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        self.started += 1
        name = f"c{self.started}"
        self.running[name] = consumer(self.url, self.database, "--name", name, *IMPATIENT, log=self.log)

    def joined(self) -> set[str]:
        """The running ones that reached the group."""
        return {line["name"].decode() for line in self.redis.xinfo_consumers(STREAM, GROUP)} & self.running.keys()

    def at_work(self) -> set[str]:
        """The running ones that hold entries they have not acknowledged."""
        holding = self.redis.xpending(STREAM, GROUP)["consumers"]
        return {line["name"].decode() for line in holding} & self.running.keys()

    def reached(self) -> tuple[int, int]:
        """How far the group was given entries."""
        return position(self.redis.xinfo_groups(STREAM)[0]["last-delivered-id"].decode())

    def kill_one(self, chance: random.Random) -> None:
        """Kill one within what was written last, in the middle of a batch where there is one."""
        written = self.redis.xrevrange(STREAM, count=chance.randint(1, 1500)) or [(b"0", {})]
        until(lambda: self.reached() >= position(written[-1][0].decode()), "the group came that far")
        until(lambda: bool(self.joined()), "one is running")
        # Whoever holds entries is in the middle of a batch: there a kill tells most.
        at_work = self.at_work()
        self.killed_at_work += bool(at_work)
        name = chance.choice(sorted(at_work or self.joined()))
        victim = self.running.pop(name)
        assert victim.poll() is None, "a consumer ended by itself"
        victim.kill()
        victim.wait()
        self.start()

    def stop(self) -> list[int]:
        """Ask all to stop; their exit codes."""
        until(lambda: self.joined() == self.running.keys(), "all have started")
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        return [process.wait(PATIENCE_SECONDS) for process in self.running.values()]


@contextmanager
def pool(redis: Redis, url: str, database: Path) -> Iterator[Pool]:
    with database.with_suffix(".log").open("wb") as log:
        consumers = Pool(redis, url, database, log)
        try:
            for _ in range(CONSUMERS):
                consumers.start()
            yield consumers
        finally:
            for process in consumers.running.values():
                process.kill()
                process.wait()


class Days:
    """Jobs that restate four days over and over, and what must be seen of each day in the end."""

    def __init__(self, redis: Redis, chance: random.Random) -> None:
        self._redis = redis
        self._chance = chance
        self._latest: dict[str, int] = {}
        self.seen: dict[str, list[object]] = {}

    def job(self, number: int, ready: int) -> Iterator[None]:
        """One job from its first row to its end, pausing after each page."""
        day, job = f"2026-11-{number % DAYS + 1:02d}", Job(self._redis, f"j{number}")
        readings = [rows(job.name, self._chance.choice([0, 700, 2000]), note=f"page {page}") for page in (1, 2, 3)]
        if number % 3 == 0:
            job.publish(rows(job.name, 2000, note="before a restatement"), is_whole=False)
            yield
            job.begin_anew()
        for page, reading in enumerate(readings, 1):
            job.publish(reading, page=page)
            yield
            # Once more, as after a crash that took Redis's last second.
            for _, fields in reversed(self._redis.xrevrange(STREAM, count=self._chance.randint(1, 1500))):
                self._redis.xadd(STREAM, fields)
        if number % 5 == 4:
            job.sink.void(job.generation, "failed")
            return
        job.end(len(readings), day, ready)
        if ready > self._latest.get(day, -1):
            self._latest[day] = ready
            self.seen[day] = [row for reading in readings for row in reading]


def test_consumers_killed_at_random_moments_neither_lose_nor_double_a_row(
    redis: Redis, redis_server: RedisServer, database: Path
) -> None:
    chance, number = random.Random(os.urandom(8)), 0
    days = Days(redis, chance)
    ready = chance.sample(range(60), 60)
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    with pool(redis, redis_server.url, database) as consumers:
        while consumers.started < CONSUMERS + KILLS:
            for _ in days.job(number, ready[number]):
                consumers.kill_one(chance)
            number += 1
        assert consumers.stop() == [0] * CONSUMERS
        assert consumers.killed_at_work > 0
    code, output = consume(redis_server.url, database, *IMPATIENT)
    assert code == 0, output
    assert published(database) == days.seen
    assert staged(database) == 0
    assert redis.xpending(STREAM, GROUP)["pending"] == redis.xlen(STREAM) == 0


def test_a_consumer_outlives_a_restart_of_redis(own_redis: RedisServer, database: Path, tmp_path: Path) -> None:
    redis = own_redis.client()
    Job(redis, "j").publish(rows("j", 500)[:200], is_whole=False)
    with (tmp_path / "consumer.log").open("wb") as log, following(own_redis.url, database, log=log) as follower:
        until(lambda: staged(database) == 200, "the first rows are staged")
        own_redis.kill()
        own_redis.start()
        job = Job(redis, "j")
        job.publish(rows("j", 500))
        job.end()
        until(lambda: published(database) == {MONDAY: rows("j", 500)}, "the end is applied")
        assert follower.poll() is None
    redis.close()
