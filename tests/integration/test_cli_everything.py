"""`millrace dev` and `millrace demo`: everything on a machine where nothing runs, until it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.command import Command
from tests.harness import until
from tests.redis_server import free_port


def get_json(url: str) -> Any:
    """The answer at this URL, JSON if it says so; None or False while there is none."""
    try:
        answer = requests.get(url, timeout=10)
    except requests.ConnectionError:
        return None
    return answer.ok and (answer.json() if "json" in answer.headers["Content-Type"] else answer.text)


@contextmanager
def interrupted(process: subprocess.Popen[str]) -> Iterator[None]:
    """The command, ended by Ctrl-C, and everybody it started with it."""
    try:
        yield
    finally:
        everybody = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert psutil.wait_procs(everybody, timeout=10)[1] == []


def test_everything_comes_up_does_a_job_and_goes_away_together(tmp_path: Path) -> None:
    port, flower_port = free_port(), free_port()
    api = f"http://127.0.0.1:{port}"
    command = Command(tmp_path, {"MILLRACE_DATA_DIR": "data", "MILLRACE_POLL_SECONDS": "0.2"})
    options = ("--port", str(port), "--flower-port", str(flower_port), "--rows", "100", "--processes", "1")
    with command.start("dev", *options) as process:
        with interrupted(process):
            until(lambda: get_json(f"{api}/readyz"), "the API")
            until(lambda: get_json(f"http://127.0.0.1:{flower_port}/"), "Flower")
            said = dict(process.stderr.readline().split(maxsplit=1) for _ in range(5))
            assert f"{api}/" in said["page"]
            found = {**command.known({}), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            subprocess.run(["sh", "-c", said["try"]], cwd=tmp_path, env=found, check=True, capture_output=True)
            (job,) = get_json(f"{api}/v1/jobs")
            assert (job["state"], job["rows"]) == ("done", 100)
        assert process.returncode == 130
    assert list((tmp_path / "data").glob("*.sh")) == []


def test_the_demonstration_brings_every_row_shows_its_jobs_and_removes_everything(tmp_path: Path) -> None:
    port = free_port()
    command = Command(tmp_path, {"TMPDIR": str(tmp_path)})
    with command.start("demo", "--rows", "2000", "--json", "--keep", "--port", str(port)) as process:
        with interrupted(process):
            # One of each vendor, and one more that goes to Parquet.
            lines = [json.loads(process.stdout.readline()) for _ in range(5)]
            jobs = until(lambda: get_json(f"http://127.0.0.1:{port}/v1/jobs"), "the page")
        talk = process.stderr.read()
    assert [(line["state"], line["is_whole"], line["doubled"]) for line in lines] == [("done", True, 0)] * 5
    assert [job["state"] for job in jobs] == ["done"] * 5
    assert process.returncode == 0, talk
    assert f"http://127.0.0.1:{port}/" in talk
    assert list(tmp_path.glob("millrace-*")) == []
