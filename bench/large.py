"""Memory: the peak of a worker process on one page of 1 GB, compared with a small page."""

from __future__ import annotations

from bench.figures import growth_figure
from bench.memory import CASES, FEW, measure_peak
from bench.stage import stage

PAGE_BYTES = 1_000_000_000


def main() -> None:
    """Measure a page of each kind and print the figures."""
    with stage(rows=FEW) as place:
        for case in CASES:
            few = measure_peak(place, case, FEW)
            many = measure_peak(place, case, PAGE_BYTES * FEW // few.page_bytes)
            behind = f"{few.peak / 1e6:.0f} MB with {few.page_bytes / 1e6:.0f} MB, {many.peak / 1e6:.0f} MB"
            what = f"peak of a worker on one page of {many.page_bytes / 1e9:.2f} GB: {case.what}"
            growth_figure(what, few.peak, many.peak, behind).write()


if __name__ == "__main__":
    main()
