"""Two real worker processes compared with one, reading pages at once, into the packed stream and into files."""

from __future__ import annotations

import os
from statistics import median

from bench.figures import Figure, Spread, thousands_a_second
from bench.reports import KARGO, KARGO_PAGE_ROWS, KARGO_PARAMS
from bench.stage import stage

ROWS = 30 * KARGO_PAGE_ROWS
AT_LEAST = 1.6
ENOUGH_CORES = 4
"""Two worker processes, Redis and the vendors."""


def main() -> None:
    """Measure one and two, and print the figures."""
    settings = {"MILLRACE_POLL_SECONDS": "0.2"}
    with stage(rows=ROWS, is_replayed=True, polls_until_ready=0, settings=settings) as place:
        from bench.workers import reading_times

        sinks = {"the packed stream": "stream:bench?rows_per_entry=500", "files": f"file:{place.files}"}
        one, two = (reading_times(place, count, KARGO, KARGO_PARAMS, sinks.values()) for count in (1, 2))
        for name, sink in sinks.items():
            ratio = Spread([median(one[sink]) / took for took in two[sink]])
            cores = os.cpu_count() or 1
            is_met = ratio.median >= AT_LEAST if cores >= ENOUGH_CORES or ratio.median >= AT_LEAST else None
            behind = f"{thousands_a_second(ROWS, one[sink])} and {thousands_a_second(ROWS, two[sink])}; {cores} cores"
            Figure(f"two processes on {name}", f"{AT_LEAST} of one", str(ratio), is_met, behind).write()


if __name__ == "__main__":
    main()
