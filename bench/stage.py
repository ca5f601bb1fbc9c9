"""The environment of a measurement: a Redis server and the simulated vendors, each in a process of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis

from bench.replay import replaying
from config.settings import prepare_environment
from sandbox import SandboxProcess
from tests.redis_server import free_port, start_server

# Quotas that are too high to slow a measurement.
LIMITS = "limits: {requests_per_second: 100000, reports_at_once: 100000, streams_at_once: 64}"
CONNECTIONS = f"""\
kargo:
  source: kargo
  base_url: ${{KARGO_BASE_URL}}
  credentials: {{username: $KARGO_USERNAME, password: $KARGO_PASSWORD}}
  {LIMITS}
mediamath:
  source: mediamath
  base_url: ${{MEDIAMATH_BASE_URL}}
  credentials: {{token: $MEDIAMATH_TOKEN}}
  {LIMITS}
rokt:
  source: rokt
  base_url: ${{ROKT_BASE_URL}}
  credentials: {{app_id: $ROKT_APP_ID, app_secret: $ROKT_APP_SECRET}}
  {LIMITS}
"""


@dataclass(frozen=True)
class Stage:
    """The addresses of a stage. `environment` are the variables with which other processes use it."""

    directory: Path
    redis_url: str
    vendors: SandboxProcess
    environment: dict[str, str]

    def url(self, vendor: str) -> str:
        """The base URL of a vendor."""
        return self.environment[f"{vendor.upper()}_BASE_URL"]

    @property
    def files(self) -> Path:
        """Where measurements put files."""
        return self.directory / "files"

    def drop_rows(self) -> None:
        """Remove what a measurement wrote, to the stream `bench` or to `files`.

        The yardsticks leave nothing either. Otherwise new files would use memory that a virtual machine has never
        touched, and writing there takes ten times as long.
        """
        with Redis.from_url(self.redis_url) as redis:
            redis.delete("bench")
        shutil.rmtree(self.files, ignore_errors=True)


@contextmanager
def stage(
    *, settings: dict[str, str] | None = None, is_replayed: bool = False, **vendor_settings: Any
) -> Iterator[Stage]:
    """A new stage. This process's settings lead to it, so set up only one in a process.

    `is_replayed`: the vendors answer from memory, for measurements that must not include making the rows.
    """
    port = free_port()
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="millrace-bench-", ignore_cleanup_errors=True) as name,
        SandboxProcess(port=0, **vendor_settings) as vendors,
    ):
        directory = Path(name)
        host = vendors_host = urlsplit(vendors.urls["kargo"]).netloc
        if is_replayed:
            host = urlsplit(stack.enter_context(replaying(f"http://{vendors_host}"))).netloc
        # A server rewrites its append-only file when that has doubled, in a process that would take a core from what is
        # measured, in some repetitions and not in others.
        server = start_server(directory / "redis", port, options=("--auto-aof-rewrite-percentage", "0"))
        try:
            environment = _environment(directory, f"redis://127.0.0.1:{port}/0", vendors) | (settings or {})
            environment = {name: value.replace(vendors_host, host) for name, value in environment.items()}
            prepare_environment(environment)
            yield Stage(directory, environment["MILLRACE_REDIS_URL"], vendors, environment)
        finally:
            server.kill()
            server.wait()


def _environment(directory: Path, redis_url: str, vendors: SandboxProcess) -> dict[str, str]:
    connections = directory / "connections.yaml"
    connections.write_text(CONNECTIONS)
    return {
        **vendors.environment,
        "MEDIAMATH_TOKEN": vendors.credentials["mediamath"]["token"],
        "MILLRACE_REDIS_URL": redis_url,
        "MILLRACE_DATA_DIR": str(directory),
        "MILLRACE_CONNECTIONS": str(connections),
        "MILLRACE_LOG_LEVEL": "warning",
    }
