"""Runs a Redis server on a port of this machine, for tests and measurements."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from worker.embedded_redis import last_line, server_command

START_SECONDS = 20


def free_port() -> int:
    """A port of the loopback address that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(directory: Path, port: int, *, options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers; the caller must stop it. `options` go to its command line."""
    directory.mkdir(parents=True, exist_ok=True)
    command = server_command(directory, "--port", str(port), "--bind", "127.0.0.1")
    server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not answers(port):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            server.wait()
            raise RuntimeError(f"no Redis on port {port}; {last_line(directory / 'redis.log')}")
        time.sleep(0.02)
    return server


def answers(port: int) -> bool:
    """Does a server answer there that has loaded its data?"""
    with suppress(RedisError), Redis("127.0.0.1", port, socket_timeout=1, retry=None) as client:
        try:
            client.ping()
        except BusyLoadingError:
            return False
        except ResponseError:
            return True  # it answers, if only that it cannot save to a full disk
        return True
    return False


@dataclass
class RedisServer:
    """A Redis server process and its address."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=30)

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again with the same port and data."""
        self.process = start_server(self.directory, self.port)


@contextmanager
def running_redis(directory: Path) -> Iterator[RedisServer]:
    """Run a server with its data in this directory during the block."""
    port = free_port()
    server = RedisServer(port, directory, start_server(directory, port))
    try:
        yield server
    finally:
        server.kill()
