"""`millrace sandbox`: the simulated vendors, in a process of their own."""

from __future__ import annotations

import os

import click

from config.settings import child_environment
from worker.installation import python_module


@click.command(
    help="Run the simulated vendors, with faults on a dial.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
@click.option("--json", "as_json", is_flag=True, help="Say where everything is as one JSON object.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(as_json: bool, options: tuple[str, ...]) -> None:
    """Become the sandbox process: neither imports anything of the other."""
    command = [*python_module("sandbox"), *(["--json"] if as_json else []), *options]
    # Its help is that of the sandbox itself, under the name it was called by.
    environment = {**child_environment(), "SANDBOX_PROGRAM": "millrace sandbox"}
    os.execve(command[0], command, environment)  # noqa: S606 - our own program
