"""`millrace demo`: the main job from start to end, on embedded parts, with workers killed on the way.

It uses real HTTP against the simulated vendors, a real Redis server and real Celery workers in processes of their own.
The table counts what is in Redis and, for the report that goes to Parquet, what DuckDB reads; never what was sent.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from config.settings import prepare_environment
from worker.cli.output import print_json, print_table, talk
from worker.cli.peak_memory import measure_peak_memory
from worker.cli.progress import follow
from worker.cli.sandbox import simulated_vendors
from worker.cli.standalone import keep_running, restart_dead
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import LocalWorkers, api, local_workers
from worker.model import FINISHED
from worker.redis_client import leave_embedded_redis
from worker.services import Services, get_services
from worker.sinks.audit import audit

SETTINGS = {
    "MILLRACE_POLL_SECONDS": "1",
    "MILLRACE_LEASE_SECONDS": "3",
    "MILLRACE_SWEEP_SECONDS": "2",
    "MILLRACE_LOG": "text",
}
KILL_AT_SHARE = 0.3

LARGE: dict[str, dict[str, Any]] = {
    "kargo.campaign-performance-metrics": {
        "dimensions": ["publisher_name", "advertiser_name", "campaign_name"],
        "measures": ["advertiser_impressions_sum", "clicks_sum"],
        "filters": [{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026113023}}],
    },
    "mediamath.performance": {
        "fields": [
            "campaign_id", "campaign_name", "strategy_id", "creative_id", "exchange_id", "impressions", "clicks",
            "total_spend", "total_spend_cpm", "ctr", "post_click_conversions", "uniques",
        ],
        "filters": [{"field": "organization_id", "value": 100048}],
        "rollup": "by_day",
        "time_window": "last_30_days",
    },
}  # fmt: skip
"""These are read while a worker is killed."""

SMALL: dict[str, dict[str, Any]] = {
    "rokt.query-campaigns": {
        "accountId": "1234567890123456789",
        "startDate": "2026-01-01",
        "endDate": "2026-02-01",
        "metrics": ["impressions", "referrals", "gross_cost"],
        "dimensions": ["campaign_id", "campaign_name"],
        "interval": "day",
    },
    "instal.advertiser-export": {"start_date": "2026-01-01", "stop_date": "2026-01-31"},
}
IN_PARQUET = "rokt.query-campaigns"
"""Written to Parquet files as well, if the packages that read them are installed."""
SMALL_SHARE = 0.1
"""Rows of the small ones, as a share of the rows of the large ones."""


@dataclass(frozen=True)
class Line:
    """One report of the table. Every count is taken from the stream, or from the files."""

    report: str
    state: str
    expected: int
    published: int
    doubled: int
    is_whole: bool
    killed: int
    seconds: float
    peak_mb: float

    @property
    def rows_per_second(self) -> int:
        return round(self.published / self.seconds)


@click.command()
@click.option("--rows", type=click.IntRange(1), default=1_000_000, show_default=True, help="Rows of each report.")
@click.option("--processes", type=click.IntRange(1), default=2, show_default=True, help="Stream processes.")
@click.option("--keep", is_flag=True, help="Serve the page with the jobs until Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8080, show_default=True, help="The port of the page.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON lines.")
def demo(rows: int, processes: int, keep: bool, port: int, as_json: bool) -> None:
    """Run a report of each vendor from start to end, all on this machine; exit 0 only if every row arrived."""
    beside = {"api": api(port)} if keep else {}
    with (
        tempfile.TemporaryDirectory(prefix="millrace-demo-") as directory,
        simulated_vendors(rows, dict.fromkeys(SMALL, _small_rows(rows))) as vendors,
    ):
        prepare_environment({**vendors, **SETTINGS, "MILLRACE_REDIS_URL": "", "MILLRACE_DATA_DIR": directory})
        talk.print(f"Redis, the vendors and {processes} stream processes are up; {rows:,} rows in a large report")
        try:
            with local_workers(Path(directory), processes=processes, beside=beside) as workers:
                lines = list(_run_reports(workers, Path(directory), rows))
                _print(lines, as_json)
                if keep:
                    talk.print(f"The page: http://127.0.0.1:{port}/ (Ctrl-C ends everything and removes its files)")
                    with suppress(KeyboardInterrupt):
                        keep_running(workers)
        finally:
            leave_embedded_redis()
    sys.exit(0 if lines and all(line.is_whole for line in lines) else 1)


def _print(lines: list[Line], as_json: bool) -> None:
    if as_json:
        for line in lines:
            print_json({**vars(line), "rows_per_second": line.rows_per_second})
    else:
        columns = ("report", "state", "expected", "published", "doubled", "killed", "seconds", "rows/s", "peak memory")
        cells = [
            (
                line.report, line.state, line.expected, line.published, line.doubled, line.killed,
                f"{line.seconds:.1f}", line.rows_per_second, f"{line.peak_mb:.0f} MB",
            )
            for line in lines
        ]  # fmt: skip
        print_table(columns, cells)


def _small_rows(rows: int) -> int:
    """The number of rows of a small report if a large one has this many."""
    return max(1, int(rows * SMALL_SHARE))


def _run_reports(workers: LocalWorkers, directory: Path, rows: int) -> Iterator[Line]:
    for name, params in LARGE.items():
        yield _run(workers, name, params, rows, kills=True)
    for name, params in SMALL.items():
        yield _run(workers, name, params, _small_rows(rows), kills=False)
    if find_spec("duckdb") and find_spec("pyarrow"):
        tables = directory / "tables"
        yield _run(workers, IN_PARQUET, SMALL[IN_PARQUET], _small_rows(rows), kills=False, tables=tables)


def _run(
    workers: LocalWorkers, name: str, params: Mapping[str, Any], rows: int, *, kills: bool, tables: Path | None = None
) -> Line:
    """Run one report of so many rows to its receipt, and kill the stream worker on the way if `kills`.

    With `tables`, its rows go to Parquet files below that directory.
    """
    from worker.celery import nudge  # reads the settings, which are ours only now

    services = get_services()
    began = time.monotonic()
    job_id, _ = create_job(services, JobRequest(name, params, f"file:{tables}?format=parquet" if tables else None))
    nudge("report.submit", job_id)
    with measure_peak_memory(workers.pids) as peak:
        killed = kill_stream_worker(services, workers, job_id, rows) if kills else 0
        receipt = follow(services, job_id, None, workers)
    elapsed = time.monotonic() - began
    if tables:
        published, doubled = _count_by_duckdb(tables.joinpath(*name.split("."), job_id), receipt)
        is_clean = not doubled
        name = f"{name} (Parquet, read by DuckDB)"
    else:
        found = audit(services.redis, f"rows:{name}", job_id)
        published, doubled, is_clean = found.rows, found.doubled, found.is_whole
    is_whole = receipt["state"] == "done" and is_clean and published == rows
    return Line(name, receipt["state"], rows, published, doubled, is_whole, killed, elapsed, peak.megabytes)


def _count_by_duckdb(directory: Path, receipt: Mapping[str, Any]) -> tuple[int, int]:
    """The rows in the Parquet files of a finished job, and how many of them are duplicates."""
    import duckdb

    files = [str(directory / file["path"]) for file in receipt["files"]]
    query = "SELECT count(*), count(*) - count(DISTINCT r) FROM read_parquet($files, union_by_name=true) AS r"
    rows, doubled = duckdb.connect().execute(query, {"files": files}).fetchall()[0]
    return rows, doubled


def kill_stream_worker(services: Services, workers: LocalWorkers, job_id: str, rows: int) -> int:
    """Kill the stream worker and its processes once a share of the rows has arrived; 0 if the job ended before that."""
    while (job := services.ledger.job(job_id)) and job.state not in FINISHED:
        # The job before may have ended right after its worker was killed: then that worker is still to be restarted.
        restart_dead(workers)
        arrived = services.redis.xlen(f"rows:{job.name}")
        if arrived >= rows * KILL_AT_SHARE:
            workers.kill("stream")
            talk.print(f"{job.name}: killed the stream worker when {arrived:,} rows had arrived")
            return 1
        time.sleep(0.02)
    return 0
