"""`millrace sandbox`: the simulated vendors, in a process of their own."""

from __future__ import annotations

import os

import click

from config.settings import child_environment
from worker.installation import python_module


@click.command(
    help="Run the simulated vendors, with faults on a dial. More options are those of `python -m sandbox`.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
@click.option("--json", "as_json", is_flag=True, help="Say where everything is as one JSON object.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(as_json: bool, options: tuple[str, ...]) -> None:
    """Become the sandbox process: neither imports anything of the other."""
    announce = "json" if as_json else "shell"
    command = [*python_module("sandbox"), "--announce", announce, *options]
    os.execve(command[0], command, child_environment())  # noqa: S606 - our own program
