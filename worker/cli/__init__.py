"""The `millrace` command: `VERBS` names the module of each verb, and a new verb is added there.

A module is imported only when its verb is used, so that help is fast.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from worker.installation import check_own_packages

VERBS = {
    "run": ("worker.cli.run", "Request a report and follow it to its receipt."),
    "submit": ("worker.cli.run", "Request a report and return at once."),
    "jobs": ("worker.cli.jobs", "List jobs."),
    "show": ("worker.cli.jobs", "Show one job."),
    "receipt": ("worker.cli.jobs", "Print a finished job's receipt."),
    "audit": ("worker.cli.audit", "Compare what is in a job's sink with its receipt."),
    "cancel": ("worker.cli.jobs", "Cancel a job in any state."),
    "retry": ("worker.cli.jobs", "Retry a failed or cancelled job."),
    "schedule": ("worker.cli.schedule", "List the schedule: last and next runs, and what is late."),
    "backfill": ("worker.cli.schedule", "Request a range of days again, one job for each window."),
    "dead": ("worker.cli.streams", "Show the dead letters of a report."),
    "tail": ("worker.cli.streams", "Print rows as they come into a stream."),
    "doctor": ("worker.cli.doctor", "Check everything that a job needs, and say how to fix what fails."),
    "sources": ("worker.cli.sources", "List sources, show one, print the JSON Schema."),
    "check": ("worker.cli.check", "Check that the credentials work."),
    "discover": ("worker.cli.check", "List the reports a connection offers."),
    "preview": ("worker.cli.preview", "Show the first rows of a report without publishing them."),
    "worker": ("worker.cli.processes", "Run a worker: `control` or `stream`."),
    "beat": ("worker.cli.processes", "Send the periodic messages: sweep and due."),
    "healthy": ("worker.cli.healthy", "Check whether one process works; for health checks of containers."),
    "flower": ("worker.cli.processes", "Serve Flower."),
    "api": ("worker.cli.processes", "Serve the HTTP API."),
    "sandbox": ("worker.cli.sandbox", "Run the simulated vendors, whose faults can be controlled."),
    "dev": ("worker.cli.dev", "Run everything on this machine, with the page and Flower."),
    "demo": ("worker.cli.demo", "Run a report of each vendor from start to end, all on this machine."),
}


class Verbs(click.Group):
    """Commands by name, imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(VERBS[cmd_name][0]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="millrace")
def millrace() -> None:
    """Pull advertising reports out of vendor APIs; deliver every row exactly once."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command: 0 done, 1 failed, 2 wrong usage or parameters, 3 still running, 130 interrupted.

    SIGTERM and a closed terminal end it like an exception, so that it stops what it started.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    check_own_packages()  # here as well: `worker/__init__.py`, which does it first, may be another program's
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Started with a closed stream, as some daemons do: give the command somewhere to write to.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as it runs
    if isinstance(sys.stdout, TextIOWrapper):
        # Text that the locale's encoding lacks is escaped, as Python does on stderr, instead of ending the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    for word in sys.argv[1:] if arguments is None else arguments:
        try:
            word.encode()
        except UnicodeEncodeError:
            click.echo(f"millrace: {word!r} is not allowed; expected UTF-8", err=True)
            sys.exit(2)
    try:
        return millrace.main(arguments, prog_name="millrace", standalone_mode=True)
    except Exception as error:
        from worker.cli.exit_codes import explain_exit

        if (explained := explain_exit(error)) is None:
            raise
        code, message = explained
        click.echo(f"millrace: {message}", err=True)
        sys.exit(code)
