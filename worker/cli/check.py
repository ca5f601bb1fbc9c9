"""`millrace check` tries the credentials of our accounts; `millrace discover` lists what a vendor offers."""

from __future__ import annotations

import sys

import click
import orjson
from redis.exceptions import RedisError

from config.settings import environment_value
from worker.cli import startup
from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED, MOST_FAILURES_COUNTED
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_rows_as_table, print_table, talk
from worker.cli.report_tables import print_reports, required_params
from worker.client.check import Finding, try_account
from worker.client.discover import Discovered
from worker.client.discover import discover as ask
from worker.errors import MillraceError, RetryLater
from worker.model import Json
from worker.sources.connections import Connection
from worker.sources.credentials import require_auth
from worker.sources.docs import asks
from worker.transport.account import Account
from worker.transport.exchange import Exchange


@click.command()
@click.argument("name", metavar="[CONNECTION]", required=False)
@as_json_option
def check(name: str | None, as_json: bool) -> None:
    """Check that the credentials of one connection, or of all, work; the exit code is the number that do not."""
    accounts = startup.connections()
    faults = {} if name else accounts.faults
    findings = [Finding(faulty, "", "failed", str(fault)) for faulty, fault in faults.items()]
    for connection in [accounts[name]] if name else accounts.values():
        if talk.is_terminal:
            talk.print(f"trying {connection.name} at {connection.base_url}")
        findings.append(check_account(connection))
    if as_json:
        for finding in findings:
            print_json(finding)
    else:
        lines = [(finding.connection, finding.state, finding.said) for finding in findings]
        print_table(("connection", "state", "what"), lines, wrapped="what")
    sys.exit(min(sum(finding.is_failure for finding in findings), MOST_FAILURES_COUNTED))


def check_account(connection: Connection) -> Finding:
    """Try one account. If its tokens must be kept and Redis does not serve, that is its finding."""
    try:
        return try_account(connection, startup.token_keeper(connection))
    except (RetryLater, RedisError) as away:
        why = f"its tokens are kept in Redis: {away}"
        return Finding(connection.name, connection.source.source, "failed", why)


@click.command()
@click.argument("name", metavar="CONNECTION")
@click.option(
    "--details",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="How many rows to request details of, one by one.",
)
@as_json_option
def discover(name: str, details: int, as_json: bool) -> None:
    """List the reports that a connection offers, then the vendor's own lists; exit 1 if some could not be had."""
    connection = startup.connections()[name]
    source = connection.source
    # Asked before anything is sent, so that a missing credential is one clear message and not one for each list.
    if source.discover:
        require_auth(connection, environment_value)
    exchange = Exchange(Account(connection), startup.token_keeper(connection))
    found: list[Discovered] = []
    problems = []
    for discovery in source.discover:
        try:
            found.append(ask(exchange, discovery, most_detailed=details, say=talk.print))
        except MillraceError as refusal:
            problems.append(f"{discovery.title}: {refusal}")
    problems += [row.error for discovered in found for row in discovered.details if row.error]
    if as_json:
        print_json(_as_json(connection, found))
    else:
        print_reports(connection.name, source.reports.items())
        for discovered in found:
            _print_discovered(discovered)
    if not source.discover:
        talk.print(f"{source.title} has no list of its own; see `millrace sources show {name}` for what is known")
    for problem in problems:
        talk.print(f"millrace: {problem}")
    sys.exit(EXIT_FAILED if problems else EXIT_DONE)


def _print_discovered(discovered: Discovered) -> None:
    """One of the vendor's lists for people: its rows as a table, then the details of the first rows."""
    count, title = len(discovered.rows), discovered.title
    click.echo(f"\n{title}, as the vendor lists them: {count}")
    print_rows_as_table(discovered.rows, discovered.columns)
    for row in discovered.details:
        of = ", ".join(f"{name} {value}" for name, value in row.of.items())
        click.echo(f"\n{row.title} ({of}): {row.error or ''}".rstrip())
        for name, words in row.lists.items():
            click.echo(f"  {name}: {', '.join(map(str, words)) or 'none'}")
    if discovered.left_out:
        talk.print(f"{discovered.left_out} of {count} {title} are shown without details; see --details")


def _as_json(connection: Connection, found: list[Discovered]) -> Json:
    """Everything for programs. The vendor's rows keep their bytes."""
    return {
        "connection": connection.name,
        "source": connection.source.source,
        "reports": [
            {
                "report": f"{connection.name}.{name}",
                "title": report.title,
                "needs": required_params(report),
                "asks": asks(report.poll),
                "proof": report.proof,
                "replay": report.replay,
            }
            for name, report in connection.source.reports.items()
        ],
        "vendor": [
            {
                "title": discovered.title,
                "report": f"{connection.name}.{discovered.report}",
                "rows": [orjson.Fragment(row) for row in discovered.rows],
                "details": [
                    {"title": row.title, "of": dict(row.of), "lists": dict(row.lists), "error": row.error}
                    for row in discovered.details
                ],
            }
            for discovered in found
        ],
    }
