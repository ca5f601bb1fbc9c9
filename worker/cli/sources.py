"""`millrace sources`: which vendors and reports there are, and how a source file is written."""

from __future__ import annotations

import click
import orjson

from worker.cli import services
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table
from worker.cli.showing import print_report, print_source
from worker.errors import BadInput
from worker.sources.connections import connections_schema
from worker.sources.loading import report_of, source_schema
from worker.sources.schema import Source
from worker.sources.views import report_facts, source_facts
from worker.suggestions import one_of


@click.group(help="List sources, show one, print the JSON Schema.", invoke_without_command=True)
@as_json_option
@click.pass_context
def sources(context: click.Context, as_json: bool) -> None:
    """Without a verb of its own: one line a source."""
    if context.invoked_subcommand is not None:
        return
    found = services.catalogue().sources
    ours = _accounts()
    if as_json:
        for name in sorted(found):
            print_json(source_facts(found[name], ours.get(name, [])))
        return
    lines = [
        (name, found[name].title, len(found[name].reports), ", ".join(ours.get(name, []))) for name in sorted(found)
    ]
    print_table(("source", "title", "reports", "connections"), lines)


@sources.command(help="Show a source or a report: X is SOURCE, SOURCE.REPORT or CONNECTION.REPORT.")
@click.argument("name", metavar="X")
@as_json_option
@click.pass_context
def show(context: click.Context, name: str, as_json: bool) -> None:
    """Parameters, the proof of completeness the vendor allows, whether a replay is stable."""
    as_json = as_json or _is_json(context)
    prefix, dot, report_name = name.partition(".")
    source = _source(prefix, report_name)
    if not dot:
        ours = _accounts().get(source.source, [])
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


@sources.command(help="Print the JSON Schema of source files, for editors.")
@click.option("--connections", is_flag=True, help="The schema of connections files instead.")
@as_json_option
def schema(connections: bool, as_json: bool) -> None:
    """JSON either way; `--json` puts it on one line."""
    found = connections_schema() if connections else source_schema()
    if as_json:
        print_json(found)
    else:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


def _source(name: str, report: str) -> Source:
    """The source of this name, or of the connection of this name; of the two the one that has the report."""
    found, accounts = services.catalogue().sources, services.connections()
    named = [found[name]] if name in found else []
    named += [accounts[name].source] if name in accounts else []
    if not named:
        names = dict.fromkeys([*sorted(found), *accounts])
        raise BadInput("source", name, one_of(name, names, "sources and connections"))
    return next((source for source in named if report in source.reports), named[0])


def _accounts() -> dict[str, list[str]]:
    """The connections of each source."""
    ours: dict[str, list[str]] = {}
    for name, connection in services.connections().items():
        ours.setdefault(connection.source.source, []).append(name)
    return ours


def _is_json(context: click.Context) -> bool:
    """Was JSON asked for one word earlier, as in `sources --json show`?"""
    return bool(context.parent and context.parent.params.get("as_json"))
