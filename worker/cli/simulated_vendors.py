"""Runs the sandbox in its own process, for as long as a command needs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from config.settings import child_environment
from worker.errors import BadInput
from worker.installation import python_module


@contextmanager
def simulated_vendors(rows: int, rows_by_report: Mapping[str, int]) -> Iterator[dict[str, str]]:
    """Run the simulated vendors for as long as the block lasts; yields the environment variables that lead to them."""
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
