"""`millrace doctor`: one line for each check, and an exit code that says whether any failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.bucket import CREDENTIALS
from tests.command import NO_REDIS, Command, Ended
from tests.harness import Stack, until
from tests.redis_server import RedisServer


def checks(answer: Ended) -> dict[str, Any]:
    return {line["check"]: line for line in answer.lines}


def states(answer: Ended) -> dict[str, str]:
    return {name: line["state"] for name, line in checks(answer).items()}


def test_a_working_installation_passes_every_check(stack: Stack, tmp_path: Path) -> None:
    url = stack.services.settings.redis_url
    assert url
    command = Command(tmp_path, {**stack.vendors.environment, "MILLRACE_REDIS_URL": url})
    answer = until(lambda: (asked := command("doctor", "--json")).code == 0 and asked, "a worker on every queue")
    found = states(answer)
    checked = ("configuration", "environment", "schedule", "redis", "broker", "workers", "recovery", "kargo")
    assert [found[name] for name in checked] == ["ok"] * len(checked)


def test_each_failed_check_says_what_to_do(redis: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "schedule.yaml").write_text("- {name: x, connection: kargo, report: reports}\n")
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "acme.yaml").write_text("source: acme\ntitel: Acme\n")
    environment = {"MILLRACE_REDIS_URL": redis_server.url, "MILLRACE_SCHEDULE": "schedule.yaml"}
    environment |= {"MILLRACE_SOURCES": "sources"}
    environment |= {"KARGO_USERNAME": "u", "MILLRACE_SINK": "file:rows"}
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        answer = Command(tmp_path, environment)("doctor", "--json")
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
    found = checks(answer)
    failed = [name for name, line in found.items() if line["state"] == "failed"]
    assert answer.code == len(failed)
    assert "did you mean MILLRACE_SINKS?" in found["environment"]["said"]
    assert "acme.yaml:2" in found["configuration"]["said"]
    assert "schedule.yaml:1" in found["schedule"]["said"]
    assert "CONFIG SET maxmemory-policy noeviction" in found["redis"]["said"]
    assert "millrace worker control" in found["workers"]["said"]
    assert "millrace beat" in found["recovery"]["said"]
    assert "KARGO_PASSWORD" in found["kargo"]["said"]
    assert found["instal"]["state"] == "not set up"


def test_workers_are_not_checked_if_the_broker_is_away(redis: Redis, redis_server: RedisServer, tmp_path: Path) -> None:
    command = Command(tmp_path, {"MILLRACE_REDIS_URL": redis_server.url, "MILLRACE_BROKER_URL": NO_REDIS})
    found = checks(command.here("doctor", "--json"))
    assert "MILLRACE_BROKER_URL" in found["broker"]["said"]
    assert "workers" not in found


def test_accounts_are_checked_even_if_redis_takes_no_writes(
    redis: Redis, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those too whose tokens it would have to keep."""
    monkeypatch.setattr("worker.cli.startup.REDIS_RETRIES", 1)
    account = "{client_id: a, client_secret: b, refresh_token: $R, developer_token: d}"
    (tmp_path / "ads.yaml").write_text(f"ads: {{source: google-ads, credentials: {account}}}\n")
    environment = {"MILLRACE_REDIS_URL": redis_server.url, "MILLRACE_CONNECTIONS": "ads.yaml", "R": "r"}
    redis.replicaof("127.0.0.1", 1)
    try:
        found = checks(Command(tmp_path, environment).here("doctor", "--json"))
    finally:
        redis.replicaof("NO", "ONE")
    assert [found[name]["state"] for name in ("redis", "ads")] == ["failed", "failed"]
    assert "read only replica" in found["redis"]["said"]
    assert "read only replica" in found["ads"]["said"]


def test_a_bucket_the_schedule_or_callers_name_is_written_to(
    bucket: str, gs_bucket: str, az_bucket: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    missing = gs_bucket.replace("//rows/", "//other/")
    entry = {"name": "x", "connection": "kargo", "report": "reports", "every": "1d", "to": f"{gs_bucket}&format=csv"}
    (tmp_path / "schedule.yaml").write_text(json.dumps([entry, {**entry, "name": "y"}]))
    environment = {"MILLRACE_REDIS_URL": redis_server.url, "MILLRACE_SCHEDULE": "schedule.yaml"}
    environment["MILLRACE_SINKS"] = f"{az_bucket},{bucket},stream:,{missing}"
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in CREDENTIALS.items()))
    found = checks(Command(tmp_path, environment)("doctor", "--json"))
    buckets = {name: line for name, line in found.items() if "://" in name}
    assert list(buckets) == [to.partition("?")[0] for to in (az_bucket, bucket, missing, gs_bucket)]
    assert [line["state"] for line in buckets.values()] == ["ok", "ok", "failed", "ok"]
    assert "404 NoSuchBucket" in buckets[missing.partition("?")[0]]["said"]


def test_without_redis_nothing_is_asked_that_needs_it(tmp_path: Path) -> None:
    found = states(Command(tmp_path, {"MILLRACE_REDIS_URL": NO_REDIS}).here("doctor", "--json"))
    assert found["redis"] == "failed"
    assert "workers" not in found
