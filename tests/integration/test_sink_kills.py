"""Workers and servers are killed while they publish, and each row is there once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bucket import bucket_of
from tests.sink_storm import publish_through_kills, row_count
from tests.sinks import sink_job
from worker.sinks.audit import audit
from worker.sinks.files.audit import audit_files
from worker.sinks.kinds import audit_sink, parse_address


@pytest.mark.timeout(300)
@pytest.mark.parametrize("packing", ["", "?rows_per_entry=50"])
def test_killed_workers_and_servers_leave_each_row_once_in_a_stream(own_redis: Any, packing: str) -> None:
    def restart_at_times(kill: int) -> None:
        if kill % 4 == 1:
            own_redis.kill()
            own_redis.start()

    client, kills = own_redis.client(), 12
    seen = publish_through_kills(
        f"stream:rows{packing}", own_redis.url, lambda: audit(client, "rows", "j1"), kills=kills, fault=restart_at_times
    )
    assert seen.is_whole
    assert seen.rows == row_count(kills)
    client.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("how", "kills"), [("format=ndjson", 12), ("format=csv&compression=gzip", 4), ("format=parquet", 4)]
)
def test_killed_workers_leave_each_row_once_in_files(memory_path: Path, how: str, kills: int) -> None:
    directory = memory_path / "kargo" / "report" / "j1"
    to, nowhere = f"file:{memory_path}?{how}", "redis://127.0.0.1:1"
    seen = publish_through_kills(to, nowhere, lambda: audit_files(directory), kills=kills)
    assert seen.is_whole
    assert seen.rows == row_count(kills)
    assert not list(memory_path.rglob("*.tmp"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("scheme", "how"),
    [("s3", "format=ndjson&compression=zstd"), ("s3", "format=parquet"), ("gs", "format=ndjson"), ("az", "format=csv")],
)
def test_killed_workers_leave_each_row_once_in_a_bucket(request: pytest.FixtureRequest, scheme: str, how: str) -> None:
    address, kills = parse_address(f"{bucket_of(request, scheme)}&{how}"), 4
    seen = publish_through_kills(
        address.text, "redis://127.0.0.1:1", lambda: audit_sink(address, sink_job("j1")), kills=kills
    )
    assert seen.is_whole
    assert seen.rows == row_count(kills)
