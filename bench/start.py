"""Start: how soon `millrace --help` answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.figures import Figure, Spread, seconds

STARTS = 15
AT_MOST_SECONDS = 0.3


def main() -> None:
    """Start the command a few times and tell the figure."""
    script = Path(sys.executable).with_name("millrace")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "worker"]
    took = Spread([_start([*command, "--help"]) for _ in range(STARTS)][1:])
    bare = Spread([_start([sys.executable, "-c", "pass"]) for _ in range(STARTS)][1:])
    behind = f"Python alone {bare.median:.2f} s"
    Figure("millrace --help", "under 0.3 s", f"{took} s", took.median < AT_MOST_SECONDS, behind).tell()


def _start(command: list[str]) -> float:
    return seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
