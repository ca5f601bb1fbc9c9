"""Prints a source, its reports, or one report with its parameters, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import click

from worker.cli.output import print_table
from worker.sources import docs
from worker.sources.credentials import credential_names
from worker.sources.schema import Report, Source

TEXT_WIDTH = 100


def print_reports(prefix: str, reports: Iterable[tuple[str, Report]]) -> None:
    """One line for each report, under the name that `run` takes."""
    lines = [
        (f"{prefix}.{name}", report.title, required_params(report), docs.asks(report.poll), report.proof, report.replay)
        for name, report in reports
    ]
    print_table(("report", "what", "needs", "asks", "proof", "replay"), lines, wrapped="what")


def required_params(report: Report) -> str:
    """The names of the parameters that must be given."""
    groups = [" or ".join(group) for group in report.one_of]
    return ", ".join([name for name, param in report.params.items() if param.required] + groups)


def print_source(source: Source, connections: Iterable[str]) -> None:
    """A source and its reports, for people."""
    limits = source.limits
    click.echo(f"{source.source}: {source.title}")
    _print_lines(
        {
            "base": source.base_url or "as the connection says",
            "documentation": source.docs,
            "credentials": ", or ".join(" ".join(credential_names(auth)) or "none" for auth in source.auth),
            "limits": f"{limits.requests_per_second:g} requests a second, {limits.reports_at_once} reports and "
            f"{limits.streams_at_once} pages of a report at once, unless the connection says otherwise",
            "connections": ", ".join(connections) or "none",
            "note": source.note.strip(),
        }
    )
    click.echo()
    print_reports(source.source, source.reports.items())


def print_report(prefix: str, name: str, report: Report) -> None:
    """A report and its parameters, for people."""
    click.echo(f"{prefix}.{name}: {report.title}")
    _print_lines(
        {
            "asked": docs.asks(report.poll),
            "rows come as": docs.ways(report),
            "proof": f"{report.proof}: {docs.PROOFS[report.proof]}",
            "replay": f"{report.replay}: {docs.REPLAYS[report.replay]}",
            "window": docs.window_of(report),
            "one of": "; ".join(f"exactly one of {' and '.join(group)}" for group in report.one_of),
            "note": report.note.strip(),
        }
    )
    click.echo()
    if not report.params:
        click.echo("No parameters.")
        return
    lines = [
        (parameter, docs.kind_of(param), docs.default_of(param), docs.meaning(param, many="listed below"))
        for parameter, param in report.params.items()
    ]
    print_table(("parameter", "type", "default", "what"), lines, wrapped="what")
    for parameter, param in report.params.items():
        if len(docs.allowed_values(param)) > docs.SHOWN_VALUES:
            values = ", ".join(docs.as_typed(value) for value in docs.allowed_values(param))
            click.echo(f"\n{parameter}: each of")
            text = textwrap.fill(
                values, TEXT_WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
            )
            click.echo(text)


def _print_lines(lines: dict[str, str]) -> None:
    """Names and their texts, one below the other; those without a text are left out."""
    width = max(map(len, lines)) + 4
    for name, text in lines.items():
        if text:
            shown = textwrap.fill(text, TEXT_WIDTH, initial_indent="", subsequent_indent=" " * width)
            click.echo(f"  {name.ljust(width - 2)}{shown}")
