"""Real parts for the tests: a Redis server of their own, started from the same binary the product embeds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from tests.stack import shared_stack as shared_stack
from tests.stack import stack as stack
from worker.embedded_redis import free_port, start_server


@dataclass
class RedisServer:
    """One redis-server process and its address."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=30)

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again on the same port and data."""
        self.process = start_server(self.directory, self.port)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    directory = tmp_path_factory.mktemp("redis")
    port = free_port()
    server = RedisServer(port, directory, start_server(directory, port))
    yield server
    server.kill()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    client = redis_server.client()
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server a test may kill, fill and restart."""
    directory = tmp_path / "redis"
    port = free_port()
    server = RedisServer(port, directory, start_server(directory, port))
    yield server
    server.kill()
