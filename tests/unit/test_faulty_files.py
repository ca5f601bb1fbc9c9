"""A mistake in the source file or the connection of one vendor leaves the jobs and schedules of others alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import fakeredis
import pytest

from config.settings import Settings
from worker.errors import BadInput, FailJob, RetryLater
from worker.jobs.create import JobRequest, create_job
from worker.jobs.finish import cancel
from worker.jobs.webhook_delivery import TURN_SECONDS, deliver_notice, due_notices
from worker.ledger import Ledger
from worker.model import Job
from worker.schedule.due import serve, statuses
from worker.services import Services

NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
DAY = {"start_date": "2026-11-01", "stop_date": "2026-11-01"}
ACCOUNT = "  source: instal\n  base_url: https://vendor.example/v1\n  credentials: {token: $INSTAL_TOKEN}\n"
SCHEDULE = "".join(
    f'- {{name: {name}, connection: {name}, report: advertiser-export, cron: "0 * * * *", lookback: 1d}}\n'
    for name in ("broken", "sound")
)


class Installation:
    """Two accounts at one vendor; `process` is one that reads their file now."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.redis = fakeredis.FakeRedis(version=(7, 0))
        self.write()

    def write(self, mistake: str = "") -> None:
        (self.directory / "connections.yaml").write_text(f"sound:\n{ACCOUNT}broken:\n{ACCOUNT}{mistake}")
        (self.directory / "schedule.yaml").write_text(SCHEDULE)

    def process(self, now: datetime = NOW) -> Services:
        files = {name: self.directory / f"{name}.yaml" for name in ("connections", "schedule")}
        made = Services(Settings(data_dir=self.directory, **files), self.redis)
        made.ledger = Ledger(self.redis, clock=now.timestamp)
        return made

    def job(self, connection: str) -> Job:
        webhook = "https://vendor.example/ended"
        made, _ = create_job(self.process(), JobRequest(f"{connection}.advertiser-export", DAY, webhook=webhook))
        job = self.process().ledger.job(made)
        assert job
        return job


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    return Installation(tmp_path)


def test_a_job_is_tried_again_until_the_mistake_in_its_connection_is_mended(installation: Installation) -> None:
    sound, broken = installation.job("sound"), installation.job("broken")
    installation.write("  timezone: Mars\n")
    process = installation.process()
    assert process.connection(sound).name == "sound"
    with pytest.raises(RetryLater, match=r"connections\.yaml:9: broken\.timezone"):
        process.connection(broken)
    installation.write()
    assert installation.process().connection(broken).name == "broken"


def test_a_job_whose_file_of_connections_cannot_be_read_is_tried_again(installation: Installation) -> None:
    job = installation.job("sound")
    installation.write("}")
    process = installation.process()
    with pytest.raises(RetryLater, match="cannot be read as YAML"):
        process.connection(job)
    assert process.report_limit(job).claim(job.id)
    (installation.directory / "connections.yaml").write_text(f"other:\n{ACCOUNT}")
    with pytest.raises(FailJob, match="no longer in"):
        installation.process().connection(job)


def test_the_schedule_goes_on_and_shows_the_mistake_where_it_matters(installation: Installation) -> None:
    serve(installation.process(), NOW)
    installation.write("  timezone: Mars\n")
    later = NOW + timedelta(hours=1)
    process = installation.process(later)
    (made,) = serve(process, later)
    job = process.ledger.job(made)
    assert job
    assert job.connection == "sound"
    alarms = {status.entry.name: "; ".join(status.alarms) for status in statuses(process, later)}
    assert alarms["sound"] == ""
    assert "broken.timezone" in alarms["broken"]


def test_a_notice_waits_until_the_mistake_is_mended(installation: Installation) -> None:
    job = installation.job("broken")
    cancel(installation.process(), job.id)
    installation.write("  timezone: Mars\n")
    process = installation.process()
    assert due_notices(process) == [(job.id, 1)]
    with pytest.raises(BadInput, match="timezone"):
        deliver_notice(process, job.id, 1)
    assert due_notices(installation.process(NOW + timedelta(seconds=TURN_SECONDS + 1))) == [(job.id, 1)]
