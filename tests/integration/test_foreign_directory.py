"""A user's directory: `worker.py`, `tasks.py` and `config/` of another program, and commands that are killed there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.command import KARGO, NO_REDIS
from tests.harness import processes_in, until
from worker.installation import HOME
from worker.local_workers import LocalWorkers, WorkerFailed

MILLRACE = Path(sys.executable).with_name("millrace")


@pytest.fixture
def vendors() -> Iterator[Sandbox]:
    with Sandbox(port=0, rows=30, polls_until_ready=1) as vendors:
        yield vendors


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The directory of a user who has modules with these names."""
    for name in ("worker.py", "tasks.py", "celery.py", "sandbox.py", "config/__init__.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise SystemExit('this is another program')\n")
    return tmp_path


def environment(vendors: Sandbox) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**inherited, **vendors.environment, "MILLRACE_POLL_SECONDS": "0.2"}


def test_a_report_is_read_where_the_user_has_modules_of_our_names(foreign: Path, vendors: Sandbox) -> None:
    ran = subprocess.run(
        [MILLRACE, "run", *KARGO, "--processes", "1"],
        cwd=foreign, env=environment(vendors), capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert (ran.returncode, "done" in ran.stdout) == (0, True), ran.stderr


def test_a_killed_command_leaves_no_processes(tmp_path: Path, vendors: Sandbox) -> None:
    vendors.remote.turn({"vendor": "kargo", "kind": "never_ready"})
    command = subprocess.Popen(
        [MILLRACE, "run", *KARGO], cwd=tmp_path, env=environment(vendors),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: vendors.remote.requests("kargo", "status"), "a poll")
    # The command, its Redis and its workers are running, so some could remain.
    assert len(processes_in(tmp_path)) > 3
    command.send_signal(signal.SIGKILL)
    command.wait()
    until(lambda: not processes_in(tmp_path), "the end of every process")


@pytest.mark.parametrize("command", [("-m", "celery", "-A", "worker", "report"), ("-c", "import worker.cli")])
def test_another_programs_package_is_not_mistaken_for_ours(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "tasks.py").write_text("print('another program ran')\n")
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(HOME)])},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[-1].startswith(f"millrace: the package 'tasks' at {tmp_path / 'tasks.py'} is not")


@pytest.mark.parametrize("name", ["config", "tasks", "worker"])
def test_a_package_that_took_the_place_of_ours_is_noticed(tmp_path: Path, name: str) -> None:
    """As if two wheels have a package of this name, and the second has overwritten the first."""
    for ours in ("config", "worker", "tasks"):
        shutil.copytree(HOME / ours, tmp_path / ours, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / name / "__init__.py").write_text("")
    ran = subprocess.run(
        [sys.executable, "-c", "from worker.cli import main; main(['--version'])"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert f"the package '{name}' at {tmp_path / name}" in ran.stderr
    assert "remove the other one from Python" in ran.stderr


def test_a_process_that_never_starts_is_given_up_with_the_last_line_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.local_workers.FIRST_WAIT_SECONDS", 0)
    workers = LocalWorkers({"stream": (sys.executable, "-c", "raise OSError('no room')")}, tmp_path)
    with pytest.raises(WorkerFailed, match=r"stream process ended 5 times right after its start; .*OSError: no room"):
        until(lambda: workers.restart_dead() and False, "the giving up")
    workers.stop()


def test_a_machine_without_shared_memory_is_named_in_one_line() -> None:
    without = "import multiprocessing, os; multiprocessing.Event = lambda: os.open('/no', 0); import worker.celery"
    ran = subprocess.run(
        [sys.executable, "-c", without],
        cwd=HOME, env={**os.environ, "MILLRACE_REDIS_URL": NO_REDIS}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr == "millrace: no memory to share with its processes (/dev/shm): No such file or directory\n"
