"""Recovery: how long until a page whose worker was killed is read again.

Eight slow pages are being read by eight processes; all of them are killed at once and their worker is started again,
as a supervisor does. A page goes on when its lease is taken anew.
"""

from __future__ import annotations

import time

from bench.figures import Figure, report_progress
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS
from bench.stage import Stage, stage
from worker.local_workers import LocalWorkers

PAGES = 8
KILLS = 5
WITHIN_SECONDS = 15.0
BYTES_PER_SECOND = 100_000
LOOK_SECONDS = 0.1


def main() -> None:
    """Kill a few times and print the figure."""
    with stage(rows=1_000_000) as place:
        took = sorted(_kill_again_and_again(place))
    within = sum(seconds < WITHIN_SECONDS for seconds in took) / len(took)
    behind = f"{len(took)} pages, {KILLS} kills: half within {took[len(took) // 2]:.1f} s, all within {took[-1]:.1f} s"
    what = "pages of a killed worker read again within 15 s"
    Figure(what, "99 %", f"{within:.1%}", within >= 0.99, behind).write()


def _kill_again_and_again(place: Stage) -> list[float]:
    from bench.workers import ask, running, wait_until
    from worker.local_workers import beat, control, stream
    from worker.services import get_services

    redis = get_services().redis
    place.vendors.remote.turn({"kind": "throttle", "args": {"bytes_per_second": BYTES_PER_SECOND}})
    took: list[float] = []
    with running(place, {"control": control(4), "stream": stream(PAGES), "beat": beat()}) as workers:
        jobs = {ask(MEDIAMATH, MEDIAMATH_PARAMS, f"stream:bench-{page}"): f"bench-{page}" for page in range(PAGES)}
        for kill in range(1, KILLS + 1):
            redis.delete(*jobs.values())
            wait_until(lambda: all(map(redis.xlen, jobs.values())), "rows of every page")
            took += _recover(workers, list(jobs))
            report_progress(f"kill {kill} of {KILLS}: {max(took[-PAGES:]):.1f} s")
        workers.stop(at_once=True)
    return took


def _recover(workers: LocalWorkers, jobs: list[str]) -> list[float]:
    """Kill the worker of these jobs; returns the seconds until each of their pages was taken again."""
    from bench.workers import wait_until
    from worker.services import get_services

    ledger = get_services().ledger
    workers.kill("stream")
    killed_at = time.monotonic()
    leases = {job_id: ledger.job(job_id).held_until for job_id in jobs}  # type: ignore[union-attr]
    took: list[float] = []

    def is_over() -> bool:
        workers.restart_dead()
        for job_id in [job_id for job_id in leases if ledger.job(job_id).held_until != leases[job_id]]:  # type: ignore[union-attr]
            del leases[job_id]
            took.append(time.monotonic() - killed_at)
        return not leases

    wait_until(is_over, "every page being read again")
    return took


if __name__ == "__main__":
    main()
