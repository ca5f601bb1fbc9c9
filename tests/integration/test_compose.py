"""The file of docker compose: its shape, and every command and health check in it, run unchanged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Any

import jsonschema
import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from tests.harness import until
from tests.redis_server import RedisServer, answers, free_port
from worker.embedded_redis import server_binary
from worker.installation import HOME

COMPOSE: dict[str, Any] = yaml.safe_load((HOME / "docker-compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "redis"]
PASSWORD = "the-password-of-the-tests"

# From github.com/compose-spec/compose-spec, commit a08f8d5, under the Apache License 2.0 beside it.
SPECIFICATION = json.loads((HOME / "tests/fixtures/compose-spec/compose-spec.json").read_bytes())


def test_the_file_is_as_the_compose_specification_says_and_names_only_what_it_declares() -> None:
    jsonschema.Draft7Validator(SPECIFICATION).validate(COMPOSE)
    for service in SERVICES.values():
        assert set(service["secrets"]) <= set(COMPOSE["secrets"])
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(COMPOSE["volumes"])
        assert set(service.get("depends_on", {})) <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little_comes_back_and_is_reached_from_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert (service["restart"], service["init"], service["read_only"]) == ("always", True, True)
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_no_password_is_in_a_command_or_a_url() -> None:
    for service in SERVICES.values():
        visible = [*service["command"], service.get("environment", {}).get("MILLRACE_REDIS_URL", "")]
        assert not any("REDIS_PASSWORD" in word for word in visible)


class Composed:
    """What compose would start, started here: the same words, other directories and ports."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bin").mkdir()
        (directory / "bin" / "valkey-server").symlink_to(server_binary())
        (directory / "redis_password").write_text(PASSWORD)
        self.changes = {
            "/run/secrets/redis_password": str(directory / "redis_password"),
            "/data": str(directory),
            "8080": str(free_port()),
            "5555": str(free_port()),
            "0.0.0.0": "127.0.0.1",
        }
        self.redis_port = free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        path = os.pathsep.join([str(directory / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {
            "PATH": path,
            "HOME": str(directory),
            "MILLRACE_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "MILLRACE_REDIS_PASSWORD_FILE": self.changes["/run/secrets/redis_password"],
            "MILLRACE_DATA_DIR": str(directory),
            "MILLRACE_API_TOKENS": "a-token",
            "FLOWER_BASIC_AUTH": "user:password",
        }

    def words(self, words: list[str]) -> list[str]:
        changed = []
        for word in words:
            # Compose reads two of them as one.
            text = word.replace("$$", "$")
            for old, new in self.changes.items():
                text = text.replace(old, new)
            changed.append(text)
        return changed

    def start(self, *words: str) -> None:
        log = (self.directory / f"{len(self.processes)}.log").open("wb")
        with log:
            self.processes.append(
                subprocess.Popen(words, cwd=self.directory, env=self.environment, stdout=log, stderr=log)
            )

    def stop(self) -> dict[str, int]:
        """End every service by SIGTERM, as compose does; the exit code of each."""
        for process in reversed(self.processes):
            process.terminate()
        return dict(zip(["redis", *OURS], [process.wait(60) for process in self.processes], strict=True))

    def is_healthy(self, name: str) -> bool:
        """Whether the health check of a service passes."""
        words = self.words(SERVICES[name]["healthcheck"]["test"][1:])
        ran = subprocess.run(words, cwd=self.directory, env=self.environment, capture_output=True, check=False)
        assert b"Traceback" not in ran.stderr, ran.stderr
        return ran.returncode == 0


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    running = Composed(tmp_path_factory.mktemp("composed"))
    redis = running.words(SERVICES["redis"]["command"])
    running.start(*redis[:-1], redis[-1].replace(" - ", f" - --port {running.redis_port} --bind 127.0.0.1 ", 1))
    until(lambda: running.processes[0].poll() is None and asks_for_password(running.redis_port), "the server")
    for name in OURS:
        running.start("millrace", *running.words(SERVICES[name]["command"]))
    yield running
    assert running.stop() == {"redis": 0, "api": 128 + SIGTERM, "beat": 0, "control": 0, "stream": 0, "flower": 0}


def asks_for_password(port: int) -> bool:
    with Redis("127.0.0.1", port, retry=None) as client:
        try:
            client.ping()
        except AuthenticationError:
            return True
        except RedisError:
            return False
    return False


def test_the_server_requires_the_password_of_its_secret(composed: Composed) -> None:
    assert not answers(composed.redis_port)
    assert PASSWORD not in Path(f"/proc/{composed.processes[0].pid}/cmdline").read_text()


@pytest.mark.parametrize("name", OURS)
def test_every_command_runs_and_its_health_check_passes(composed: Composed, name: str) -> None:
    until(lambda: composed.is_healthy(name), f"a healthy {name}")


@pytest.mark.parametrize("name", ["beat", "control", "api"])
def test_a_health_check_fails_where_nothing_but_the_server_runs(
    redis: Redis, redis_server: RedisServer, name: str, tmp_path: Path
) -> None:
    idle = Composed(tmp_path)
    idle.environment["MILLRACE_REDIS_URL"] = redis_server.url
    # This server has no password, and refuses clients that give one.
    del idle.environment["MILLRACE_REDIS_PASSWORD_FILE"]
    assert not idle.is_healthy(name)
