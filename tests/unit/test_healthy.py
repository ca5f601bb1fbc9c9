"""`millrace healthy` asks a process at the address where it answers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

import pytest
from click.testing import CliRunner

from worker.cli import millrace


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
