"""Start: how soon `millrace --help` answers; how long `millrace run` takes for a report of one row, start to exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import REPETITIONS, Figure, Spread, seconds
from bench.reports import MEDIAMATH, MEDIAMATH_PARAMS
from sandbox import SandboxProcess

STARTS = 15
HELP_AT_MOST_SECONDS = 0.3
RUN_AT_MOST_SECONDS = 3.0


def main() -> None:
    """Start the command a few times and print the figures."""
    script = Path(sys.executable).with_name("millrace")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "worker"]
    took = Spread([_start([*command, "--help"]) for _ in range(STARTS)][1:])
    bare = Spread([_start([sys.executable, "-c", "pass"]) for _ in range(STARTS)][1:])
    behind = f"Python alone {bare.median:.2f} s"
    Figure("millrace --help", "under 0.3 s", f"{took} s", took.median < HELP_AT_MOST_SECONDS, behind).write()
    took = Spread(_runs_of_one_row(command))
    what = "millrace run of a report of one row, embedded"
    Figure(what, "under 3 s", f"{took} s", took.median < RUN_AT_MOST_SECONDS).write()


def _runs_of_one_row(command: list[str]) -> list[float]:
    """How long a run takes, measured a few times, that starts Redis and both workers and stops them."""
    with SandboxProcess(port=0, rows=1) as vendors, tempfile.TemporaryDirectory(prefix="millrace-bench-") as directory:
        params = Path(directory) / "params.json"
        params.write_text(json.dumps(MEDIAMATH_PARAMS))
        run = [*command, "run", MEDIAMATH, "--params", str(params), "--new"]
        own = {**vendors.environment, "MILLRACE_DATA_DIR": directory}
        environment = {name: value for name, value in os.environ.items() if name != "MILLRACE_REDIS_URL"} | own
        return [_start(run, environment) for _ in range(REPETITIONS + 1)][1:]


def _start(command: list[str], environment: dict[str, str] | None = None) -> float:
    return seconds(lambda: subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
