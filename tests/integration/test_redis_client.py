"""A client that waits for Redis."""

from __future__ import annotations

from pathlib import Path

from worker.embedded_redis import free_port, start_server
from worker.redis_client import connect


def test_a_command_waits_for_a_redis_that_is_not_there_yet(tmp_path: Path) -> None:
    port = free_port()
    client = connect(f"redis://127.0.0.1:{port}/0")
    servers = []

    def start_late(_error: Exception) -> None:
        if not servers:
            servers.append(start_server(tmp_path, port))

    client.connection_pool.connection_kwargs["retry"]._backoff.compute = lambda failures: start_late(OSError()) or 0
    try:
        assert client.ping()
        assert servers
    finally:
        client.close()
        for server in servers:
            server.kill()
            server.wait()
