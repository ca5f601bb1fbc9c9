"""`millrace sources` lists vendors and reports, and prints the JSON Schema of source files."""

from __future__ import annotations

import sys

import click
import orjson

from worker.cli import startup
from worker.cli.exit_codes import EXIT_DONE, EXIT_USAGE
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table, talk
from worker.cli.report_tables import print_report, print_source
from worker.errors import BadInput
from worker.sources.connections import connections_schema
from worker.sources.loading import report_of, source_schema
from worker.sources.views import report_facts, source_facts
from worker.suggestions import one_of


@click.group(invoke_without_command=True)
@as_json_option
@click.pass_context
def sources(context: click.Context, as_json: bool) -> None:
    """List sources, show one, print the JSON Schema."""
    if context.invoked_subcommand is not None:
        return
    accounts = startup.connections()
    found = accounts.catalogue.sources
    ours = accounts.names_by_source()
    if as_json:
        for name in sorted(found):
            print_json(source_facts(found[name], ours.get(name, [])))
    else:
        lines = [
            (name, found[name].title, len(found[name].reports), ", ".join(ours.get(name, []))) for name in sorted(found)
        ]
        print_table(("source", "title", "reports", "connections"), lines)
    for sentence in (*accounts.mistakes(), *accounts.catalogue.describe_ignored()):
        talk.print(f"millrace: {sentence}")
    sys.exit(EXIT_USAGE if accounts.mistakes() else EXIT_DONE)


@sources.command()
@click.argument("name", metavar="X")
@as_json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Show a source or a report: X is SOURCE, SOURCE.REPORT or CONNECTION.REPORT."""
    # `sources --json show X` means the same as `sources show X --json`.
    as_json = as_json or bool(context.parent and context.parent.params.get("as_json"))
    prefix, dot, report_name = name.partition(".")
    accounts = startup.connections()
    found = accounts.catalogue.sources
    named = [found[prefix]] if prefix in found else []
    named += [accounts[prefix].source] if prefix in accounts else []
    if not named:
        for faults in (accounts.catalogue.faults, accounts.faults):
            if prefix in faults:
                raise faults[prefix]
        names = dict.fromkeys([*sorted(found), *accounts])
        raise BadInput("source", prefix, one_of(prefix, names, "sources and connections"))
    # A source and a connection may have the same name: the one that has the report is meant.
    source = next((source for source in named if report_name in source.reports), named[0])
    if not dot:
        ours = accounts.names_by_source().get(source.source, [])
        if as_json:
            reports = [report_facts(prefix, *report) for report in source.reports.items()]
            print_json({**source_facts(source, ours), "reports": reports})
        else:
            print_source(source, ours)
        return
    report = report_of(source, report_name)
    if as_json:
        print_json(report_facts(prefix, report_name, report))
    else:
        print_report(prefix, report_name, report)


@sources.command()
@click.option("--connections", is_flag=True, help="Print the schema of connections files instead.")
@as_json_option
def schema(connections: bool, as_json: bool) -> None:
    """Print the JSON Schema of source files, for editors; `--json` puts it on one line."""
    found = connections_schema() if connections else source_schema()
    if as_json:
        print_json(found)
    else:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
