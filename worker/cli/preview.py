"""`millrace preview` shows the first rows of a report without publishing them. Needs no Redis."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from config.settings import environment_value, settings
from worker.cli import startup
from worker.cli.exit_codes import EXIT_RUNNING
from worker.cli.options import Seconds, as_json_option, read_params, report_options
from worker.cli.output import print_rows, print_rows_as_table, talk
from worker.client.preview import NotReady, Preview
from worker.model import DeadRow
from worker.sources.connections import find_report
from worker.sources.credentials import require_auth
from worker.sources.params import resolve
from worker.transport.account import Account
from worker.transport.exchange import Exchange

DEAD_SHOWN_BYTES = 300


@click.command()
@report_options
@click.option(
    "--rows", "count", type=click.IntRange(1, 10_000), default=10, show_default=True, help="How many rows to show."
)
@click.option(
    "--timeout",
    type=Seconds(),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the vendor to prepare it; exit 3 after that.",
)
@as_json_option
def preview(
    name: str, sets: tuple[str, ...], file: Path | None, count: int, timeout: float, as_json: bool
) -> None:  # fmt: skip
    """Show the first rows of a report without publishing them. The vendor does prepare the report.

    A table if stdout is a terminal, else JSON lines; rows that would be dead letters go to stderr.
    """
    connection, report = find_report(startup.connections(), name)
    require_auth(connection, environment_value)
    params = resolve(report, read_params(sets, file), now=datetime.now(UTC), timezone=connection.timezone).params
    exchange = Exchange(Account(connection), startup.token_keeper(connection))
    look = Preview(exchange, report, params, talk.print, timeout, settings().poll_seconds)
    talk.print(f"asking {connection.source.title} for {name}; nothing is published or kept")
    try:
        first = look.rows(count)
    except NotReady as waiting:
        talk.print(f"not ready after {timeout:g} s: {waiting}; the vendor is still preparing it")
        sys.exit(EXIT_RUNNING)
    alive = [row for row in first.rows if not isinstance(row, DeadRow)]
    if as_json or not sys.stdout.isatty():
        print_rows(alive)
    else:
        print_rows_as_table(alive)
    for number, row in enumerate(first.rows, start=1):
        if isinstance(row, DeadRow):
            shown = row[:DEAD_SHOWN_BYTES].decode("utf-8", "replace")
            talk.print(f"row {number} would be a dead letter: {row.reason}: {shown}")
    known = f" of {first.total:,}, by the vendor's count" if first.total is not None else ""
    shown = f"{len(first.rows):,} row{'' if len(first.rows) == 1 else 's'}{known}"
    talk.print("; ".join([shown, *first.notes]))
