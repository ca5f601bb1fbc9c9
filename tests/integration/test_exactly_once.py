"""A worker that stalls past its lease while another has its page. What kills do is in `tests/stress`."""

from __future__ import annotations

import os
import signal

import psutil

from tests.harness import Stack, until

MEDIAMATH = "mediamath.performance"


def test_a_worker_that_stalls_past_its_lease_and_wakes_up_adds_nothing(stack: Stack) -> None:
    stack.workers.kill("stream")  # fresh processes: whoever has a connection to the vendors is the one that reads
    stack.workers.restart_dead()
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


def reading_process(stack: Stack) -> psutil.Process | None:
    """The process of the stream worker with a connection to the vendors."""
    for process in psutil.Process(stack.workers.pid("stream")).children(recursive=True):
        ports = {c.raddr.port for c in process.net_connections() if c.raddr and c.status == "ESTABLISHED"}
        if stack.vendors.port in ports:
            return process
    return None
