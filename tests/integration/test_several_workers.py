"""Workers side by side: one stalls or is killed while another has its page, two share a report, another broker."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import psutil

from config.settings import PACKAGED
from tests.harness import Stack, running_stack, until
from tests.redis_server import RedisServer, running_redis
from tests.requests import PARAMS
from worker.broker import PREFIX, broker_settings
from worker.jobs.finish import cancel
from worker.local_workers import stream

MEDIAMATH = "mediamath.performance"


def test_a_worker_that_stalls_past_its_lease_and_wakes_up_adds_nothing(stack: Stack) -> None:
    have_fresh_workers(stack)
    stack.vendors_are(rows=40_000)
    stack.dial({"kind": "throttle", "args": {"bytes_per_second": 3_000_000}, "match": {"role": "stream"}})
    job = stack.ask(MEDIAMATH, "stream:stalled")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    stalled = until(lambda: reading_process(stack), "a process that reads")
    # A stopped process keeps its connections and its belief that it has the lease: a zombie to be.
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        until(lambda: len([r for r in stack.requests() if r["path"].endswith("/performance")]) == 2, "a replacement")
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    stack.assert_whole("stalled", job, 40_000)


def test_the_unfinished_file_of_a_killed_worker_is_removed_while_the_job_runs(stack: Stack, tmp_path: Path) -> None:
    have_fresh_workers(stack)
    stack.vendors_are(rows=200_000)
    stack.dial({"kind": "throttle", "args": {"bytes_per_second": 2_000_000}, "match": {"role": "stream"}})
    job = stack.ask(MEDIAMATH, f"file:{tmp_path}")
    left = until(lambda: set(tmp_path.rglob(".page-*.tmp")), "rows on their way")
    os.kill(until(lambda: reading_process(stack), "a process that reads").pid, signal.SIGKILL)

    def is_replaced() -> bool:
        there = set(tmp_path.rglob(".page-*.tmp"))
        return bool(there) and not there & left

    until(is_replaced, "another file in its place")
    assert stack.job(job).state == "streaming"
    cancel(stack.services, job)


def have_fresh_workers(stack: Stack) -> None:
    """Start processes without connections, so that the one with a connection to the vendors is the one that reads."""
    stack.workers.kill("stream")
    stack.workers.restart_dead()


def reading_process(stack: Stack) -> psutil.Process | None:
    """The process of the stream worker with a connection to the vendors."""
    for process in psutil.Process(stack.workers.pid("stream")).children(recursive=True):
        ports = {c.raddr.port for c in process.net_connections() if c.raddr and c.status == "ESTABLISHED"}
        if stack.vendors.port in ports:
            return process
    return None


# ---------------------------------------------------------------- pages shared by two workers


KARGO = "kargo.campaign-performance-metrics"
# More than two workers take at once, so a worker that prefetches messages leaves none for the other.
PAGES = 200


def test_two_hundred_pages_are_shared_by_two_workers(own_redis: RedisServer, tmp_path: Path) -> None:
    connections = (PACKAGED / "connections.yaml").read_text()
    fast = tmp_path / "connections.yaml"
    limits = "{requests_per_second: 1000, reports_at_once: 10, streams_at_once: 200}"
    fast.write_text(re.sub(r"limits: \{.*\}", f"limits: {limits}", connections, count=1))
    with running_stack(tmp_path, own_redis.url, processes=1, MILLRACE_CONNECTIONS=str(fast)) as stack:
        stack.workers.commands = {**stack.workers.commands, "stream-2": stream(1)}
        stack.workers.restart_dead()
        logs = [tmp_path / "logs" / f"{name}.log" for name in ("stream", "stream-2")]
        until(lambda: all(log.exists() and " ready." in log.read_text() for log in logs), "two workers")
        stack.vendors_are(rows=PAGES * 10, latency_ms=20)
        job = stack.ask(KARGO, "stream:shared", {**PARAMS[KARGO], "limit": 10})
        assert stack.receipt(job)["pages"] == PAGES
        assert stack.audit("shared", job).is_whole
        closed = [log.read_text().count("page.closed") for log in logs]
        assert sum(closed) >= PAGES
        # Neither may take more messages than it works on: then the other would find none.
        assert min(closed) >= PAGES // 4, closed


# ---------------------------------------------------------------- a broker of its own


def test_messages_go_over_the_redis_that_is_named_for_them_and_jobs_stay_in_the_other(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    with (
        running_redis(tmp_path / "broker") as broker,
        running_stack(tmp_path / "stack", own_redis.url, MILLRACE_BROKER_URL=broker.url) as stack,
        broker.client() as messages,
    ):
        stack.app.conf.update(broker_settings(broker.url))
        job = stack.ask("mediamath.performance", "stream:rows")
        assert stack.receipt(job)["state"] == "done"
        assert {key.decode().startswith(PREFIX) for key in messages.scan_iter("*")} == {True}
        assert not [key for key in stack.redis.scan_iter("*") if key.decode().startswith(PREFIX)]
