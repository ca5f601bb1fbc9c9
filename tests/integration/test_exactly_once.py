"""Two workers on one page, one of them stalled: each row once. What kills do is in `tests/stress`."""

from __future__ import annotations

import os
import signal

import psutil

from tests.harness import Stack, until

MEDIAMATH = "mediamath.performance"


def stream_processes(stack: Stack) -> list[psutil.Process]:
    """The processes of the stream worker that read pages."""
    return psutil.Process(stack.workers.pid("stream")).children(recursive=True)


def test_two_workers_on_one_page_publish_each_row_once(stack: Stack) -> None:
    stack.vendors_are(rows=40_000)
    stack.dial({"kind": "throttle", "args": {"bytes_per_second": 2_000_000}, "match": {"role": "stream"}, "times": 1})
    job = stack.ask(MEDIAMATH, "stream:two")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    # The lease is taken away from a healthy worker, as if it had stalled: both go on reading.
    stack.redis.hset(f"millrace:job:{job}:pages", "1.until", "1")
    stack.nudge("report.stream", job, 1)
    until(lambda: len([r for r in stack.requests() if r["path"].endswith("/performance")]) == 2, "a second reader")
    stack.assert_whole("two", job, 40_000)


def test_a_worker_that_stalls_past_its_lease_and_wakes_up_adds_nothing(stack: Stack) -> None:
    stack.workers.kill("stream")  # fresh processes: whoever has a connection to the vendors is the one that reads
    stack.workers.restart_dead()
    stack.vendors_are(rows=40_000)
    stack.dial({"kind": "throttle", "args": {"bytes_per_second": 3_000_000}, "match": {"role": "stream"}})
    job = stack.ask(MEDIAMATH, "stream:stalled")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    stalled = reading_process(stack)
    # A stopped process keeps its connections and its belief that it has the lease: a zombie to be.
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        until(lambda: len([r for r in stack.requests() if r["path"].endswith("/performance")]) == 2, "a replacement")
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    stack.assert_whole("stalled", job, 40_000)


def reading_process(stack: Stack) -> psutil.Process:
    """The process with a connection to the vendors."""

    def found() -> psutil.Process | None:
        for process in stream_processes(stack):
            ports = {c.raddr.port for c in process.net_connections() if c.raddr and c.status == "ESTABLISHED"}
            if stack.vendors.port in ports:
                return process
        return None

    process: psutil.Process = until(found, "a process that reads")
    return process
