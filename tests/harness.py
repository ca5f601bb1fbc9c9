"""Runs all of Millrace on this machine: Redis, the simulated vendors over HTTP, both workers and beat."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from celery import Celery
from redis import Redis

from config.celery import celery_settings
from config.settings import Settings
from sandbox import Sandbox
from tests.redis_server import free_port
from tests.requests import PARAMS, STREAM
from worker.broker import broker_settings
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import LocalWorkers, beat, control, stream
from worker.model import FINISHED, Job, Json
from worker.redis_client import connect
from worker.services import Services
from worker.sinks.audit import Audit, audit

FIRST_STREAM = {"match": {"role": "stream"}, "times": 1}
LOOK_SECONDS = 0.05
# Less than the 120 s after which pytest stops a test, because that does not say what it waited for.
PATIENCE_SECONDS = 100.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until the condition is true and return its value. Fails with `what` in the message if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(LOOK_SECONDS)
    return found


def processes_in(directory: Path) -> list[psutil.Process]:
    """The processes whose working directory is this one or below it."""
    found = []
    for process in psutil.process_iter():
        # Some end in the meantime, others belong to other users.
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(directory):
                found.append(process)
    return found


def vendors_with(**settings: int) -> Callable[[], Iterator[Sandbox]]:
    """Make a fixture of simulated vendors with these settings, for a whole module."""

    @pytest.fixture(scope="module", name="vendors")
    def vendors() -> Iterator[Sandbox]:
        with Sandbox(port=0, **settings) as running:
            yield running

    return vendors


@dataclass
class Millrace:
    """Both workers and beat on one Redis, with the actions that tests need. Safe for use by many threads."""

    services: Services
    workers: LocalWorkers
    app: Celery
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def redis(self) -> Redis:
        return self.services.redis

    def ask(self, name: str, sink: str, params: Json, **more: Any) -> str:
        """Make a new job and nudge it; returns its id."""
        job_id, _ = create_job(self.services, JobRequest(name, params, sink, may_join=False, **more))
        self.nudge("report.submit", job_id)
        return job_id

    def nudge(self, task: str, *args: str | int) -> None:
        with self._guard:
            self.app.send_task(task, args=args)

    def job(self, job_id: str) -> Job:
        job = self.services.ledger.job(job_id)
        assert job
        return job

    def wait_for(self, job_id: str, holds: Callable[[Job], Any], what: str) -> Job:
        """Wait until this is true of the job and return it; dead workers are restarted, as a supervisor would."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(job := self.job(job_id)):
            assert time.monotonic() < deadline, f"never came: {what}; {job}\n{self.logs()}"
            # Scenarios wait in many threads, of which only one may restart a worker.
            with self._guard:
                self.workers.restart_dead()
            time.sleep(LOOK_SECONDS)
        return job

    def ended(self, job_id: str) -> Job:
        """Wait until the job has its receipt, and return the job."""
        return self.wait_for(job_id, lambda job: job.state in FINISHED and job.receipt, "the end")

    def receipt(self, job_id: str) -> Json:
        """Wait until the job has ended, and return its receipt."""
        receipt = self.ended(job_id).receipt
        assert receipt
        return receipt

    def audit(self, stream: str, job_id: str) -> Audit:
        return audit(self.redis, stream, job_id)

    def assert_whole(self, stream: str, job_id: str, rows: int) -> None:
        """Assert that the job is done, and that a consumer of the stream has this many rows, each once and in order."""
        receipt = self.receipt(job_id)
        assert (receipt["state"], receipt["error"], receipt["rows"]) == ("done", None, rows), self.logs()
        found = self.audit(stream, job_id)
        came = (found.is_whole, found.rows, found.lost, found.doubled, found.out_of_order)
        assert came == (True, rows, 0, 0, 0), found

    def logs(self) -> str:
        """The last lines of every worker's log, for the message of a failed test."""
        return "\n".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:]
            for path in self.workers.log_dir.glob("*.log")
        )

    def wait_until_ready(self) -> None:
        """Return as soon as both workers accept work."""
        logs = [self.workers.log_dir / f"{name}.log" for name in ("control", "stream")]
        until(lambda: all(" ready." in log.read_text(errors="replace") for log in logs), "workers that are ready")


