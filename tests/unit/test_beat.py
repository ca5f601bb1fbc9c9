"""Beat's two tasks: what nobody works on is nudged, what is long over forgotten, and what is due created."""

from __future__ import annotations

from pathlib import Path

import fakeredis
import pytest

from config.settings import Settings
from tasks.due import serve_schedule
from tasks.sweep import nudge_overdue
from tests.ledgers import Clock, first_page, make
from tests.ledgers import clock as clock
from worker import keys
from worker.ledger import Ledger
from worker.services import Services

ENTRY = """
- name: installs
  connection: instal
  report: advertiser-export
  params: {start_date: "{yesterday}", stop_date: "{yesterday}"}
  every: 1h
"""


def test_overdue_work_and_due_notices_are_nudged_and_finished_jobs_forgotten_after_their_time(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nudged: list[tuple[str | int, ...]] = []
    for module in ("tasks.sweep", "worker.celery"):
        monkeypatch.setattr(f"{module}.nudge", lambda *words: nudged.append(words))
    services = Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))
    services.ledger = Ledger(services.redis, clock=clock)
    make(services.ledger, "over")
    services.ledger.decide("over", "cancelled", "no longer wanted")
    services.ledger.end("over", "cancelled", error="no longer wanted", receipt={})
    clock.now += 31 * 86_400
    first_page(services.ledger, pages=2)
    clock.now += 400
    services.redis.zadd(keys.NOTICES, {"over/2": clock.now, "over/3": clock.now + 1})
    assert {job.id for job in services.ledger.jobs()} == {"over", "j"}
    assert nudge_overdue(services) == 2
    assert sorted(nudged) == [("report.notify", "over", 2), ("report.stream", "j", 1), ("report.stream", "j", 2)]
    assert [job.id for job in services.ledger.jobs()] == ["j"]


def test_each_job_that_is_due_is_nudged_and_a_broken_schedule_waits_to_be_mended(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nudged: list[tuple[str, ...]] = []
    monkeypatch.setattr("tasks.due.nudge_out_of", lambda *words: nudged.append(words))
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    path = tmp_path / "schedule.yaml"
    services = Services(Settings(data_dir=tmp_path, schedule=path), fakeredis.FakeRedis(version=(7, 0)))
    services.ledger = Ledger(services.redis, clock=clock)
    for text in (ENTRY, "[", ENTRY):
        path.write_text(text)
        serve_schedule(services)
        clock.now += 3600
    assert nudged == [("queued", job.id) for job in services.ledger.jobs()]
    assert len(nudged) == 1
