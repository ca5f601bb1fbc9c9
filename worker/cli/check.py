"""Our accounts: `check` tries their credentials, `discover` asks what they can be asked for. Neither needs Redis."""

from __future__ import annotations

import sys

import click
import orjson

from config.settings import environment_value
from worker.cli import services
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table, talk
from worker.cli.rows import print_rows_as_table
from worker.cli.showing import needed, print_reports
from worker.client.check import try_account
from worker.client.discover import Discovered, RowDetails
from worker.client.discover import discover as ask
from worker.errors import MillraceError
from worker.model import Json
from worker.sources.connections import Connection
from worker.sources.credentials import require_auth
from worker.sources.docs import asks
from worker.transport.exchange import Exchange

MOST_FAILURES_TOLD = 100


@click.command(help="Check that the credentials work, of one connection or of all; exit code = how many do not.")
@click.argument("name", metavar="[CONNECTION]", required=False)
@as_json_option
def check(name: str | None, as_json: bool) -> None:
    """One line a connection: what is proven, or the remedy."""
    tried = [services.connection(name)] if name else list(services.connections().values())
    findings = []
    for connection in tried:
        if talk.is_terminal:
            talk.print(f"trying {connection.name} at {connection.base_url}")
        findings.append(try_account(connection, services.token_keeper(connection)))
    if as_json:
        for finding in findings:
            print_json(finding)
    else:
        lines = [(finding.connection, finding.state, finding.said) for finding in findings]
        print_table(("connection", "state", "what"), lines, wrapped="what")
    sys.exit(min(sum(finding.is_failure for finding in findings), MOST_FAILURES_TOLD))


@click.command(help="List the reports a connection offers, and what its vendor says of them.")
@click.argument("name", metavar="CONNECTION")
@click.option("--details", type=click.IntRange(0), default=10, show_default=True, help="Rows asked about one by one.")
@as_json_option
def discover(name: str, details: int, as_json: bool) -> None:
    """The declared reports, then the vendor's own lists; exit 1 where the vendor did not give them all."""
    connection = services.connection(name)
    source = connection.source
    if source.discover:
        require_auth(connection, environment_value)
    told, problems = _told(connection, details)
    if as_json:
        print_json(_facts(connection, told))
    else:
        print_reports(connection.name, source.reports.items())
        for one in told:
            _print(one)
    if not source.discover:
        talk.print(f"{source.title} offers no list of its own; `millrace sources show {name}` says what is known")
    for problem in problems:
        talk.print(f"millrace: {problem}")
    sys.exit(1 if problems else 0)


def _told(connection: Connection, details: int) -> tuple[list[Discovered], list[str]]:
    """What the vendor said, and why it did not say more."""
    exchange = Exchange(connection, services.token_keeper(connection))
    told, problems = [], []
    for discovery in connection.source.discover:
        try:
            told.append(ask(exchange, discovery, most_detailed=details, say=talk.print))
        except MillraceError as refusal:
            problems.append(f"{discovery.title}: {refusal}")
    problems += [particular.error for one in told for particular in one.details if particular.error]
    return told, problems


def _print(told: Discovered) -> None:
    click.echo(f"\n{told.title}, as the vendor lists them: {len(told.rows)}")
    print_rows_as_table(told.rows, told.columns)
    for particular in told.details:
        whose = ", ".join(f"{name} {value}" for name, value in particular.of.items())
        click.echo(f"\n{particular.title} ({whose}): {particular.error or ''}".rstrip())
        for name, words in particular.lists.items():
            click.echo(f"  {name}: {', '.join(map(str, words)) or 'none'}")
    if told.left_out:
        talk.print(f"{told.left_out} of {len(told.rows)} {told.title} were not asked about one by one; see --details")


def _facts(connection: Connection, told: list[Discovered]) -> Json:
    """What is known as programs see it; the vendor's rows keep their bytes."""
    reports = [
        {
            "report": f"{connection.name}.{name}",
            "title": report.title,
            "needs": needed(report),
            "asks": asks(report.poll),
            "proof": report.proof,
            "replay": report.replay,
        }
        for name, report in connection.source.reports.items()
    ]
    return {
        "connection": connection.name,
        "source": connection.source.source,
        "reports": reports,
        "vendor": [
            {
                "title": one.title,
                "report": f"{connection.name}.{one.report}",
                "rows": [orjson.Fragment(row) for row in one.rows],
                "details": [_particular(particular) for particular in one.details],
            }
            for one in told
        ],
    }


def _particular(told: RowDetails) -> Json:
    return {"title": told.title, "of": dict(told.of), "lists": dict(told.lists), "error": told.error}
