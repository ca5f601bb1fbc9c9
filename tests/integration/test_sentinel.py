"""A job outlives the failover of its Redis, with real sentinels, in the middle of a stream."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis
from redis.exceptions import RedisError

from config.celery import celery_settings
from tests.harness import running_stack, until
from tests.redis_server import RedisServer, free_port, running_redis
from worker.broker import broker_settings
from worker.embedded_redis import server_binary
from worker.redis_client import connect

SERVICE = "millrace"
ROWS = 60_000


class Sentinel:
    """One sentinel, watching the server on this port."""

    def __init__(self, directory: Path, master: int) -> None:
        self.port = free_port()
        directory.mkdir()
        (directory / "sentinel.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {directory}\nlogfile {directory}/sentinel.log\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 4000\n"
        )
        self.process = subprocess.Popen([server_binary(), str(directory / "sentinel.conf"), "--sentinel"])
        self.client = Redis("127.0.0.1", self.port, decode_responses=True)

    def knows(self, sentinels: int, replicas: int) -> bool:
        """Whether it has found the others."""
        try:
            seen = self.client.execute_command("SENTINEL MASTER", SERVICE)
        except RedisError:
            return False  # it is starting
        return bool(seen["num-other-sentinels"] == sentinels and seen["num-slaves"] == replicas)

    def master(self) -> int:
        return int(self.client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", SERVICE)[1])

    def end(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def replica(own_redis: RedisServer, tmp_path: Path) -> Iterator[RedisServer]:
    with own_redis.client() as master:
        master.config_set("repl-diskless-sync-delay", 0)
    with running_redis(tmp_path / "replica") as server:
        with server.client() as client:
            client.replicaof("127.0.0.1", own_redis.port)
            until(lambda: client.info("replication")["master_link_status"] == "up", "a replica")
        yield server


@pytest.fixture
def sentinels(own_redis: RedisServer, replica: RedisServer, tmp_path: Path) -> Iterator[list[Sentinel]]:
    found = [Sentinel(tmp_path / f"sentinel-{number}", own_redis.port) for number in range(3)]
    try:
        until(lambda: all(one.knows(2, 1) for one in found), "sentinels that know each other")
        yield found
    finally:
        for one in found:
            one.end()


def test_an_error_names_sentinels_that_cannot_be_asked_without_their_password() -> None:
    url = f"sentinel://:own-secret@127.0.0.1:{free_port()}/{SERVICE}?sentinel_password=other-secret"
    settings = celery_settings(broker_settings(url), 30)
    broker = Connection(settings["broker_url"], transport_options=settings["broker_transport_options"])
    for ask in (connect(url, retries=0).ping, broker.connect):
        with pytest.raises(RedisError, match=r"No master found .*127\.0\.0\.1:") as refused:
            ask()
        assert "secret" not in str(refused.value)


def test_after_a_broken_connection_the_master_is_looked_up_again(
    own_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = own_redis.port
    monkeypatch.setattr("redis.sentinel.Sentinel.discover_master", lambda *_: ("127.0.0.1", master))
    with running_redis(tmp_path / "next") as successor, connect(f"sentinel://127.0.0.1/{SERVICE}", retries=2) as client:
        connection = client.connection_pool.get_connection()
        own_redis.kill()
        connection.disconnect()
        master = successor.port
        connection.send_command("PING")
        assert (connection.read_response(), connection.port) == (b"PONG", successor.port)


def test_a_job_outlives_the_failover_of_its_redis(
    own_redis: RedisServer, replica: RedisServer, sentinels: list[Sentinel], tmp_path: Path
) -> None:
    hosts = ",".join(f"127.0.0.1:{one.port}" for one in sentinels)
    with running_stack(tmp_path / "stack", f"sentinel://{hosts}/{SERVICE}/0") as stack:
        job = stack.begin_stream("stream:failover", ROWS)
        before = {name: stack.workers.pid(name) for name in ("control", "stream", "beat")}
        own_redis.kill()
        until(lambda: sentinels[0].master() == replica.port, "the failover")
        stack.assert_whole("failover", job, ROWS)
        assert {name: stack.workers.pid(name) for name in before} == before, stack.logs()
