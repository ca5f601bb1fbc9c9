"""People who follow a job see what it waits for, even without a progress line."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from worker.cli import progress
from worker.cli.demo import kill_stream_worker
from worker.cli.progress import follow
from worker.model import Job

NOW = 1_800_000_000.0


def job(state: str, **more: Any) -> Job:
    fields = {"id": "j", "connection": "c", "report": "r", "source_digest": "d", "params": {}, "window": None}
    rest = {"sink": "s", "webhooks": (), "generation": 1, "restarts": 0, "poll": 0, "attempts": 0, "reason": ""}
    return Job(state=state, **fields, **rest, created_at=NOW, ready_by=NOW, finish_by=NOW, **more)


class Ledger:
    """Tells one job after the other; with `back`, only once that is set, and takes no write before."""

    def __init__(self, *jobs: Job, back: threading.Event | None = None) -> None:
        self._jobs = list(jobs)
        self._back = back

    def job(self, _: str) -> Job:
        job = self._jobs.pop(0)
        if job.state == "done":
            self.try_write()
        return job

    def try_write(self) -> None:
        assert self._back is None or self._back.wait(30)

    def now(self) -> float:
        return NOW


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(progress.talk, "print", heard.append)
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0)
    return heard


DONE = job("done", receipt={"state": "done"})


def test_a_full_sink_is_reported_once_with_its_figures(output: list[str]) -> None:
    full = job("streaming", waits_on="sink", waits_said="stream full: 10 entries", held_until=NOW + 5)
    services: Any = SimpleNamespace(ledger=Ledger(full, full, DONE))
    assert follow(services, "j", None, None) == {"state": "done"}
    assert output == ["waiting: stream full: 10 entries"]


@pytest.mark.parametrize("jobs", [(DONE,), (job("queued"), DONE)], ids=["away", "read-only"])
def test_a_redis_that_does_not_answer_or_takes_no_writes_is_reported(
    output: list[str], monkeypatch: pytest.MonkeyPatch, jobs: tuple[Job, ...]
) -> None:
    back = threading.Event()

    def hear(text: str) -> None:
        output.append(text)
        back.set()

    monkeypatch.setattr(progress.talk, "print", hear)
    monkeypatch.setattr(progress, "SILENCE_SECONDS", 0.01)
    services: Any = SimpleNamespace(ledger=Ledger(*jobs, back=back))
    assert follow(services, "j", None, None) == {"state": "done"}
    assert output == ["waiting: Redis does not answer, or takes no writes; `millrace doctor` says why"]


def test_a_worker_the_demonstration_killed_is_started_again_for_the_next_report(output: list[str]) -> None:
    services: Any = SimpleNamespace(ledger=Ledger(job("queued"), DONE), redis=SimpleNamespace(xlen=lambda _: 0))
    workers: Any = SimpleNamespace(restart_dead=lambda: ["stream"])
    assert kill_stream_worker(services, workers, "j", rows=10) == 0
    assert output == ["the stream worker ended and was started again"]
