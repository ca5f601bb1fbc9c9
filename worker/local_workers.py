"""Runs worker processes on this machine for as long as a command needs them, and restarts those that die."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.settings import child_environment
from worker.embedded_redis import last_line
from worker.errors import MillraceError
from worker.installation import Command, python_module
from worker.tracing import is_wanted

STOP_SECONDS = 15
EARLY_SECONDS = 10.0
"""A process that ends by itself within this time after its start will probably end again."""
MOST_EARLY_ENDS = 5
FIRST_WAIT_SECONDS = 0.5

_CHILD: Command = ("--with-parent",)


class WorkerFailed(MillraceError):
    """A process ended right after its start too many times."""


def control(threads: int = 16) -> Command:
    """The worker of `submit`, `poll`, `paginate`, `finalize` and the sweep."""
    return (*python_module("worker"), "worker", "control", "--threads", str(threads), *_CHILD)


def stream(processes: int) -> Command:
    """The worker that reads pages, as many at once as it has processes."""
    return (*python_module("worker"), "worker", "stream", "--processes", str(processes), *_CHILD)


def beat() -> Command:
    """Celery's scheduler, which sends `sweep` and `due`."""
    return (*python_module("worker"), "beat", *_CHILD)


def api(port: int) -> Command:
    """The HTTP API and the page, on this machine only."""
    return (*python_module("worker"), "api", "--port", str(port), *_CHILD)


def flower(port: int) -> Command:
    """Flower, on this machine only."""
    return (*python_module("worker"), "flower", "--port", str(port), *_CHILD)


@dataclass
class _Child:
    """One process, and how often it ended early."""

    process: subprocess.Popen[bytes]
    started_at: float
    early_ends: int = 0
    start_again_at: float | None = None


@dataclass
class LocalWorkers:
    """Processes that are started together, restarted when they die, and stopped together.

    Their standard input is a pipe to which nothing is written. It is closed when this process ends, even if it is
    killed, and then they end too.
    """

    commands: Mapping[str, Command]
    log_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _children: dict[str, _Child] = field(default_factory=dict)
    _pipe: tuple[int, int] | None = None

    def restart_dead(self) -> list[str]:
        """Start every process that is not running; returns the names of those that had died.

        A process that ended early is started again only after a growing wait. Raises WorkerFailed, with the last line
        of its log, if it has ended early too often.
        """
        died = []
        for name, command in self.commands.items():
            child = self._children.get(name)
            if child is None:
                self._children[name] = _Child(self._start(name, command), time.monotonic())
            elif child.process.poll() is not None and self._may_start(name, child):
                died.append(name)
                child.process, child.started_at = self._start(name, command), time.monotonic()
        return died

    def _may_start(self, name: str, child: _Child) -> bool:
        """May a process that ended be started again now?"""
        now = time.monotonic()
        if child.start_again_at is None:
            # A process that was killed did not end by itself.
            is_early = now - child.started_at < EARLY_SECONDS and child.process.returncode != -signal.SIGKILL
            child.early_ends = child.early_ends + 1 if is_early else 0
            if child.early_ends >= MOST_EARLY_ENDS:
                log = last_line(self.log_dir / f"{name}.log")
                raise WorkerFailed(f"the {name} process ended {child.early_ends} times right after its start; {log}")
            child.start_again_at = now + (FIRST_WAIT_SECONDS * 2**child.early_ends if is_early else 0)
        if now < child.start_again_at:
            return False
        child.start_again_at = None
        return True

    def pids(self) -> list[int]:
        """The ids of the processes that run now, without their children."""
        return [child.process.pid for child in self._children.values()]

    def pid(self, name: str) -> int:
        """The id of one process that runs now."""
        return self._children[name].process.pid

    def kill(self, name: str) -> None:
        """Kill one process and its children, as a crash does."""
        process = self._children[name].process
        _signal_group(process, signal.SIGKILL)
        process.wait()

    def stop(self, *, at_once: bool = False) -> None:
        """Let all processes give their work back and end; kill those that take too long, or all if `at_once`."""
        processes = [child.process for child in self._children.values()]
        try:
            if not at_once:
                _end_together(processes)
        finally:
            # Also if a second Ctrl-C interrupts the wait: no process may stay behind.
            for process in processes:
                _signal_group(process, signal.SIGKILL)
                process.wait()
            for end in self._pipe or ():
                os.close(end)
            self._pipe = None

    def _start(self, name: str, command: Command) -> subprocess.Popen[bytes]:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._pipe = self._pipe or os.pipe()
        with (self.log_dir / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=self._pipe[0],
                stdout=log,
                stderr=log,
                env=child_environment(**self.environment),
                start_new_session=True,
            )


def _end_together(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextmanager
def local_workers(
    data_dir: Path,
    *,
    processes: int | None = None,
    beside: Mapping[str, Command] | None = None,
    has_work: Callable[[], bool] = lambda: True,
) -> Iterator[LocalWorkers]:
    """Both workers on this machine, running until the block ends; they find Redis as this process does.

    `beside`: more processes, by name. Beat is not needed: without it, the control worker sweeps. If there is no work at
    the end, the workers are killed at once.
    """
    commands = {"control": control(), "stream": stream(processes or os.cpu_count() or 1), **(beside or {})}
    workers = LocalWorkers(commands, data_dir / "logs")
    try:
        workers.restart_dead()
        yield workers
    except BaseException:
        workers.stop()
        raise
    # Even an idle process may have spans that it has not sent, so with tracing it must end by itself.
    workers.stop(at_once=not (has_work() or is_wanted()))