@contextmanager
def running_millrace(
    directory: Path, settings: Settings, environment: dict[str, str], *, threads: int = 8, processes: int = 2
) -> Iterator[Millrace]:
    """Run workers and beat with these environment variables, and services with the same settings."""
    assert settings.redis_url
    services = Services(settings, connect(settings.redis_url))
    commands = {"control": control(threads), "stream": stream(processes), "beat": beat()}
    workers = LocalWorkers(commands, directory / "logs", environment)
    # It only sends. The product's own Celery application would take the broker from the settings of this process.
    app = Celery("tests", set_as_current=False)
    app.conf.update(celery_settings(broker_settings(settings.redis_url), 1))
    try:
        workers.restart_dead()
        yield Millrace(services, workers, app)
    finally:
        # Killed, because giving back their work first would take seconds, and it is no longer needed.
        workers.stop(at_once=True)
        app.close()
        services.redis.close()


@dataclass
class Stack(Millrace):
    """Millrace and its simulated vendors."""

    vendors: Sandbox = field(kw_only=True)

    def dial(self, *faults: Json) -> None:
        """Replace all faults by these."""
        self.vendors.remote.turn(*faults)

    def vendors_are(self, **settings: Any) -> None:
        """Change settings of the vendors."""
        self.vendors.remote.set(**settings)

    def vendors_as_usual(self) -> None:
        self.vendors.remote.reset()

    def requests(self) -> list[Json]:
        """The requests that the vendors received."""
        return self.vendors.remote.requests()

    def ask(self, name: str, sink: str, params: Json | None = None, **more: Any) -> str:
        return super().ask(name, sink, PARAMS[name] if params is None else params, **more)

    def begin_stream(self, sink: str, rows: int, *faults: Json) -> str:
        """Start a job that reads one long stream, and return when it is in the middle."""
        self.vendors_are(rows=rows)
        # The first reading is slow, so that a test can interrupt it; later ones are fast, to save time.
        self.dial(*(faults or [{"kind": "throttle", **FIRST_STREAM, "args": {"bytes_per_second": 2_000_000}}]))
        job = self.ask(STREAM, sink)
        # Two batches are published: an interruption from here on could lose or repeat rows.
        self.wait_for(job, lambda job: job.rows > 2000, "rows")
        return job


class Api:
    """The HTTP API in a process of its own, and its token."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self._token = base, token

    def __call__(self, method: str, path: str, *, token: str | None = "", **more: Any) -> requests.Response:
        """Send a request with the API's own token, another one, or none."""
        sent = self._token if token == "" else token
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {sent}"} if sent else {})}
        return requests.request(method, self.base + path, headers=headers, timeout=10, **more)

    def is_up(self) -> bool:
        try:
            return self("GET", "/readyz").ok
        except requests.ConnectionError:
            return False


@contextmanager
def running_api(stack: Stack, token: str, **settings: str) -> Iterator[Api]:
    """Run the API of a stack on a port of its own during the block."""
    port = free_port()
    environment = {**os.environ, **stack.workers.environment, "MILLRACE_API_TOKENS": token, **settings}
    command = [sys.executable, "-m", "worker", "api", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        api = Api(f"http://127.0.0.1:{port}", token)
        until(api.is_up, "the API")
        yield api
        process.terminate()


@contextmanager
def running_stack(directory: Path, url: str, *, processes: int = 2, **settings: str) -> Iterator[Stack]:
    """Run workers and beat on one Redis, with vendors of their own, whose credentials this process gets as well."""
    with Sandbox(port=0, rows=2500, polls_until_ready=1) as vendors, pytest.MonkeyPatch.context() as credentials:
        for name, value in vendors.environment.items():
            credentials.setenv(name, value)
        own = {
            "MILLRACE_REDIS_URL": url,
            "MILLRACE_DATA_DIR": str(directory),
            "MILLRACE_POLL_SECONDS": "0.2",
            # A short lease, so that tests need not wait long for the work of a killed worker.
            "MILLRACE_LEASE_SECONDS": "2",
            "MILLRACE_SWEEP_SECONDS": "1",
            **settings,
        }
        # Only while they are read, because other tests of this process have settings of their own.
        with pytest.MonkeyPatch.context() as patch:
            for name, value in own.items():
                patch.setenv(name, value)
            read = Settings()
        environment = {**vendors.environment, **own}
        with running_millrace(directory, read, environment, processes=processes) as millrace:
            yield Stack(millrace.services, millrace.workers, millrace.app, vendors=vendors)
