"""What has to stay as it is from version to version, and what becomes of a later version's messages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import fakeredis
import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from worker.celery_consumer import TerseConsumer
from worker.jobs.create import JobRequest, create_job
from worker.services import Services


def test_a_request_with_a_key_gives_its_job_the_same_id_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    services = Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))
    params = {"start_date": "2026-11-20", "stop_date": "2026-11-20"}
    job, _ = create_job(services, JobRequest("instal.advertiser-export", params, key="backfill 7"))
    assert job == "903aaba7e034e2d5bf1c"


def test_a_message_of_a_task_of_a_later_version_is_dropped_with_one_line() -> None:
    dropped: list[tuple[object, ...]] = []
    message = SimpleNamespace(reject_log_error=lambda *how: dropped.append(how))
    consumer = SimpleNamespace(connection_errors=(OSError,))
    with capture_logs() as lines:
        TerseConsumer.on_unknown_task(consumer, None, message, KeyError("report.later"))
    assert len(dropped) == 1
    assert lines == [{"event": "nudge.unknown", "task": "report.later", "log_level": "warning"}]
