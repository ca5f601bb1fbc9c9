"""`millrace healthy` asks a process at the address where it answers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

import pytest
from click.testing import CliRunner

from worker.cli import millrace
from worker.errors import RetryLater


@pytest.mark.parametrize(
    ("prefix", "process", "asked"),
    [
        ("", "flower", "http://127.0.0.1:5555/healthcheck"),
        ("/tools/flower/", "flower", "http://127.0.0.1:5555/tools/flower/healthcheck"),
        ("tools", "api", "http://127.0.0.1:8080/readyz"),
    ],
)
def test_flower_is_asked_below_its_path(prefix: str, process: str, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def open_(url: str, timeout: float) -> AbstractContextManager[None]:
        urls.append(url)
        return nullcontext()

    monkeypatch.setattr(import_module("worker.cli.healthy"), "urlopen", open_)
    monkeypatch.setenv("FLOWER_URL_PREFIX", prefix)
    assert CliRunner().invoke(millrace, ["healthy", process]).exit_code == 0
    assert urls == [asked]


@pytest.mark.parametrize("process", ["beat", "control", "stream"])
def test_a_process_that_waits_for_redis_is_not_ended(process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_services() -> None:
        raise RetryLater("Redis does not answer")

    monkeypatch.setattr(import_module("worker.cli.healthy"), "open_services", open_services)
    answer = CliRunner().invoke(millrace, ["healthy", process])
    assert (answer.exit_code, answer.stderr) == (0, f"{process}: unknown, because Redis does not answer\n")
