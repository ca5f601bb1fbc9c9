"""A storm: workers, Redis and vendor connections are killed at random moments while reports are read."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.harness import Stack, running_stack
from tests.redis_server import RedisServer, running_redis
from worker.model import FINISHED, Job
from worker.sinks.audit import Audit

SHAPES = {"pages": "kargo.campaign-performance-metrics", "one long stream": "mediamath.performance"}

LONGEST_CALM_SECONDS = 6.0
"""A kill waits for progress since the last one, but no longer than this: a storm that never lets up proves nothing."""


@dataclass
class Damage:
    """What was killed, and what became of the rows."""

    reports: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    unfinished: int = 0
    generations: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def sigkills(self) -> int:
        """Workers killed: processes of a pool and whole workers."""
        return sum(count for what, count in self.kills.items() if what.startswith("SIGKILL"))

    @property
    def is_none(self) -> bool:
        """Every row is there once and in order."""
        return not (self.lost or self.doubled or self.out_of_order or self.unfinished)

    def add(self, found: Audit, job: Job, expected: int) -> None:
        """Count one report as its consumers find it."""
        self.reports += 1
        self.rows += found.rows
        self.lost += found.lost + max(0, expected - found.rows)
        self.doubled += found.doubled
        self.out_of_order += found.out_of_order
        self.unfinished += not (found.is_whole and job.state == "done")
        self.generations = max(self.generations, job.generation)


class Storm:
    """Kills until enough is killed, while a report is read and asked for again."""

    def __init__(self, stack: Stack, redis: RedisServer, *, seed: int) -> None:
        self._stack = stack
        self._redis = redis
        self._random = random.Random(seed)

    def rage(self, name: str, rows: int, kills: int, damage: Damage, say: Callable[[str], None]) -> None:
        """Read reports of `rows` rows, one after another, until so many workers were killed meanwhile."""
        began = time.monotonic()
        enough = damage.sigkills + kills
        while damage.sigkills < enough:
            stream = f"storm-{name}-{damage.reports}"
            # Every other report in packed entries.
            packing = "?rows_per_entry=500" if damage.reports % 2 else ""
            job_id = self._stack.ask(name, f"stream:{stream}{packing}", finish_within="2h")
            self.kill_while_it_runs(job_id, enough, damage)
            self._stack.receipt(job_id)
            damage.add(self._stack.audit(stream, job_id), self._stack.job(job_id), rows)
            self._stack.redis.delete(stream)
            say(f"{stream}: {damage.sigkills} SIGKILLs, {damage.lost} lost, {damage.doubled} doubled so far")
        damage.seconds += time.monotonic() - began

    def kill_while_it_runs(self, job_id: str, enough: int, damage: Damage) -> None:
        """Kill at random moments while one job runs."""
        while damage.sigkills < enough:
            if not self.wait_for_progress(job_id):
                return
            # The moment of a kill is random, because faults lie where a person would not have aimed.
            time.sleep(self._random.uniform(0, 1.0))
            self.strike(damage)

    def wait_for_progress(self, job_id: str) -> bool:
        """Wait until the job has progressed since the last kill; False if it is over."""
        before = self._stack.job(job_id)
        deadline = time.monotonic() + LONGEST_CALM_SECONDS
        while time.monotonic() < deadline:
            self._stack.workers.restart_dead()
            job = self._stack.job(job_id)
            if job.state in FINISHED:
                return False
            if (job.state, job.poll, job.rows, job.closed) != (before.state, before.poll, before.rows, before.closed):
                return True
            time.sleep(0.05)
        return True

    def strike(self, damage: Damage) -> None:
        draw = self._random.random()
        if draw < 0.5:
            self.kill_process(damage)
        elif draw < 0.75:
            self.kill_worker("stream", damage)
        elif draw < 0.9:
            self.kill_worker("control", damage)
        elif draw < 0.95:
            self.cut_a_connection(damage)
        else:
            self._redis.kill()
            self._redis.start()
            damage.kills["Redis SIGKILL and restart"] += 1

    def kill_process(self, damage: Damage) -> None:
        """One process of the stream worker's pool."""
        with suppress(psutil.Error):
            # The worker itself lives on and must notice that a process of its pool is gone.
            pool = psutil.Process(self._stack.workers.pid("stream")).children()
            if pool:
                self._random.choice(pool).send_signal(signal.SIGKILL)
                damage.kills["SIGKILL of a stream process"] += 1

    def kill_worker(self, name: str, damage: Damage) -> None:
        self._stack.workers.kill(name)
        damage.kills[f"SIGKILL of the {name} worker"] += 1

    def cut_a_connection(self, damage: Damage) -> None:
        after = self._random.randrange(1, 3_000_000)
        self._stack.dial({"kind": "reset", "args": {"after_bytes": after}, "times": 1, "match": {"role": "stream"}})
        damage.kills["vendor connection reset"] += 1


def storm_over(directory: Path, rows: int, kills: int, seed: int, *, say: Callable[[str], None]) -> dict[str, Damage]:
    """Half of the kills over reports in pages, half over long streams, on a Redis of their own."""
    damage = {shape: Damage() for shape in SHAPES}
    with (
        running_redis(directory / "redis") as server,
        running_stack(directory / "stack", server.url, processes=3) as stack,
    ):
        stack.vendors_are(rows=rows)
        storm = Storm(stack, server, seed=seed)
        for shape, name in SHAPES.items():
            storm.rage(name, rows, kills // 2, damage[shape], say)
    return damage
