"""Pages in parallel: eight stream workers against a vendor that takes 200 ms a page."""

from __future__ import annotations

from statistics import median

from bench.figures import Figure, Spread
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS
from bench.stage import stage

LATENCY_MILLISECONDS = 200
PAGES = 96
PAGE_ROWS = 100
AT_LEAST = 6


def main() -> None:
    """Measure one and eight and print the figure."""
    params = {**MEDIAMATH_PARAMS, "page_size": PAGE_ROWS}
    with stage(rows=PAGES * PAGE_ROWS, latency_ms=LATENCY_MILLISECONDS) as place:
        from bench.workers import reading_times

        (one,) = reading_times(place, 1, MEDIAMATH, params, ["stream:bench"], repetitions=1).values()
        (eight,) = reading_times(place, 8, MEDIAMATH, params, ["stream:bench"]).values()
    ratio = Spread([median(one) / took for took in eight])
    behind = f"{PAGES} pages: {median(one):.1f} s and {median(eight):.1f} s"
    what = f"eight stream workers, {LATENCY_MILLISECONDS} ms a page"
    Figure(what, f"{AT_LEAST} times one", str(ratio), ratio.median >= AT_LEAST, behind).write()


if __name__ == "__main__":
    main()
