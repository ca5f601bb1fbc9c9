"""`millrace dev`: everything on one machine, until somebody has had enough."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import requests

from tests.command import Command
from tests.harness import until
from worker.embedded_redis import free_port


def job_of(api: str) -> dict[str, object]:
    """Ask the running installation for a report, once it answers."""
    params = {"start_date": "2026-11-01", "stop_date": "2026-11-01"}
    body = {"connection": "instal", "report": "advertiser-export", "params": params}
    return requests.post(f"{api}/v1/jobs", json=body, timeout=10).json()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def test_everything_comes_up_does_a_job_and_goes_away_together(tmp_path: Path) -> None:
    port, flower_port = free_port(), free_port()
    api = f"http://127.0.0.1:{port}"
    command = Command(tmp_path, {"MILLRACE_DATA_DIR": "data", "MILLRACE_POLL_SECONDS": "0.2"})
    options = ("--port", str(port), "--flower-port", str(flower_port), "--rows", "100", "--processes", "1")
    process = command.start("dev", *options)
    try:
        until(lambda: answers(f"{api}/readyz"), "the API")
        until(lambda: answers(f"http://127.0.0.1:{flower_port}/"), "Flower")
        job = job_of(api)["job"]
        ended = until(
            lambda: (found := requests.get(f"{api}/v1/jobs/{job}", timeout=10).json())["state"] == "done" and found,
            "the job's end",
        )
        assert ended["receipt"]["rows"] == 100
    finally:
        everybody = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert psutil.wait_procs(everybody, timeout=10)[1] == []
    assert process.returncode == 130
    assert api in talk
