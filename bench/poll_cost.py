"""The cost of one poll: CPU of a control worker and of Redis for each poll that is answered "not ready".

A hundred reports are pending and asked about every two seconds, so the worker is far from its limit: what is measured
is the cost of a poll, not how many there can be.
"""

from __future__ import annotations

import os
import time

import psutil

from bench.figures import Figure
from bench.reports import KARGO, KARGO_PARAMS
from bench.stage import Stage, stage

REPORTS = 100
EVERY_SECONDS = 2.0
WARM_UP_SECONDS = 6.0
WINDOW_SECONDS = 20.0
THREADS = 64
MOST_MILLISECONDS = 2.7
"""A third of what it was when 5,000 reports were first waited for."""


def main() -> None:
    """Measure, and print the figure."""
    settings = {"MILLRACE_POLL_SECONDS": f"{EVERY_SECONDS:g}", "MILLRACE_LOG_LEVEL": "warning"}
    with stage(settings=settings, rows=10, polls_until_ready=1_000_000_000, journal_requests=1_000_000) as place:
        _measure(place).write()


def _measure(place: Stage) -> Figure:
    from bench.workers import ask, running
    from worker.local_workers import control
    from worker.services import get_services

    with running(place, {"control": control(THREADS)}):
        for number in range(REPORTS):
            ask(KARGO, KARGO_PARAMS, f"stream:bench-{number}")
        time.sleep(WARM_UP_SECONDS)
        worker, redis = _control_worker(), psutil.Process(int(get_services().redis.info("server")["process_id"]))
        place.vendors.remote.clear()
        before = _seconds(worker), _seconds(redis)
        time.sleep(WINDOW_SECONDS)
        spent = _seconds(worker) - before[0], _seconds(redis) - before[1]
        polls = len(place.vendors.remote.requests("kargo", "status"))
    ours, servers = (seconds / polls * 1_000 for seconds in spent)
    return Figure(
        "CPU of a control worker for each poll",
        f"at most {MOST_MILLISECONDS:g} ms",
        f"{ours:.2f} ms",
        ours <= MOST_MILLISECONDS,
        f"{polls:,} polls in {WINDOW_SECONDS:g} s; of Redis {servers:.2f} ms each",
    )


def _control_worker() -> psutil.Process:
    """The process that polls: the one of the worker's that spends the most."""
    children = psutil.Process(os.getpid()).children(recursive=True)
    return max((child for child in children if "control" in " ".join(child.cmdline())), key=_seconds)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
