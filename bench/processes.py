"""Two real worker processes compared with one, reading pages at once, into the packed stream and into files."""

from __future__ import annotations

import os
from statistics import median

from bench.figures import REPETITIONS, Figure, Spread, report_progress, thousands_a_second
from bench.reports import KARGO, KARGO_PAGE_ROWS, KARGO_PARAMS
from bench.stage import Stage, stage

ROWS = 30 * KARGO_PAGE_ROWS
AT_LEAST = 1.6
ENOUGH_CORES = 4
"""Two worker processes, Redis and the vendors."""


def main() -> None:
    """Measure one and two, and print the figures."""
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, is_replayed=True, polls_until_ready=0, settings=settings) as place:
        sinks = {"the packed stream": "stream:bench?rows_per_entry=500", "files": f"file:{place.files}"}
        one, two = (_seconds(place, processes, sinks) for processes in (1, 2))
        for name in sinks:
            ratio = Spread([median(one[name]) / took for took in two[name]])
            cores = os.cpu_count() or 1
            is_met = ratio.median >= AT_LEAST if cores >= ENOUGH_CORES or ratio.median >= AT_LEAST else None
            behind = f"{thousands_a_second(ROWS, one[name])} and {thousands_a_second(ROWS, two[name])}; {cores} cores"
            Figure(f"two processes on {name}", f"{AT_LEAST} of one", str(ratio), is_met, behind).write()


def _seconds(place: Stage, processes: int, sinks: dict[str, str]) -> dict[str, list[float]]:
    """How long a report takes real workers, measured a few times for each sink, after one warm-up."""
    from bench.workers import reading_seconds, running
    from worker.local_workers import control, stream

    took: dict[str, list[float]] = {name: [] for name in sinks}
    with running(place, {"control": control(4), "stream": stream(processes)}):
        for name, sink in sinks.items():
            for _ in range(REPETITIONS + 1):
                took[name].append(reading_seconds(KARGO, KARGO_PARAMS, sink))
                place.drop_rows()
            del took[name][0]
    report_progress(f"{processes} of 2 processes measured")
    return took


if __name__ == "__main__":
    main()
