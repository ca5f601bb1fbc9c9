"""Runs the command with its own environment and directory, in a process of its own or in this one."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from config import settings as settings_module
from worker import redis_client
from worker import services as services_module
from worker.cli import main

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 90
NO_REDIS = "redis://127.0.0.1:1/0"
"""No server listens there, so what works with it needs no Redis."""


@dataclass(frozen=True)
class Ended:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """The lines of stdout, parsed as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Command:
    """`python -m worker` in a directory; its environment is `environment`, PATH and HOME."""

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, stdout: int = subprocess.PIPE, **changes: str) -> subprocess.Popen[str]:
        self.directory.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "worker", *arguments],
            cwd=self.directory,
            env={"PYTHONPATH": str(ROOT), **self.known(changes)},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def known(self, changes: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of a command."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**inherited, **self.environment, **changes}

    def __call__(self, *arguments: str, **changes: str) -> Ended:
        return ended(self.start(*arguments, **changes))

    @property
    def here(self) -> CommandHere:
        """The same in this process, for verbs that send no message."""
        return CommandHere(self.directory, self.environment)


class CommandHere(Command):
    """The same in this process, for tests of texts and options, because a new process takes most of a second to start.

    Not for a verb that sends a message, because Celery's application has one broker for the whole life of a process.
    """

    def __call__(self, *arguments: str, **changes: str) -> Ended:
        self.directory.mkdir(parents=True, exist_ok=True)
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        log, handlers = logging.getLogger(), logging.getLogger().handlers
        level, on_end = log.level, {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        code: Any = 0
        forget_settings()
        with patch.dict(os.environ, self.known(changes), clear=True), chdir(self.directory):
            try:
                with redirect_stdout(out), redirect_stderr(err):
                    main([*arguments])
            except SystemExit as end:
                code = end.code or 0
            finally:
                forget_settings()
                # A command does not clean up these two, because its process ends anyway.
                log.handlers, log.level = handlers, level
                for number, handler in on_end.items():
                    signal.signal(number, handler)
        output, errors = (stream.buffer.getvalue().decode() for stream in (out, err))
        return Ended(code, output, errors)


def forget_settings() -> None:
    """Clear what a process reads only once, so that it is read again."""
    if services_module.get_services.cache_info().currsize:
        services_module.get_services().redis.close()
    for read_once in (
        settings_module.settings,
        settings_module._dotenv,
        redis_client.own_redis,
        services_module.get_services,
    ):
        read_once.cache_clear()


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait until the command has ended, and return its result. Fails if it shows a traceback."""
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
