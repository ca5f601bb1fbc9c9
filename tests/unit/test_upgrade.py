"""Running jobs continue beside other versions: what an earlier one kept is read, a later one's messages are left."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import fakeredis
import orjson
import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from tests.source_files import POLL, READ, SUBMIT, report, source
from worker.celery_patches import TerseConsumer
from worker.jobs.create import JobRequest, create_job
from worker.model import EMPTY_DIGEST, Checkpoint
from worker.services import Services
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.record import FileRecord, KeptPart
from worker.sinks.files.store import Key
from worker.sinks.redis_stream import unpack_checkpoint
from worker.sources.schema import Source

AT = Checkpoint(3, EMPTY_DIGEST, 1, 90)
INSTAL = JobRequest(
    "instal.advertiser-export", {"start_date": "2026-11-20", "stop_date": "2026-11-20"}, key="backfill 7"
)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("INSTAL_TOKEN", "token")
    return Services(Settings(data_dir=tmp_path), fakeredis.FakeRedis(version=(7, 0)))


def test_a_page_in_a_stream_of_an_earlier_version_is_read() -> None:
    assert unpack_checkpoint(f"3 {EMPTY_DIGEST} 0 1 90 lines".encode()) == AT
    assert unpack_checkpoint(f"3 {EMPTY_DIGEST} 0 1 90 ".encode()) == AT


def test_a_part_in_files_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    record = FileRecord(DirectoryStore(tmp_path), Key())
    record.take(1, 1, KeptPart(1, AT, ()))
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    kept.write_bytes(orjson.dumps({"after": {**asdict(AT), "reader": "lines"}, "files": []}))
    assert record.part(1, 1, 1) == KeptPart(1, AT, ())


def test_a_source_kept_by_an_earlier_version_is_read() -> None:
    kept = Source.model_validate(source(report(READ, submit=SUBMIT, poll=POLL))).model_dump(mode="json", by_alias=True)
    report_ = kept["reports"]["r"]
    for request in (report_["read"][0]["request"], report_["submit"]["request"], report_["poll"]["request"]):
        request["path_on_404"] = None
    assert Source.model_validate_json(orjson.dumps(kept)).reports["r"].read[0].request


def test_a_source_is_kept_without_what_its_file_does_not_say(services: Services) -> None:
    job_id, _ = create_job(services, INSTAL)
    job = services.ledger.job(job_id)
    assert job
    kept = services.ledger.source(job.source_digest)
    assert kept
    assert Source.model_validate_json(kept) == services.connections["instal"].source
    # A worker of a version that has not heard of such a field would refuse the job, although it is not used.
    assert b"null_values" not in kept
    assert b"first_page_only" not in kept


def test_a_request_with_a_key_finds_the_job_that_an_earlier_version_made(services: Services) -> None:
    job, _ = create_job(services, INSTAL)
    assert job == "903aaba7e034e2d5bf1c"


def test_a_message_of_a_task_of_a_later_version_is_dropped_with_one_line() -> None:
    dropped: list[tuple[object, ...]] = []
    message = SimpleNamespace(reject_log_error=lambda *how: dropped.append(how))
    consumer = SimpleNamespace(connection_errors=(OSError,))
    with capture_logs() as lines:
        TerseConsumer.on_unknown_task(consumer, None, message, KeyError("report.later"))
    assert len(dropped) == 1
    assert lines == [{"event": "nudge.unknown", "task": "report.later", "log_level": "warning"}]
