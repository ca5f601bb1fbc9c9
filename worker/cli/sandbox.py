"""Runs the simulated vendors: for `millrace sandbox` in place of this process, for other commands as a child."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from config.settings import child_environment
from worker.errors import BadInput
from worker.installation import python_module


@click.command(
    help="Run the simulated vendors, whose faults can be controlled.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
@click.option("--json", "as_json", is_flag=True, help="Print all addresses as one JSON object.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(as_json: bool, options: tuple[str, ...]) -> None:
    """Replace this process with the sandbox, because neither program may import the other."""
    command = [*python_module("sandbox"), *(["--json"] if as_json else []), *options]
    # Its help is that of the sandbox itself, under the name it was called by.
    environment = {**child_environment(), "SANDBOX_PROGRAM": "millrace sandbox"}
    os.execve(command[0], command, environment)  # noqa: S606 - our own program


@contextmanager
def simulated_vendors(rows: int, rows_by_report: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """Run the simulated vendors during the block; yields the environment variables that lead to them."""
    command = [*python_module("sandbox"), "--json", "--rows", str(rows)]
    command += ["--rows-by-report", json.dumps(rows_by_report)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=child_environment(), start_new_session=True)
    try:
        if process.stdout is None or not (line := process.stdout.readline()):
            raise BadInput("sandbox", f"exit {process.wait()}", "a sandbox that starts")
        environment: dict[str, str] = json.loads(line)["environment"]
        yield environment
    finally:
        process.terminate()
        process.wait()
