"""`python -m bench [NAME...]` measures the budgets, as ratios within one run, and prints a table.

Each name is measured in a process of its own. The exit code is 1 only if something broke, not if something is slow.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable

from bench.figures import Figure, read_figure, report_progress

MEASURED = ("speed", "processes", "pages", "memory", "recovery", "start")
ON_REQUEST = ("waiting", "poll_cost", "large", "formats", "peers")
COLUMNS = ("what", "at least", "measured", "", "behind it")


def main() -> int:
    """Measure the named budgets, all by default; returns the exit code."""
    names = sys.argv[1:] or list(MEASURED)
    if unknown := [name for name in names if name not in (*MEASURED, *ON_REQUEST)]:
        print(f"{', '.join(unknown)}: not among {', '.join((*MEASURED, *ON_REQUEST))}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    broken: list[str] = []
    for name in names:
        report_progress(name)
        run = subprocess.run([sys.executable, "-m", f"bench.{name}"], stdout=subprocess.PIPE, text=True, check=False)
        figures += map(read_figure, run.stdout.splitlines())
        if run.returncode:
            broken.append(name)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}; median (least to most) of the repetitions\n")
    print_table(COLUMNS, [(f.what, f.at_least, f.measured, f.verdict, f.behind) for f in figures])
    if broken:
        print(f"\nbroke: {', '.join(broken)}")
    return 1 if broken else 0


def print_table(head: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    """Print cells in aligned columns."""
    every = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for line in every:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
