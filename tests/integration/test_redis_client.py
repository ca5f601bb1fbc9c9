"""A client that waits for Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import fakeredis
import pytest

from tests.conftest import RedisServer
from tests.redis_server import free_port, start_server
from worker.errors import BadInput
from worker.installation import HOME
from worker.redis_client import connect, describe_wrong_clock, refuse_unfit
from worker.redis_url import read_redis_url


def test_a_command_waits_for_a_redis_that_is_not_there_yet(tmp_path: Path) -> None:
    port = free_port()
    client = connect(f"redis://127.0.0.1:{port}/0")
    servers = []

    def start_late(_error: Exception) -> None:
        if not servers:
            servers.append(start_server(tmp_path, port))

    # Started between two attempts, where a wait would be: the test waits for nothing.
    client.connection_pool.connection_kwargs["retry"]._backoff.compute = lambda failures: start_late(OSError()) or 0
    try:
        assert client.ping()
        assert servers
    finally:
        client.close()
        for server in servers:
            server.kill()
            server.wait()


def test_a_worker_refuses_a_redis_that_may_evict_its_keys(own_redis: RedisServer) -> None:
    own_redis.client().config_set("maxmemory-policy", "allkeys-lru")
    found = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", "worker", "-P", "threads", "-c", "1"],
        env={**os.environ, "MILLRACE_REDIS_URL": own_redis.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1
    assert "allkeys-lru" in found.stderr
    assert "noeviction" in found.stderr


def test_a_server_that_lacks_a_command_is_refused_as_a_user_without_the_right(tmp_path: Path) -> None:
    port = free_port()
    server = start_server(tmp_path, port, options=("--rename-command", "INFO", ""))
    try:
        with pytest.raises(BadInput, match=r"the right \+info; .*unknown command 'INFO'"):
            refuse_unfit(read_redis_url(f"redis://127.0.0.1:{port}/0"))
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("command", [("celery", "-A", "worker", "report"), ("worker", "worker", "control")])
def test_a_url_that_cannot_be_read_is_one_line_for_every_command(command: tuple[str, ...], tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "PYTHONPATH": str(HOME), "MILLRACE_REDIS_URL": "redis://:the-secret"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert line.startswith("millrace: MILLRACE_REDIS_URL: 'redis://...' is not allowed; expected HOST or HOST:PORT")
    assert "the-secret" not in found.stdout + found.stderr


@pytest.mark.parametrize(("slow", "words"), [(7200, "7,200 s ahead of"), (-7200, "7,200 s behind"), (0, "")])
def test_a_clock_that_is_wrong_by_hours_is_told(slow: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = fakeredis.FakeRedis()
    monkeypatch.setattr(client, "time", lambda: divmod(int((time.time() - slow) * 1e6), 1_000_000))
    said = describe_wrong_clock(client)
    assert (words in said) if words else said == ""
