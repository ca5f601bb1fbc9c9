"""Pages in parallel: eight stream workers against a vendor that takes 200 ms a page."""

from __future__ import annotations

from statistics import median

from bench.figures import REPETITIONS, Figure, Spread, report_progress
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS
from bench.stage import Stage, stage

LATENCY_MILLISECONDS = 200
PAGES = 96
PAGE_ROWS = 100
AT_LEAST = 6


def main() -> None:
    """Measure one and eight and print the figure."""
    with stage(rows=PAGES * PAGE_ROWS, latency_ms=LATENCY_MILLISECONDS) as place:
        one = _worker_seconds(place, 1, repetitions=1)
        eight = _worker_seconds(place, 8, repetitions=REPETITIONS)
    ratio = Spread([median(one) / took for took in eight])
    behind = f"{PAGES} pages: {median(one):.1f} s and {median(eight):.1f} s"
    what = f"eight stream workers, {LATENCY_MILLISECONDS} ms a page"
    Figure(what, f"{AT_LEAST} times one", str(ratio), ratio.median >= AT_LEAST, behind).write()


def _worker_seconds(place: Stage, processes: int, *, repetitions: int) -> list[float]:
    """How long a report takes, measured a few times, after a first one that warms up every process."""
    from bench.workers import reading_seconds, running
    from worker.local_workers import control, stream

    params = {**MEDIAMATH_PARAMS, "page_size": PAGE_ROWS}
    with running(place, {"control": control(4), "stream": stream(processes)}):
        took = [reading_seconds(MEDIAMATH, params, "stream:bench") for _ in range(repetitions + 1)]
    report_progress(f"{processes} of 8 workers measured")
    return took[1:]


if __name__ == "__main__":
    main()
