"""Commits into either sink, beside Redis and the file system doing the same work without a record.

python -m bench commit
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

from redis import Redis

from bench.figures import Figure, ratios, talk
from bench.yardsticks import add_to_stream
from worker.embedded_redis import free_port, start_server
from worker.publish.batch import ReadBatch, batches
from worker.sinks.kinds import SinkJob, open_sink, parse_address
from worker.sinks.sink import Sink

ROWS = 100_000
BATCH_ROWS = 1_000
REPETITIONS = 7


def main() -> None:
    """Measure each way in turn, a few times over, and tell the figures."""
    rows = [b'{"campaign_id":%d,"name":"campaign %d","impressions":93283,"clicks":123,"spend":57.1000}' % (n, n)
            for n in range(ROWS)]  # fmt: skip
    ready = list(batches([rows]))
    with _redis() as redis, tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        directory = Path(name)
        acts: dict[str, Callable[[], object]] = {
            "script": lambda: add_to_stream(redis, rows),
            "pipeline": lambda: _pipeline(redis, rows),
            "stream": lambda: _commit(_sink("stream:rows", redis), ready),
            "write": lambda: _write(directory / "plain", ready),
            "files": lambda: _commit(_sink(f"file:{directory}", redis), ready),
        }
        costs: dict[str, list[float]] = {name: [] for name in acts}
        for repetition in range(REPETITIONS + 1):
            for way, act in acts.items():
                redis.flushall()
                before = _processor_seconds(redis)
                act()
                if repetition:  # the first one warms up
                    costs[way].append(_processor_seconds(redis) - before)
            talk(f"commit {repetition} of {REPETITIONS}")
    _tell("commits into a stream", 0.85, "one bare script call a batch", costs["stream"], costs["script"])
    _tell("commits into a stream", 1.5, "redis-py's pipeline", costs["stream"], costs["pipeline"])
    _tell("commits into files", 0.3, "write, SHA-256 and fsync alone", costs["files"], costs["write"])


def _tell(what: str, at_least: float, than: str, ours: list[float], other: list[float]) -> None:
    ratio = ratios([other], ours)
    behind = f"{median(ours) / ROWS * 1e6:.2f} us a row; {than} {median(other) / ROWS * 1e6:.2f}"
    Figure(what, f"{at_least} of {than}", str(ratio), ratio.median >= at_least, behind).tell()


def _processor_seconds(redis: Redis) -> float:
    """Spent so far by this process and the server."""
    server = redis.info("cpu")
    return time.process_time() + float(server["used_cpu_user"]) + float(server["used_cpu_sys"])


def _commit(sink: Sink, ready: list[ReadBatch]) -> None:
    sink.open(1)
    for batch in ready:
        sink.commit(1, 1, batch)
    sink.close(1, 1, ready[-1].after)
    sink.void(1, "cancelled")


def _pipeline(redis: Redis, rows: list[bytes]) -> None:
    for first in range(0, len(rows), BATCH_ROWS):
        pipeline = redis.pipeline(transaction=False)
        for number, row in enumerate(rows[first : first + BATCH_ROWS], first + 1):
            pipeline.xadd("pipeline", {"job": "yardstick", "at": f"1.1.{number}", "row": row})
        pipeline.execute()


def _write(path: Path, ready: list[ReadBatch]) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for batch in ready:
            digest.update(batch.text)
            file.write(batch.text)
        file.flush()
        os.fsync(file.fileno())


def _sink(to: str, redis: Redis) -> Sink:
    """A sink of a job of its own."""
    job = SinkJob(uuid4().hex, "bench", "commit", redis, stream_bound=10_000_000, part_rows=250_000)
    return open_sink(parse_address(to), job)


@contextmanager
def _redis() -> Iterator[Redis]:
    """A server with its append-only file, as Millrace starts it."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-", ignore_cleanup_errors=True) as directory:
        port = free_port()
        server = start_server(Path(directory), port)
        redis = Redis(port=port)
        yield redis
        redis.close()
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
