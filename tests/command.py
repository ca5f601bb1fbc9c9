"""Runs the command as a person does: in a process of its own, with an environment and a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 90
NO_REDIS = "redis://127.0.0.1:1/0"
"""Nobody listens there: what works all the same needs no Redis."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Every line of stdout as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Command:
    """`python -m worker` in a directory; `environment` is all it knows besides where programs are."""

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, stdout: int = subprocess.PIPE, **changes: str) -> subprocess.Popen[str]:
        self.directory.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "worker", *arguments],
            cwd=self.directory,
            env={**inherited, "PYTHONPATH": str(ROOT), **self.environment, **changes},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **changes: str) -> Ended:
        process = self.start(*arguments, **changes)
        return ended(process)


def ended(process: subprocess.Popen[str]) -> Ended:
    """The command once it has ended. No command ever shows a traceback."""
    try:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert "Traceback" not in err, err
    return Ended(process.returncode, out or "", err)


def setting(name: str, value: Any) -> tuple[str, str]:
    """`--set NAME=VALUE`, the value as JSON."""
    return "--set", f"{name}={json.dumps(value)}"


KARGO = (
    "kargo.campaign-performance-metrics",
    *setting("dimensions", ["campaign_name"]),
    *setting("measures", ["clicks_sum"]),
)
MEDIAMATH = (
    "mediamath.performance",
    *setting("fields", ["campaign_id", "total_spend"]),
    *setting("filters", [{"field": "organization_id", "value": 1}]),
    "--set", "rollup=by_day",
    "--set", "time_window=last_7_days",
)  # fmt: skip
