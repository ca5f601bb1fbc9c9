"""The verbs that show and change jobs, with a Redis and workers that are already running."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from redis import Redis

from tests.command import KARGO, NO_REDIS, Command, ended
from tests.harness import Stack, until
from tests.redis_server import RedisServer


@pytest.fixture
def without_workers(tmp_path: Path, redis: Redis, redis_server: RedisServer) -> Command:
    """The command, with credentials, on a Redis without workers."""
    account = {"KARGO_USERNAME": "u", "KARGO_PASSWORD": "p", "KARGO_BASE_URL": "http://127.0.0.1:1/v1"}
    return Command(tmp_path, {**account, "MILLRACE_REDIS_URL": redis_server.url})


@pytest.fixture
def with_workers(stack: Stack, tmp_path: Path) -> Command:
    """The command on the Redis of a crew at work."""
    url = stack.services.settings.redis_url
    assert url
    # Workers that are still starting do not answer yet.
    until(lambda: stack.app.control.ping(timeout=1, limit=1), "a worker")
    return Command(tmp_path, {**stack.vendors.environment, "MILLRACE_REDIS_URL": url})


def test_a_job_that_was_submitted_is_seen_through_to_its_receipt(stack: Stack, with_workers: Command) -> None:
    command = ("submit", *KARGO, "--to", "stream:submitted", "--new", "--json")
    # On a busy machine no worker may answer within the second that is waited; then nothing is submitted.
    answer = until(lambda: (tried := with_workers(*command)).code == 0 and tried, "a job")
    (submitted,) = answer.lines
    assert submitted["joined"] is False
    receipt = stack.receipt(submitted["job"])
    assert with_workers.here("receipt", submitted["job"], "--json").lines == [receipt]
    assert submitted["job"] in [one["job"] for one in with_workers.here("jobs", "--state", "done", "--json").lines]
    cancelled = with_workers.here("cancel", submitted["job"])
    assert (cancelled.code, cancelled.out) == (1, f"{submitted['job']} done\n")
    assert stack.audit("submitted", submitted["job"]).is_whole
    audited = with_workers.here("audit", submitted["job"], "--json")
    assert (audited.code, audited.lines[0]["digest"]) == (0, receipt["digest"])
    (first,) = stack.redis.xrange("submitted", count=1)
    stack.redis.xdel("submitted", first[0])
    audited = with_workers.here("audit", submitted["job"], "--json")
    assert (audited.code, audited.lines[0]["lost"]) == (1, 1)
    assert f"rows: the receipt says {receipt['rows']}" in audited.lines[0]["differences"][1]


def test_a_job_that_fails_ends_with_1_and_says_why(stack: Stack, with_workers: Command) -> None:
    stack.dial({"vendor": "kargo", "kind": "error_status", "args": {"text": "no such measure"}})
    answer = with_workers("run", *KARGO, "--to", "stream:failing", "--new", "--json")
    receipt = answer.lines[-1]
    assert (answer.code, receipt["state"], receipt["files"]) == (1, "failed", None)
    assert "no such measure" in receipt["error"]


def test_ctrl_c_cancels_the_job_and_ends_with_130(stack: Stack, with_workers: Command) -> None:
    stack.dial({"vendor": "kargo", "kind": "never_ready"})
    process = with_workers.start("run", *KARGO, "--to", "stream:interrupted", "--new", "--json")
    assert process.stderr
    job = process.stderr.readline().split()[1]
    stack.wait_for(job, lambda job: job.state == "pending", "a report in preparation")
    process.send_signal(signal.SIGINT)
    answer = ended(process)
    assert (answer.code, answer.lines[-1]["state"]) == (130, "cancelled")
    assert "cancelling" in answer.err


def test_a_waiting_job_is_cancelled_and_retried(without_workers: Command, redis: Redis) -> None:
    millrace = without_workers
    asked = millrace("run", *KARGO, "--timeout", "0")
    assert asked.code == 3
    assert "no worker answers; the job waits for one" in asked.err
    assert "still running: millrace show " in asked.err
    job = asked.err.split()[-1]

    (shown,) = millrace.here("show", job, "--json").lines
    assert (shown["job"], shown["state"], shown["params"]["measures"]) == (job, "queued", ["clicks_sum"])
    waiting = millrace.here("receipt", job)
    assert (waiting.code, waiting.out) == (3, "")
    assert "is queued: there is no receipt yet" in waiting.err

    assert millrace.here("cancel", job, "--json").lines == [{"job": job, "state": "cancelled"}]
    assert job in millrace.here("jobs", "--state", "cancelled").out
    again = millrace("retry", job)
    assert (again.code, again.out) == (0, f"{job} queued\n")
    running = millrace("retry", job)
    assert running.code == 2
    assert "expected a failed or cancelled job" in running.err


@pytest.mark.parametrize("verb", ["submit", "run"])
def test_no_job_is_made_without_the_broker(without_workers: Command, redis: Redis, verb: str) -> None:
    answer = without_workers.here(verb, *KARGO, MILLRACE_BROKER_URL=NO_REDIS)
    assert (answer.code, answer.out) == (1, "")
    assert "the broker does not answer" in answer.err
    assert [key for key in redis.keys("*") if b"job" in key] == []


def test_a_redis_that_takes_no_writes_ends_a_command_with_its_words(
    without_workers: Command, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.cli.startup.REDIS_RETRIES", 1)
    redis.replicaof("127.0.0.1", 1)
    try:
        answer = without_workers.here("run", *KARGO)
    finally:
        redis.replicaof("NO", "ONE")
    assert (answer.code, answer.out) == (1, "")
    assert "Redis (MILLRACE_REDIS_URL): You can't write against a read only replica" in answer.err


def test_submit_needs_running_workers(without_workers: Command, redis: Redis) -> None:
    answer = without_workers("submit", *KARGO)
    assert (answer.code, answer.out) == (2, "")
    assert "millrace worker control" in answer.err
    assert [key for key in redis.keys("*") if b"job" in key] == []


def test_a_backfill_shows_its_windows_and_their_parameters_before_it_makes_a_job(without_workers: Command) -> None:
    millrace = without_workers.here
    days = ("--from", "2026-10-30", "--to", "2026-11-01")
    shown = millrace("backfill", "instal.advertiser-export", *days, "--window", "2d", "--dry-run", INSTAL_TOKEN="t")
    assert [line.split(None, 3) for line in shown.out.splitlines()[1:]] == [
        ["2026-10-30", "2026-10-31", "waiting", '{"start_date": "2026-10-30", "stop_date": "2026-10-31"}'],
        ["2026-11-01", "2026-11-01", "waiting", '{"start_date": "2026-11-01", "stop_date": "2026-11-01"}'],
    ]
    assert millrace("jobs", "--json").lines == []
