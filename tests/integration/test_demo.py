"""`millrace demo` on a machine with nothing running, looked at until somebody has seen enough."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import requests

from tests.command import Command
from tests.harness import until
from worker.embedded_redis import free_port


def test_the_demonstration_brings_every_row_shows_its_jobs_and_removes_everything(tmp_path: Path) -> None:
    port = free_port()
    command = Command(tmp_path, {"TMPDIR": str(tmp_path)})
    process = command.start("demo", "--rows", "2000", "--json", "--keep", "--port", str(port))
    try:
        # One of each vendor, and one more that goes to Parquet.
        lines = [json.loads(process.stdout.readline()) for _ in range(5)]
        states = until(lambda: jobs_of(port), "the page")
    finally:
        everybody = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=60)
    assert [(line["state"], line["is_whole"], line["doubled"]) for line in lines] == [("done", True, 0)] * 5
    assert states == ["done"] * 5
    assert process.returncode == 0, talk
    assert f"http://127.0.0.1:{port}/" in talk
    assert psutil.wait_procs(everybody, timeout=10)[1] == []
    assert list(tmp_path.glob("millrace-*")) == []


def jobs_of(port: int) -> list[str]:
    try:
        return [job["state"] for job in requests.get(f"http://127.0.0.1:{port}/v1/jobs", timeout=10).json()]
    except requests.ConnectionError:
        return []
