"""Waiting: thousands of reports pending at once, how late their polls are, and whether a kill loses any.

How late a poll is: the time since the one before it, as the vendor saw both, less the 15 s its source file says. What
the first of the two took to be answered and noted counts as lateness too.
"""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import pairwise

from bench.figures import Figure, report_progress
from bench.reports import KARGO, KARGO_PARAMS
from bench.stage import Stage, stage

EVERY_SECONDS = 15.0
AT_MOST_LATE_SECONDS = 2.0
THREADS = 64
WINDOW_SECONDS = 75.0
PATIENCE_SECONDS = 1_800.0
LOOK_SECONDS = 2.0

CASES = ((2_000, 1), (5_000, 3), (20_000, 3))
"""Reports and control workers. The last case is too much for two cores: it shows what happens then."""


def main() -> None:
    """Measure each case and print the figures."""
    with stage(rows=10, polls_until_ready=1_000_000_000, journal_requests=1_000_000) as place:
        for reports, workers in CASES:
            for figure in _wait(place, reports, workers):
                figure.write()


def _wait(place: Stage, reports: int, workers: int) -> list[Figure]:
    from bench.workers import running
    from worker.local_workers import beat, control
    from worker.services import get_services

    get_services().redis.flushall()
    commands = {f"control-{number}": control(THREADS) for number in range(1, workers + 1)}
    with running(place, {**commands, "beat": beat()}) as processes:
        _ask_for(place, reports)
        place.vendors.remote.clear()
        time.sleep(WINDOW_SECONDS)
        late = _lateness(_polls(place))
        place.vendors.remote.clear()
        processes.kill("control-1")
        killed_at = time.monotonic()
        processes.restart_dead()
        lost = _missing(place, reports)
        back = time.monotonic() - killed_at
    return _figures(reports, workers, late, lost, back)


def _ask_for(place: Stage, reports: int) -> None:
    """Create this many reports, and return once all of them are pending and have been polled."""
    from bench.workers import ask

    place.vendors.remote.clear()
    began = time.monotonic()
    for number in range(reports):
        ask(KARGO, KARGO_PARAMS, f"stream:bench-{number}")
    if lost := _missing(place, reports):
        raise RuntimeError(f"{lost} of {reports} reports were never polled")
    report_progress(
        f"{reports} reports are pending after {time.monotonic() - began:.0f} s; watching for {WINDOW_SECONDS:g} s"
    )
    time.sleep(EVERY_SECONDS)


def _missing(place: Stage, reports: int) -> int:
    """Wait until every report was polled; returns how many were not within half an hour."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (missing := reports - len(_polls(place))) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return missing


def _figures(reports: int, workers: int, late: list[float], lost: int, back: float) -> list[Figure]:
    on = "one control worker" if workers == 1 else f"{workers} control workers"
    share = sum(seconds < AT_MOST_LATE_SECONDS for seconds in late) / len(late)
    what = f"{reports:,} reports pending on {on}: polls less than 2 s late"
    behind = (
        f"{len(late):,} polls: half of them less than {_at(late, 0.5):.2f} s late, 99 of 100 {_at(late, 0.99):.2f} s;"
        f" {THREADS} threads"
    )
    again = f"every report polled again {back:.0f} s after the kill" if not lost else f"after {back:.0f} s"
    return [
        Figure(what, "99 %", f"{share:.1%}", share >= 0.99, behind),
        Figure("the same, one of them killed: reports lost", "0", str(lost), lost == 0, again),
    ]


def _polls(place: Stage) -> dict[str, list[float]]:
    """When each report was polled, by its id."""
    polls: dict[str, list[float]] = defaultdict(list)
    for request in place.vendors.remote.requests("kargo", "status"):
        polls[str(request["query"]["report_id"])].append(request["time"])
    return polls


def _lateness(polls: dict[str, list[float]]) -> list[float]:
    """How late each poll was, in seconds, sorted."""
    return sorted(later - earlier - EVERY_SECONDS for times in polls.values() for earlier, later in pairwise(times))


def _at(late: list[float], share: float) -> float:
    return late[min(len(late) - 1, int(len(late) * share))]


if __name__ == "__main__":
    main()
