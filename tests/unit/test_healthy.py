"""`millrace healthy` asks a process at the address where it answers."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module

import pytest
from click.testing import CliRunner

from tests.fake_vendor import Answer, FakeVendor
from worker.cli import millrace
from worker.errors import RetryLater


@pytest.mark.parametrize(
    ("prefix", "process", "asked"),
    [
        ("", "flower", "http://localhost:5555/healthcheck"),
        ("/tools/flower/", "flower", "http://localhost:5555/tools/flower/healthcheck"),
        ("tools", "api", "http://localhost:8080/readyz"),
    ],
)
def test_flower_is_asked_below_its_path(prefix: str, process: str, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    urls: list[str] = []

    def open_(url: str, timeout: float) -> AbstractContextManager[None]:
        urls.append(url)
        return nullcontext()

    monkeypatch.setattr(import_module("worker.cli.healthy"), "_open_directly", open_)
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


def test_a_process_is_asked_directly_whatever_proxy_vendors_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with FakeVendor(lambda request: Answer("ok")) as process:
        port = process.base.rpartition(":")[2]
        assert CliRunner().invoke(millrace, ["healthy", "api", "--port", port]).exit_code == 0
