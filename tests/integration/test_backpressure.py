"""A stream whose consumers do not keep up: nothing is dropped, nothing trimmed, and reading waits."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest

from tests.harness import Stack, running_stack
from tests.redis_server import running_redis

KARGO, MEDIAMATH = "kargo.campaign-performance-metrics", "mediamath.performance"
# Less than the reports below, more than a worker reads ahead.
BOUND = 5_000


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose streams hold at most 5,000 rows, and whose readers wait at most 4 seconds for room."""
    directory = tmp_path_factory.mktemp("bounded")
    limits = {"MILLRACE_STREAM_BOUND": str(BOUND), "MILLRACE_HOLD_SECONDS": "4"}
    with running_redis(directory / "redis") as server, running_stack(directory, server.url, **limits) as stack:
        yield stack


class Consumer:
    """Takes all entries of a stream, and only then makes room."""

    def __init__(self, stack: Stack, stream: str) -> None:
        self._redis = stack.redis
        self._stream = stream
        self.rows: dict[bytes, bytes] = {}
        self.ends = 0

    def consume(self) -> int:
        entries = self._redis.xrange(self._stream)
        for _, fields in entries:
            if b"row" in fields:
                assert fields[b"at"] not in self.rows
                self.rows[fields[b"at"]] = fields[b"row"]
            self.ends += b"end" in fields
        if entries:
            self._redis.xdel(self._stream, *[entry for entry, _ in entries])
        return len(entries)


@pytest.mark.parametrize("name", [KARGO, MEDIAMATH])
def test_a_full_stream_is_waited_for_and_every_row_comes_once_there_is_room(bounded: Stack, name: str) -> None:
    bounded.vendors_as_usual()
    bounded.vendors_are(rows=9_000)
    job = bounded.ask(name, f"stream:{name}")
    bounded.wait_for(job, lambda _: bounded.redis.xlen(name) >= BOUND, "a full stream")
    assert bounded.redis.xlen(name) < BOUND + 1_001
    consumer = Consumer(bounded, name)
    bounded.wait_for(job, lambda job: consumer.consume() >= 0 and job.state == "done", "the end")
    consumer.consume()
    assert (len(consumer.rows), consumer.ends) == (9_000, 1)
    assert bounded.job(job).attempts == 0


def test_a_stream_that_stays_full_is_waited_for_in_flat_memory_and_then_fails_the_job(bounded: Stack) -> None:
    bounded.vendors_as_usual()
    bounded.vendors_are(rows=1_000_000)
    job = bounded.ask(MEDIAMATH, "stream:stuck")
    bounded.wait_for(job, lambda _: bounded.redis.xlen("stuck") >= BOUND, "a full stream")
    pool = psutil.Process(bounded.workers.pid("stream")).children()
    # Taken while the sink is full already: what grows from here on is read ahead.
    at_first = max(process.memory_info().rss for process in pool)
    receipt = bounded.receipt(job)
    assert max(process.memory_info().rss for process in pool) - at_first < 10_000_000
    assert receipt["state"] == "failed"
    assert re.search("full: [0-9]+ entries; consumers must trim it below 5000", receipt["error"]), receipt["error"]
    assert bounded.audit("stuck", job).voided == {1: "failed"}
