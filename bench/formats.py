"""Formats of files: the cost of one page of ten million rows in each, and whether memory grows.

`python -m bench formats` asks every format; `python -m bench.formats parquet zstd 1000000` one of them, for itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from redis import Redis

from bench.figures import growth_figure, peak_bytes, report_progress
from config.settings import Settings
from worker.model import Json, Rows
from worker.publish.pipeline import Publication
from worker.sinks.kinds import SinkJob, open_sink, parse_address

FEW, MANY = 600_000, 10_000_000
BLOCK_ROWS = 1_000
KINDS = [("ndjson", "none"), ("ndjson", "zstd"), ("ndjson", "gzip"), ("csv", "none"), ("parquet", "zstd")]
ROW = b'{"id":922337%013d,"campaign":"Autumn %d","day":"2026-11-%02d","clicks":%d,"spend":%d.%04d,"note":null}\n'


def main() -> None:
    """Measure every format with few rows and with many, each in a process of its own, and print the figures."""
    for kind, compression in KINDS:
        few, many = (_measured(kind, compression, rows) for rows in (FEW, MANY))
        behind = (
            f"peak {few['peak'] / 1e6:.0f} MB with {FEW:,} rows, {many['peak'] / 1e6:.0f} MB with {MANY:,}, "
            f"{many['base'] / 1e6:.0f} MB of it before the first; {MANY / many['seconds'] / 1e3:.0f} krows/s, "
            f"{many['cpu'] / MANY * 1e6:.1f} us of CPU and {many['bytes'] / MANY:.0f} bytes a row"
        )
        what = f"peak of a process on one page of {MANY:,} rows: {kind}, {compression}"
        growth_figure(what, few["peak"], many["peak"], behind).write()


def _measured(kind: str, compression: str, rows: int) -> Json:
    command = [sys.executable, "-m", "bench.formats", kind, compression, str(rows)]
    result: Json = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    report_progress(
        f"{kind}, {compression}: {rows:,} rows in {result['seconds']:.0f} s, peak {result['peak'] / 1e6:.0f} MB"
    )
    return result


def _publish(kind: str, compression: str, rows: int) -> Json:
    """Write one page with this many rows, already read, to files; returns what it cost."""
    with tempfile.TemporaryDirectory(prefix="millrace-") as directory:
        address = parse_address(f"file:{directory}?format={kind}&compression={compression}")
        part_rows = Settings().part_rows
        sink = open_sink(address, SinkJob("job", "bench", "rows", Redis(port=1), stream_bound=0, part_rows=part_rows))
        sink.open(1)
        base, began, used = peak_bytes(), time.perf_counter(), time.process_time()
        page = Publication(
            sink, 1, 1, on_read=lambda: None, on_commit=lambda _: None, on_full=lambda full: sys.exit(full.reason)
        )
        page.start()
        page.close(page.publish(_blocks(rows)))
        took, cpu = time.perf_counter() - began, time.process_time() - used
        written = sum(path.stat().st_size for path in Path(directory).rglob("page-*") if path.suffix != ".json")
    return {"seconds": took, "cpu": cpu, "base": base, "peak": peak_bytes(), "bytes": written}


def _blocks(rows: int) -> Iterator[Rows]:
    """Rows with an id of 19 digits, text that repeats, a date, an integer, a decimal, and a null."""
    template = ROW * BLOCK_ROWS
    for first in range(0, rows, BLOCK_ROWS):
        values: list[int] = []
        for row in range(first, first + BLOCK_ROWS):
            values += (row, row * 7919 % 50, row // 3 % 30 + 1, row * 31 % 1_000, row * 17 % 997, row * 7907 % 10_000)
        yield Rows(template % tuple(values), BLOCK_ROWS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.nice(10)
        print(json.dumps(_publish(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        main()
