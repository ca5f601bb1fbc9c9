"""Both ends of a stream for tests of its consumer: entries as Millrace writes them, and consumer processes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from redis import Redis

from worker.model import Json, Rows, Totals
from worker.publish.pipeline import Publication
from worker.sinks.redis_server import RedisServer
from worker.sinks.redis_stream import RedisStreamSink

ROOT = Path(__file__).parents[1]
STREAM = "rows:kargo.campaign-performance-metrics"
GROUP = "warehouse"
PATIENCE_SECONDS = 60
MONDAY, TUESDAY = "2026-11-02", "2026-11-03"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The path of a warehouse that does not exist yet."""
    return tmp_path / "warehouse.db"


def rows(job: str, count: int, *, note: str = "") -> list[bytes]:
    """A reading of this many rows; another note makes it another reading."""
    return [json.dumps({"job": job, "n": n, "note": note}).encode() for n in range(1, count + 1)]


def receipt(job: str, day: str, ready: int, made: Totals, generation: int) -> Json:
    """The parts of a receipt that a consumer uses, for a job of one day, ready at this second of the minute."""
    return {
        "job": job,
        "connection": "kargo",
        "report": "campaign-performance-metrics",
        "params": {"dimensions": ["campaign_name"]},
        "window": {"from": day, "to": day},
        "generation": generation,
        "rows": made.rows,
        "dead_rows": made.dead_rows,
        "pages": made.pages,
        "digest": made.digest,
        "ready_at": f"2026-11-05T00:00:{ready:02d}.000Z",
    }


class Job:
    """A job that publishes through the real sink; each action may be repeated, as by another worker."""

    def __init__(self, redis: Redis, job: str, *, bound: int = 0, rows_per_entry: int = 1) -> None:
        self.name = job
        self.generation = 1
        server = RedisServer(redis, f"stream:{STREAM}")
        self.sink = RedisStreamSink(server, STREAM, job, bound=bound, rows_per_entry=rows_per_entry)

    def publish(self, reading: Sequence[bytes], *, page: int = 1, is_whole: bool = True) -> None:
        """Open the job and publish a page from its start, skipping committed rows; close it after all rows."""
        self.sink.open(self.generation)
        heard: list[object] = []
        work = Publication(
            self.sink, self.generation, page, on_read=heard.clear, on_commit=heard.append, on_full=pytest.fail
        )
        work.start()
        at = work.publish([Rows.of(reading)])
        if is_whole:
            work.close(at)

    def begin_anew(self) -> None:
        self.sink.void(self.generation, "replay", self.generation + 1)
        self.generation += 1

    def end(self, pages: int = 1, day: str = MONDAY, ready: int = 1) -> None:
        made = self.sink.tally(self.generation, pages)
        assert isinstance(made, Totals)
        self.sink.finish(self.generation, pages, receipt(self.name, day, ready, made, self.generation))


def consumer(
    url: str, database: Path, *flags: str, stream: str = STREAM, log: int | BinaryIO = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Start a consumer; the caller must stop it."""
    command = [sys.executable, "-m", "examples.consumer", url, stream, "--database", str(database), *flags]
    return subprocess.Popen(command, cwd=ROOT, stderr=log)


@contextmanager
def following(
    url: str, database: Path, *flags: str, stream: str = STREAM, log: int | BinaryIO = subprocess.PIPE
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a consumer during the block."""
    process = consumer(url, database, *flags, stream=stream, log=log)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def consume(url: str, database: Path, *flags: str, stream: str = STREAM) -> tuple[int, str]:
    """Consume all entries in the stream; returns the exit code and the output."""
    with following(url, database, "--once", *flags, stream=stream) as process:
        _, output = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, output.decode()


def published(database: Path) -> dict[str, list[bytes]]:
    """The visible rows, by day."""
    days = "SELECT json_extract(name, '$.window.from'), window_id FROM windows"
    texts = "SELECT content FROM report_rows WHERE window_id = ? ORDER BY page, row"
    with closing(sqlite3.connect(database)) as warehouse:
        return {
            day: [text.encode() for (text,) in warehouse.execute(texts, (window,))]
            for day, window in warehouse.execute(days)
        }


def staged(database: Path) -> int:
    """How many rows wait for an end; 0 if no consumer has created the tables yet."""
    with closing(sqlite3.connect(database)) as warehouse:
        if not warehouse.execute("SELECT 1 FROM sqlite_master WHERE name = 'staged'").fetchone():
            return 0
        return int(warehouse.execute("SELECT count(*) FROM staged").fetchone()[0])
