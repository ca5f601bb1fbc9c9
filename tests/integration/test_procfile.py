"""The Procfile as it is documented, run by honcho in an empty directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.command import Command
from tests.harness import processes_in, until
from tests.redis_server import RedisServer, free_port
from worker.installation import HOME

BIN = Path(sys.executable).parent


def test_five_processes_come_up_listen_on_this_machine_alone_and_end_together(tmp_path: Path) -> None:
    port, flower_port, log = free_port(), free_port(), tmp_path / "honcho.log"
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "FLOWER_PORT": str(flower_port),
        "MILLRACE_SWEEP_SECONDS": "2",
    }
    command = [str(BIN / "honcho"), "-f", str(HOME / "Procfile"), "-d", str(tmp_path), "start", "-p", str(port)]
    with log.open("w") as lines:
        honcho = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=lines, stderr=lines
        )

    def get_json(port: int, path: str) -> Any:
        assert honcho.poll() is None, log.read_text()
        try:
            answer = requests.get(f"http://127.0.0.1:{port}{path}", timeout=10)
        except requests.ConnectionError:
            return {}
        return answer.json() if answer.ok else {}

    def workers() -> list[str]:
        return sorted(
            one["hostname"].partition("-")[0] for one in get_json(flower_port, "/workers?json=1").get("data", [])
        )

    try:
        until(lambda: get_json(port, "/readyz").get("seconds_since_sweep") is not None, "a sweep that beat sent")
        until(lambda: workers() == ["control", "stream"], "both workers in Flower, each under a name of its own")
        listening = {
            connection.laddr.ip
            for process in processes_in(tmp_path)
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        # As an init system does: honcho has to end what it started.
        honcho.send_signal(signal.SIGTERM)
        honcho.wait(60)
        until(lambda: not processes_in(tmp_path), "the end of every process")
    finally:
        for process in processes_in(tmp_path):
            process.kill()
        honcho.wait()


def test_a_worker_starts_again_at_sighup_and_stops_even_if_nobody_reads_its_output(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    command = Command(tmp_path, {"MILLRACE_REDIS_URL": redis_server.url})
    worker = command.start("worker", "control", "--threads", "1")
    assert worker.stdout
    assert worker.stderr
    lines = iter(worker.stderr)
    assert any(" ready" in line for line in lines)
    # Celery's way to start again. `python -m worker` is no file that could be run.
    worker.send_signal(signal.SIGHUP)
    assert any(" ready" in line for line in lines)
    # As in `millrace worker control | head`.
    worker.stdout.close()
    worker.terminate()
    try:
        assert worker.wait(60) == 0, list(lines)
    finally:
        worker.kill()
        worker.communicate()
