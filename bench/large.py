"""Memory: the peak of a worker process on one page of 1 GB, compared with a small page."""

from __future__ import annotations

from bench.figures import Figure
from bench.memory import CASES, FEW, MOST_GROWTH_BYTES, measure_peak
from bench.stage import stage

PAGE_BYTES = 1_000_000_000


def main() -> None:
    """Measure a page of each kind and print the figures."""
    with stage(rows=FEW) as place:
        for case in CASES:
            few = measure_peak(place, case, FEW)
            many = measure_peak(place, case, PAGE_BYTES * FEW // few.page_bytes)
            grown = many.peak - few.peak
            behind = f"{few.peak / 1e6:.0f} MB with {few.page_bytes / 1e6:.0f} MB, {many.peak / 1e6:.0f} MB"
            what = f"peak of a worker on one page of {many.page_bytes / 1e9:.2f} GB: {case.what}"
            Figure(what, "less than 10 MB more", f"{grown / 1e6:.1f} MB", grown < MOST_GROWTH_BYTES, behind).write()


if __name__ == "__main__":
    main()
