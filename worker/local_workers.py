"""Workers of our own, in their own processes, for as long as a command needs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import child_environment

STOP_SECONDS = 15

Command = tuple[str, ...]

CELERY: Command = (sys.executable, "-m", "celery", "-A", "worker")


def control(threads: int = 16) -> Command:
    """The worker of `submit`, `poll`, `paginate`, `finalize` and the sweep."""
    queues = "control,sweep"
    return (*CELERY, "worker", "-n", "control@%h", "-Q", queues, "-P", "threads", "-c", str(threads), *_QUIET)


def stream(processes: int) -> Command:
    """The worker that reads pages, one process for each at once."""
    return (*CELERY, "worker", "-n", "stream@%h", "-Q", "stream", "-P", "prefork", "-c", str(processes), *_QUIET)


def beat(data_dir: Path) -> Command:
    """What sends the sweep."""
    return (*CELERY, "beat", "-s", str(data_dir / "celerybeat-schedule"), "--pidfile=")


_QUIET: Command = ("--without-gossip", "--without-mingle", "-l", "INFO")


@dataclass
class LocalWorkers:
    """Processes that are started, begun again when they die, and stopped together."""

    commands: Mapping[str, Command]
    log_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def restart_dead(self) -> list[str]:
        """Start whoever is not running; the names of those that had died."""
        died = []
        for name, command in self.commands.items():
            process = self._running.get(name)
            if process is None or process.poll() is not None:
                if process is not None:
                    died.append(name)
                self._running[name] = self._start(name, command)
        return died

    def pids(self) -> list[int]:
        """The processes as they run now, their children not counted."""
        return [process.pid for process in self._running.values()]

    def pid(self, name: str) -> int:
        """The process of one of them, as it runs now."""
        return self._running[name].pid

    def kill(self, name: str) -> None:
        """End one and its children at once, as a crash does."""
        process = self._running[name]
        _signal_group(process, signal.SIGKILL)
        process.wait()

    def stop_one(self, name: str) -> None:
        """End one for good."""
        self.commands = {other: command for other, command in self.commands.items() if other != name}
        self.kill(name)
        del self._running[name]

    def stop(self) -> None:
        """Let everybody give its work back and end; whoever does not is ended."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        try:
            for process in self._running.values():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, deadline - time.monotonic()))
        finally:
            # Also where a second Ctrl-C ends the waiting: nobody may stay behind.
            for process in self._running.values():
                _signal_group(process, signal.SIGKILL)
                process.wait()

    def _start(self, name: str, command: Command) -> subprocess.Popen[bytes]:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with (self.log_dir / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=child_environment(**self.environment),
                start_new_session=True,
            )


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextmanager
def local_workers(data_dir: Path, redis_url: str, *, processes: int | None = None) -> Iterator[LocalWorkers]:
    """Both workers and beat on this machine, running until the block ends."""
    commands = {
        "control": control(),
        "stream": stream(processes or os.cpu_count() or 1),
        "beat": beat(data_dir),
    }
    workers = LocalWorkers(commands, data_dir / "logs", {"MILLRACE_REDIS_URL": redis_url})
    try:
        workers.restart_dead()
        yield workers
    finally:
        workers.stop()
