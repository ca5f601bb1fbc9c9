"""The whole of Millrace on this machine: Redis, the simulated vendors over HTTP, both workers and beat."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from celery import Celery
from redis import Redis

from config.celery import celery_settings
from config.settings import Settings
from sandbox import Sandbox
from worker.embedded_redis import free_port, start_server
from worker.jobs.create import JobRequest, create_job
from worker.local_workers import LocalWorkers, beat, control, stream
from worker.model import FINISHED, Job, Json
from worker.redis_client import connect
from worker.services import Services
from worker.sinks.audit import Audit
from worker.sinks.audit_stream import audit

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 90.0

KARGO: Json = {
    "dimensions": ["publisher_name", "campaign_name"],
    "measures": ["clicks_sum"],
    "filters": [{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}],
}
MEDIAMATH: Json = {
    "fields": ["campaign_id", "campaign_name", "impressions", "clicks", "total_spend"],
    "filters": [{"field": "organization_id", "value": 100048}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
PARAMS = {"kargo.campaign-performance-metrics": KARGO, "mediamath.performance": MEDIAMATH}


def until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives once it holds; an error naming `what` where it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(LOOK_SECONDS)
    return found


@dataclass
class Stack:
    """Everything that runs, and the verbs a test needs."""

    services: Services
    vendors: Sandbox
    workers: LocalWorkers
    app: Celery

    @property
    def redis(self) -> Redis:
        return self.services.redis

    # ------------------------------------------------------------ the vendors

    def dial(self, *faults: Json) -> None:
        """Turn the dial to these faults and no others."""
        self._control("PUT", "faults", list(faults))

    def vendors_are(self, **settings: Any) -> None:
        """Change how the vendors are."""
        self._control("PUT", "settings", settings)

    def vendors_as_usual(self) -> None:
        self._control("POST", "reset", None)

    def requests(self) -> list[Json]:
        """What the vendors were sent."""
        heard: list[Json] = self._control("GET", "requests", None)
        return heard

    def _control(self, method: str, verb: str, body: Any) -> Any:
        answer = requests.request(method, f"{self.vendors.urls['control']}/{verb}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # ------------------------------------------------------------ jobs

    def ask(self, name: str, sink: str, *, params: Json | None = None, **more: Any) -> str:
        """Make a job of its own and nudge it."""
        request = JobRequest(name, PARAMS[name] if params is None else params, sink, may_join=False, **more)
        job_id, _ = create_job(self.services, request)
        self.nudge("report.submit", job_id)
        return job_id

    def nudge(self, task: str, *args: str | int) -> None:
        self.app.send_task(task, args=args)

    def job(self, job_id: str) -> Job:
        job = self.services.ledger.job(job_id)
        assert job
        return job

    def wait_for(self, job_id: str, holds: Callable[[Job], Any], what: str) -> Job:
        """The job once this holds of it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(job := self.job(job_id)):
            assert time.monotonic() < deadline, f"never came: {what}; {job}\n{self.logs()}"
            self.workers.restart_dead()
            time.sleep(LOOK_SECONDS)
        return job

    def receipt(self, job_id: str) -> Json:
        """The receipt, once the job has ended; workers that died are started again, as a supervisor does."""
        job = self.wait_for(job_id, lambda job: job.state in FINISHED and job.receipt, "the end")
        assert job.receipt
        return job.receipt

    def audit(self, stream: str, job_id: str) -> Audit:
        return audit(self.redis, stream, job_id)

    def logs(self) -> str:
        """The last lines of every worker's log, for a test that failed."""
        return "\n".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-3000:]
            for path in self.workers.log_dir.glob("*.log")
        )


@contextmanager
def running_stack(directory: Path, url: str, *, processes: int = 2, **settings: str) -> Iterator[Stack]:
    """Both workers and beat on one Redis, against vendors of their own."""
    with Sandbox(port=0, rows=2500, polls_until_ready=1) as vendors, pytest.MonkeyPatch.context() as patch:
        environment = {
            **vendors.environment,
            "MILLRACE_REDIS_URL": url,
            "MILLRACE_DATA_DIR": str(directory),
            "MILLRACE_POLL_SECONDS": "0.2",
            "MILLRACE_LEASE_SECONDS": "2",
            "MILLRACE_SWEEP_SECONDS": "1",
            **settings,
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        services = Services(Settings(), connect(url))
        commands = {"control": control(8), "stream": stream(processes), "beat": beat(directory)}
        workers = LocalWorkers(commands, directory / "logs", environment)
        app = Celery("tests", set_as_current=False)
        app.conf.update(celery_settings(url, 1))
        try:
            workers.restart_dead()
            yield Stack(services, vendors, workers, app)
        finally:
            workers.stop()
            app.close()
            services.redis.close()


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    port = free_port()
    server = start_server(directory / "redis", port)
    with running_stack(directory, f"redis://127.0.0.1:{port}/0") as stack:
        yield stack
    server.kill()
    server.wait()


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The stack every test shares, with the vendors as they are by default."""
    shared_stack.vendors_as_usual()
    shared_stack.workers.restart_dead()
    yield shared_stack
    shared_stack.vendors_as_usual()
