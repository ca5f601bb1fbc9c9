"""Kargo pages of 10,000 rows into a Redis stream: one worker process beside bare ijson, and two beside one."""

from __future__ import annotations

import os
from statistics import median

from bench import yardsticks
from bench.figures import REPETITIONS, Figure, Spread, ratios, seconds, talk, thousands_a_second
from bench.reports import KARGO, KARGO_PAGE_ROWS, KARGO_PARAMS, kargo_page
from bench.stage import Stage, stage

PAGES = 12
ROWS = PAGES * KARGO_PAGE_ROWS
SINK = "stream:bench"

ENOUGH_CORES = 4
"""Two worker processes, Redis and the vendors."""


def main() -> None:
    """Measure both and tell the figures."""
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, polls_until_ready=0, settings=settings) as place:
        _one_process(place).tell()
        _two_processes(place).tell()


def _one_process(place: Stage) -> Figure:
    from bench.one_process import run_report
    from worker.services import get_services

    redis = get_services().redis
    job = run_report(KARGO, KARGO_PARAMS, SINK).job
    assert job.vendor_report_id
    pages = [kargo_page(place, job.vendor_report_id, number * KARGO_PAGE_ROWS) for number in range(PAGES)]
    bare, ours = [], []
    for repetition in range(REPETITIONS):
        redis.delete("bench")
        bare.append(seconds(lambda: yardsticks.parse_pages(pages, "data.rows.item")))
        ours.append(run_report(KARGO, KARGO_PARAMS, SINK).seconds)
        talk(f"one process: repetition {repetition + 1} of {REPETITIONS}")
    redis.delete("bench")
    ratio = ratios([bare], ours)
    behind = (
        f"{thousands_a_second(ROWS, ours)}; ijson {thousands_a_second(ROWS, bare)};"
        f" {sum(map(len, pages)) / ROWS:.0f} bytes a row"
    )
    what = "Kargo pages of 10,000 rows into a Redis stream"
    return Figure(what, "0.6 of bare ijson", str(ratio), ratio.median >= 0.6, behind)


def _two_processes(place: Stage) -> Figure:
    one, two = (_worker_seconds(place, processes) for processes in (1, 2))
    ratio = Spread([median(one) / took for took in two])
    cores = os.cpu_count() or 1
    can_tell = cores >= ENOUGH_CORES or ratio.median >= 1.6
    behind = f"{thousands_a_second(ROWS, one)} and {thousands_a_second(ROWS, two)} by real workers; {cores} cores"
    if cores < ENOUGH_CORES:
        behind += " for them, Redis and the vendors"
    is_met = ratio.median >= 1.6 if can_tell else None
    return Figure("the same by two processes", "1.6 of one, where cores allow", str(ratio), is_met, behind)


def _worker_seconds(place: Stage, processes: int) -> list[float]:
    """How long a report takes a real stream worker, a few times, the first not counted."""
    from bench.workers import reading_seconds, running
    from worker.local_workers import control, stream
    from worker.services import get_services

    took = []
    with running(place, {"control": control(4), "stream": stream(processes)}):
        for _ in range(REPETITIONS + 1):
            took.append(reading_seconds(KARGO, KARGO_PARAMS, SINK))
            get_services().redis.delete("bench")
    talk(f"{processes} of {2} processes measured")
    return took[1:]


if __name__ == "__main__":
    main()
