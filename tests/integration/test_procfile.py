"""The Procfile as it is documented, run by honcho in an empty directory, with nothing but the simulated vendors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from sandbox import Sandbox
from tests.harness import processes_in, until
from tests.requests import PARAMS
from worker.embedded_redis import free_port
from worker.installation import HOME

BIN = Path(sys.executable).parent
SLOW = {"kind": "throttle", "args": {"bytes_per_second": 400_000}, "match": {"role": "stream"}}


class Installation:
    """What honcho started."""

    def __init__(self, directory: Path, vendors: Sandbox) -> None:
        self.port, self.flower_port, self.directory = free_port(), free_port(), directory
        self.log = directory / "honcho.log"
        environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "PYTHONUNBUFFERED": "1",
            "FLOWER_PORT": str(self.flower_port),
            "MILLRACE_POLL_SECONDS": "0.2",
            "MILLRACE_LEASE_SECONDS": "4",
            "MILLRACE_SWEEP_SECONDS": "2",
            **vendors.environment,
        }
        start = ["start", "-p", str(self.port)]
        command = [str(BIN / "honcho"), "-f", str(HOME / "Procfile"), "-d", str(directory), *start]
        with self.log.open("w") as log:
            self.honcho = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def get(self, path: str, port: int | None = None) -> Any:
        assert self.honcho.poll() is None, self.log.read_text()
        try:
            answer = requests.get(f"http://127.0.0.1:{port or self.port}{path}", timeout=10)
        except requests.ConnectionError:
            return None
        return answer.json() if answer.ok else None

    def ask(self, body: dict[str, Any]) -> str:
        answer = requests.post(f"http://127.0.0.1:{self.port}/v1/jobs", json=body, timeout=10)
        assert answer.status_code == 202, answer.text
        job: str = answer.json()["job"]
        return job

    def wait_for(self, job: str, holds: Any) -> dict[str, Any]:
        def look() -> Any:
            shown = self.get(f"/v1/jobs/{job}")
            return shown if shown and holds(shown) else None

        found: dict[str, Any] = until(look, f"job {job}; {self.log.read_text()[-3000:]}")
        return found

    def workers_in_flower(self) -> list[str] | None:
        """Names of the workers Flower shows, once there are two."""
        found = self.get("/workers?json=1", self.flower_port) or {"data": []}
        names = sorted(worker["hostname"] for worker in found["data"])
        return names if len(names) == 2 else None

    def processes(self) -> list[psutil.Process]:
        return processes_in(self.directory)


@pytest.fixture(scope="module")
def vendors() -> Iterator[Sandbox]:
    with Sandbox(port=0, rows=8000, polls_until_ready=1) as vendors:
        yield vendors


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, vendors: Sandbox) -> Iterator[Installation]:
    running = Installation(tmp_path_factory.mktemp("empty"), vendors)
    yield running
    for process in [*running.processes()]:
        process.kill()
    running.honcho.wait()


def test_five_processes_come_up_each_under_a_name_of_its_own(installed: Installation) -> None:
    until(lambda: installed.get("/readyz"), "the API")
    until(lambda: (installed.get("/readyz") or {}).get("seconds_since_sweep") is not None, "a sweep that beat sent")
    named = until(installed.workers_in_flower, "both workers in Flower")
    assert [name.partition("-")[0] for name in named] == ["control", "stream"]


def test_flower_is_reached_from_this_machine_alone(installed: Installation) -> None:
    ports = {
        connection.laddr.ip
        for process in installed.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports == {"127.0.0.1"}


def test_a_page_whose_process_was_killed_is_taken_over_and_the_job_is_done(
    installed: Installation, vendors: Sandbox
) -> None:
    vendors.remote.turn(SLOW)
    body = {"connection": "mediamath", "report": "performance", "params": PARAMS["mediamath.performance"]}
    job = installed.ask({**body, "to": "stream:procfile"})
    installed.wait_for(job, lambda shown: shown["rows"] > 1000)
    streams = [process for process in installed.processes() if process.cmdline()[-2:] == ["worker", "stream"]]
    pool = [process for process in streams if process.ppid() in {other.pid for other in streams}]
    assert pool
    for process in pool:
        process.kill()
    vendors.remote.turn()
    shown = installed.wait_for(job, lambda shown: shown["state"] in {"done", "failed"})
    assert (shown["state"], shown["receipt"]["rows"]) == ("done", 8000)


def test_sigterm_stops_everything(installed: Installation) -> None:
    installed.honcho.send_signal(signal.SIGTERM)
    installed.honcho.wait(60)
    until(lambda: not installed.processes(), "the end of every process")
