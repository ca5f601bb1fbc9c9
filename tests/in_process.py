"""Runs a job from request to receipt in this process: calls its steps in turn, with its own clock and real HTTP.

What Celery would do is done here: the step that leads out of the job's state is called, and time moves on to when the
next one is due. So a report that takes hours is over in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from celery.exceptions import Retry
from redis import Redis

import tasks.finalize
import tasks.paginate
import tasks.poll
import tasks.step
import tasks.stream
import tasks.submit
from config.settings import Settings
from tasks.step import JobFailed
from tests.fake_vendor import Answer, FakeVendor, Request, Vendor
from worker import celery
from worker.jobs.create import JobRequest, create_job
from worker.ledger import Ledger
from worker.model import FINISHED, Job, Json
from worker.services import Services

# Far more steps than any job here takes: one that reaches this number loops.
MOST_STEPS = 500
NO_CREDENTIALS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Asked:
    """A request that a vendor received, and its time by the clock of the test."""

    request: Request
    at: float

    @property
    def name(self) -> str:
        return f"{self.request.method} {self.request.path}"


@dataclass
class World:
    """One vendor, our account there, and a job from start to end. `now` begins at an arbitrary time."""

    services: Services
    asked: list[Asked] = field(default_factory=list)
    now: float = 1_800_000_000.0
    job_id: str = ""
    due_at: float = 0.0
    """The time at which Celery would call the next step, from the last message."""

    @property
    def job(self) -> Job:
        job = self.services.ledger.job(self.job_id)
        assert job
        return job

    def ask(self, **how: Any) -> str:
        """Make the job."""
        self.job_id, _ = create_job(self.services, JobRequest("v.r", how.pop("params", {}), may_join=False, **how))
        return self.job_id

    def run(self, *, until: Callable[[Job], Any] = lambda job: False) -> Json:
        """Run the job to its end, or until this is true. Returns its receipt, empty if it has none yet."""
        for _ in range(MOST_STEPS):
            job = self.job
            if job.state in FINISHED or until(job):
                return job.receipt or {}
            self.step(job)
        raise AssertionError(f"no end after {MOST_STEPS} steps: {self.job}")

    def times(self, name: str) -> list[float]:
        """The times of requests with this method and path, counted from the first."""
        times = [asked.at for asked in self.asked if asked.name == name]
        return [round(time - times[0], 1) for time in times]

    def rows(self) -> list[Json]:
        """The entries of the stream."""
        entries = self.services.redis.xrange("rows:v.r")
        return [json.loads(fields[b"row"]) for _, fields in entries if b"row" in fields]

    def step(self, job: Job) -> None:
        state = "verdict" if job.verdict else job.state
        task = celery.app.tasks[celery.STEP_OUT_OF[state]]
        pages: list[tuple[int, ...]] = [(number,) for number in range(1, job.pages + 1)]
        for more in {"pending": [(job.poll,)], "streaming": pages}.get(state, [()]):
            # With both, a step tells Celery what comes next; here, the next step is read from the ledger instead.
            with suppress(Retry, JobFailed):
                task(job.id, *more)
        # Time passes only between steps, so a report of many hours takes milliseconds.
        self.now = max(self.now, self.due_at)


@contextmanager
def world(
    redis: Redis,
    directory: Path,
    source: Json,
    vendor: Vendor,
    patch: pytest.MonkeyPatch,
    *,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> Iterator[World]:
    """A vendor, described by a source file, and a job that has not been made yet."""

    def respond(request: Request) -> Answer:
        made.asked.append(Asked(request, made.now))
        return vendor(request)

    def send(*_: object, countdown: float | None = None, **__: object) -> None:
        made.due_at = made.now + (countdown or 0)

    def send_again(*_: object, countdown: float, exc: Exception, **how: object) -> NoReturn:
        send(countdown=countdown)
        raise Retry(exc=exc)

    (directory / "sources").mkdir(parents=True)
    (directory / "sources" / "v.yaml").write_text(yaml.safe_dump(source))
    accounts = directory / "connections.yaml"
    entry = {"source": "v", "limits": {"requests_per_second": 100_000}, "credentials": dict(credentials)}
    # Instead of the packaged source files: reading all of those takes longer than the whole job.
    patch.setattr("worker.sources.loading.PACKAGED_SOURCES", directory / "sources")
    services = Services(Settings(data_dir=directory, connections=accounts), redis)
    made = World(services)
    services.ledger = Ledger(redis, lease_seconds=8, clock=lambda: made.now)
    patch.setattr(tasks.step, "get_services", lambda: services)
    patch.setattr(celery.app, "send_task", send)
    patch.setattr(celery.app.Task, "retry", send_again)
    with FakeVendor(respond) as fake:
        accounts.write_text(yaml.safe_dump({"v": {**entry, "base_url": fake.base}}))
        yield made
