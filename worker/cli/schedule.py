"""`millrace schedule` lists the entries and their alarms; `millrace backfill` requests a span of days again."""

from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from config.settings import settings
from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED
from worker.cli.options import as_json_option, read_params, report_options
from worker.cli.output import print_json, print_table, talk
from worker.cli.standalone import default_sink, restart_dead, warn_without_workers, workers_here
from worker.cli.startup import open_services
from worker.errors import BadInput
from worker.schedule.backfill import Backfill, plan
from worker.schedule.due import statuses
from worker.services import get_services

LOOK_SECONDS = 0.5


@click.command()
@as_json_option
def schedule(as_json: bool) -> None:
    """List the schedule: last and next runs, and what is late; exit 1 if any entry has an alarm."""
    services = open_services()
    found = statuses(services, datetime.fromtimestamp(services.ledger.now(), UTC))
    if as_json:
        for status in found:
            print_json(status.as_json())
    else:
        print_table(
            ("entry", "report", "last due", "next due", "jobs", "alarms"),
            [
                (
                    status.entry.name if status.entry.enabled else f"{status.entry.name} (off)",
                    status.entry.report_name,
                    _format_minute(status.last_due),
                    _format_minute(status.next_due),
                    " ".join(sorted(set(status.jobs.values()))),
                    "; ".join(status.alarms),
                )
                for status in found
            ],
            wrapped="alarms",
        )
        if not found:
            talk.print(f"no entries in {settings().schedule}")
    sys.exit(EXIT_FAILED if any(status.alarms for status in found) else EXIT_DONE)


@click.command()
@report_options
@click.option("--from", "first", metavar="DAY", required=True, help="The first day, as 2026-11-01.")
@click.option("--to", "last", metavar="DAY", required=True, help="The last day, included.")
@click.option(
    "--window",
    "size",
    metavar="SIZE",
    default="1d",
    show_default=True,
    help="Days or weeks in each job, such as 1d or 4w.",
)
@click.option("--sink", metavar="SINK", help="Where rows go, written as for `run --to`.")
@click.option("--dry-run", is_flag=True, help="Show the windows and their parameters; request nothing.")
@as_json_option
def backfill(
    name: str,
    sets: tuple[str, ...],
    file: Path | None,
    first: str,
    last: str,
    size: str,
    sink: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Request a range of days again, one job for each window; exit 0 if all are done. Run it again to continue."""
    open_services().ledger.try_write()
    services = get_services()
    days = _parse_day("--from", first), _parse_day("--to", last)
    planned = plan(services, name, read_params(sets, file), *days, size, sink or default_sink())
    if not dry_run:
        _follow(planned)
    if as_json:
        for window in planned.windows:
            facts: dict[str, Any] = {"from": window.first, "to": window.last, "state": window.state}
            if window.job:
                facts |= {"job": window.job.id, "rows": window.job.rows, "error": window.job.error}
            print_json({**facts, "params": window.request.params})
    else:
        last_column = "params" if dry_run else "error"
        lines = [
            (
                str(window.first),
                str(window.last),
                window.state,
                window.job.id if window.job else "",
                window.job.rows if window.job else None,
                dict(window.request.params) if dry_run else (window.job and window.job.error),
            )
            for window in planned.windows
        ]
        print_table(("from", "to", "state", "job", "rows", last_column), lines, wrapped=last_column)
    sys.exit(EXIT_DONE if dry_run or all(window.state == "done" for window in planned.windows) else EXIT_FAILED)


def _follow(planned: Backfill) -> None:
    """Follow every window to its end, and say how many are done."""
    from worker.celery import nudge_out_of

    warn_without_workers("the jobs wait")
    shown = ""
    with workers_here() as workers:
        while True:
            for job, state in planned.advance():
                nudge_out_of(state, job)
            done = sum(window.state == "done" for window in planned.windows)
            text = f"{done} of {len(planned.windows)} windows done"
            # Printed only when it changes: this loop runs twice a second.
            if text != shown:
                talk.print(text)
                shown = text
            if planned.is_over:
                return
            restart_dead(workers)
            time.sleep(LOOK_SECONDS)


def _parse_day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(option, text, "a day such as 2026-11-01") from None


def _format_minute(at: datetime | None) -> str:
    return at.isoformat(timespec="minutes") if at else ""
