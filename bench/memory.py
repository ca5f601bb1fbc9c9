"""Memory: the peak of a worker process on a report, compared with one of a hundred times the rows."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis

from bench.figures import growth_figure, report_progress
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS, ROKT, ROKT_PARAMS
from bench.stage import Stage, stage
from config.settings import child_environment
from worker.model import Json

FEW = 20_000
TIMES = 100
TRIM_SECONDS = 0.25


@dataclass(frozen=True)
class Case:
    """One kind of report."""

    what: str
    name: str
    params: Json


CASES = [Case("NDJSON", MEDIAMATH, MEDIAMATH_PARAMS), Case("one JSON page", ROKT, ROKT_PARAMS)]


def main() -> None:
    """Measure each case with few rows and with many, and print the figures."""
    with stage(rows=FEW) as place:
        for case in CASES:
            few, many = (measure_peak(place, case, rows).peak for rows in (FEW, FEW * TIMES))
            behind = f"{few / 1e6:.0f} MB with {FEW:,} rows, {many / 1e6:.0f} MB with {FEW * TIMES:,}"
            what = f"peak of a worker on {TIMES} times the rows: {case.what}"
            growth_figure(what, few, many, behind).write()


@dataclass(frozen=True)
class Peak:
    """The peak memory of a process that ran one report, and the bytes of the report's rows."""

    peak: int
    page_bytes: int


def measure_peak(place: Stage, case: Case, rows: int) -> Peak:
    """Run one report with this many rows in a process of its own, while a consumer keeps the stream short."""
    place.vendors.remote.set(rows=rows)
    command = [sys.executable, "-m", "bench.one_process", case.name, json.dumps(case.params), "stream:bench"]
    with Redis.from_url(place.redis_url) as redis, _trimming(redis):
        ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=child_environment())
    result = json.loads(ran.stdout)
    if result["rows"] != rows:
        raise RuntimeError(f"{result['rows']} rows of {rows} arrived")
    report_progress(f"{case.what}: {rows:,} rows in {result['seconds']:.1f} s, peak {result['peak'] / 1e6:.0f} MB")
    return Peak(result["peak"], result["bytes"])


@contextmanager
def _trimming(redis: Redis) -> Iterator[None]:
    """Keep trimming the stream during the block, as a consumer does."""
    is_over = threading.Event()

    def trim() -> None:
        while not is_over.wait(TRIM_SECONDS):
            redis.xtrim("bench", maxlen=0)

    thread = threading.Thread(target=trim)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


if __name__ == "__main__":
    main()
