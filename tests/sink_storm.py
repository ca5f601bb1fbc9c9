"""Kills workers again and again while they publish into one sink."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.bucket import CREDENTIALS
from worker.model import Totals
from worker.redis_client import connect
from worker.sinks.audit import Audit
from worker.sinks.kinds import SinkJob, open_sink, parse_address

ROOT = Path(__file__).parents[1]
WRITER = ROOT / "tests" / "fixtures" / "sink_writer.py"
PAGES, PART_ROWS = 3, 400
ASKED_AT_ONCE = 40
# So many that no writer finishes before the last kill: until the next one, two commit at most 40 rows 40 times.
ROWS_OF_A_PAGE_BY_KILL = 850


def row_count(kills: int) -> int:
    """How many rows the job has that is published through so many kills."""
    return PAGES * ROWS_OF_A_PAGE_BY_KILL * kills


def start(to: str, redis: str, rows: int, seed: int) -> subprocess.Popen[str]:
    """Start a worker that publishes all pages of the job, each with so many rows."""
    given = {"to": to, "redis": redis, "job": "j1", "pages": PAGES, "rows": rows, "part_rows": PART_ROWS, "seed": seed}
    command = [sys.executable, str(WRITER), json.dumps(given)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env={**CREDENTIALS, "PYTHONPATH": str(ROOT)}, text=True, **pipes)


def let_work(writer: subprocess.Popen[str]) -> None:
    """Let a worker continue for a while."""
    assert writer.stdin is not None
    writer.stdin.write("\n" * ASKED_AT_ONCE)
    writer.stdin.flush()


def answers(writer: subprocess.Popen[str], count: int) -> bool:
    """Wait for this many answers of a worker; False if it ended before."""
    assert writer.stdout is not None
    return all(writer.stdout.readline() for _ in range(count))


def end(writer: subprocess.Popen[str]) -> None:
    """Kill the worker with SIGKILL, in the middle of what it was doing."""
    writer.kill()
    writer.wait()
    for pipe in (writer.stdin, writer.stdout):
        assert pipe is not None
        with suppress(BrokenPipeError):
            pipe.close()


def publish_through_kills(
    to: str, redis: str, seen: Callable[[], Audit], *, kills: int, fault: Callable[[int], None] = lambda _: None
) -> Audit:
    """Kill one of two workers and start another, many times; let the last finish, and return what consumers see."""
    sink = open_sink(
        parse_address(to), SinkJob("j1", "kargo", "report", connect(redis), stream_bound=0, part_rows=PART_ROWS)
    )
    sink.open(1)
    chance = random.Random(5)
    rows = row_count(kills) // PAGES
    writers = [start(to, redis, rows, seed) for seed in (1, 2)]
    killed_at_work = 0
    try:
        for kill in range(kills):
            for writer in writers:
                let_work(writer)
            # Killed after this many answers, it dies in the middle of its next call.
            killed_at_work += answers(writers[0], chance.randint(1, ASKED_AT_ONCE - 5))
            fault(kill)
            assert seen().is_clean
            end(writers[0])
            writers = [writers[1], start(to, redis, rows, 3 + kill)]
        for writer in writers:
            writer.communicate()
            assert writer.returncode == 0
    finally:
        for writer in writers:
            end(writer)
    # If a writer had ended before its kill, the kill would have tested nothing.
    assert killed_at_work == kills
    totals = sink.tally(1, PAGES)
    assert isinstance(totals, Totals)
    receipt = {"rows": totals.rows, "dead_rows": totals.dead_rows, "pages": PAGES, "digest": totals.digest}
    assert isinstance(sink.finish(1, PAGES, receipt), dict)
    return seen()
