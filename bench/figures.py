"""The result of one budget: a line of the table, and how a measuring process hands it to the process with the table."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

REPETITIONS = 3
MOST_GROWTH_BYTES = 10_000_000


@dataclass(frozen=True)
class Figure:
    """One line: the budget, the result, and the figures it is made of. `is_met` None: this machine cannot decide it."""

    what: str
    at_least: str
    measured: str
    is_met: bool | None
    behind: str = ""

    @property
    def verdict(self) -> str:
        return {True: "ok", False: "short", None: "cannot tell"}[self.is_met]

    def write(self) -> None:
        """Print the figure for the process that makes the table."""
        print(json.dumps(asdict(self)), flush=True)


@dataclass(frozen=True)
class Spread:
    """The results of the same measurement, repeated a few times."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.values):.2f} to {max(self.values):.2f})"


def growth_figure(what: str, few_bytes: int, many_bytes: int, behind: str) -> Figure:
    """The budget of memory: how much higher a peak is with many rows than with few."""
    grown = many_bytes - few_bytes
    return Figure(what, "less than 10 MB more", f"{grown / 1e6:.1f} MB", grown < MOST_GROWTH_BYTES, behind)


def peak_bytes() -> int:
    """The peak resident memory of this process so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def read_figure(line: str) -> Figure:
    """The figure in a line that a measuring process printed."""
    return Figure(**json.loads(line))


def report_progress(text: str) -> None:
    """Print progress to stderr."""
    print(f"  {text}", file=sys.stderr, flush=True)


def seconds(act: Callable[[], object]) -> float:
    """How many seconds a call takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def ratios(yardsticks: Sequence[Sequence[float]], ours: Sequence[float]) -> Spread:
    """Our speed as a share of the slowest yardstick's, for each repetition, so that runs next in time are compared."""
    return Spread([max(times) / own for times, own in zip(zip(*yardsticks, strict=True), ours, strict=True)])


def thousands_a_second(rows: int, times: Sequence[float]) -> str:
    """A speed for people."""
    return f"{rows / statistics.median(times) / 1000:.0f} krows/s"
