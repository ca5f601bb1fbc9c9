"""How jobs end: done, failed or cancelled, in every state; and how they are retried."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.harness import FIRST_STREAM, Stack, until
from worker.broker import PREFIX
from worker.jobs.finish import cancel
from worker.sinks.files.audit import audit_files

MEDIAMATH, KARGO = "mediamath.performance", "kargo.campaign-performance-metrics"


def test_a_stream_that_is_cancelled_is_voided_once_and_taken_up_again_read_whole(stack: Stack) -> None:
    job = stack.begin_stream("stream:cancelled", 40_000)
    assert [cancel(stack.services, job) for _ in range(2)] == ["cancelled"] * 2
    found = stack.audit("cancelled", job)
    assert (found.voided, found.ends, found.late) == ({1: "cancelled"}, 0, 0)
    assert found.rows < 40_000
    stack.dial()
    assert stack.services.ledger.retry(job)[0] == "queued"
    stack.nudge("report.submit", job)
    stack.assert_whole("cancelled", job, 40_000)
    assert stack.job(job).generation == 2


def test_a_control_worker_killed_while_submitting_asks_for_no_second_report(stack: Stack) -> None:
    stack.dial({"kind": "delay", "vendor": "kargo", "args": {"seconds": 1.5}, "match": {"role": "submit"}, "times": 1})
    job = stack.ask(KARGO, "stream:submit-killed")

    def made() -> int:
        return len([one for one in stack.requests() if (one["method"], one["endpoint"]) == ("POST", "reports")])

    # Only once the vendor has the request is there a report to be found; before, its list is asked for a minute.
    until(made, "a request at the vendor, which delays its answer")
    stack.workers.kill("control")
    assert stack.receipt(job)["state"] == "done"
    assert made() == 1


def test_a_worker_that_ends_puts_its_polls_back_and_a_job_continues_even_if_the_queue_is_lost(
    stack: Stack,
) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    job = stack.ask(KARGO, "stream:put-back")
    stack.wait_for(job, lambda job: job.poll > 1, "a poll that waits for the next one")
    assert stack.redis.keys(f"{PREFIX}unacked*") == []
    os.kill(stack.workers.pid("control"), signal.SIGTERM)
    # A worker that runs would take it from there at once.
    until(lambda: stack.redis.llen(f"{PREFIX}control"), "the poll in its queue")
    stack.redis.delete(f"{PREFIX}control")
    stack.dial()
    assert stack.receipt(job)["state"] == "done"


def test_sigterm_gives_a_stream_back_in_seconds_though_the_vendor_says_nothing(stack: Stack) -> None:
    silence = {"kind": "silence", **FIRST_STREAM, "args": {"seconds": 80, "after_bytes": 1_000_000}}
    job = stack.begin_stream("stream:silent", 60_000, silence)
    # As an orchestrator does: what is read is given back, and no attempt is counted.
    os.kill(stack.workers.pid("stream"), signal.SIGTERM)
    until(lambda: "stream" in stack.workers.restart_dead(), "the worker's end")
    assert stack.job(job).state == "streaming"
    stack.assert_whole("silent", job, 60_000)
    assert stack.job(job).attempts == 0


def test_a_restated_replay_begins_a_new_generation_and_ends_with_one_complete_reading(stack: Stack) -> None:
    cut = {"kind": "cut_after_row", **FIRST_STREAM, "args": {"row": 12_000}}
    job = stack.begin_stream("stream:restated", 30_000, cut)
    stack.vendors_are(rows=30_000, revision=2)
    stack.assert_whole("restated", job, 30_000)
    assert stack.audit("restated", job).voided == {1: "replay"}


def test_a_cancelled_stream_does_not_wait_for_a_silent_vendor(stack: Stack) -> None:
    silence = {"seconds": 60, "after_bytes": 50_000}
    stack.dial({"kind": "silence", "args": silence, "match": {"role": "stream"}})
    job = stack.ask(MEDIAMATH, "stream:silent-cancel")
    stack.wait_for(job, lambda job: job.state == "streaming", "a stream")
    until(lambda: any(r["path"].endswith("/performance") for r in stack.requests()), "a reader")
    assert cancel(stack.services, job) == "cancelled"
    until(lambda: "the lease has expired, or the job was failed or cancelled" in stack.logs(), "a worker that let go")


def test_a_worker_killed_while_writing_files_leaves_no_gap_and_no_duplicate(stack: Stack, tmp_path: Path) -> None:
    job = stack.begin_stream(f"file:{tmp_path}", 60_000)
    stack.workers.kill("stream")
    receipt = stack.receipt(job)
    assert (receipt["state"], receipt["rows"]) == ("done", 60_000)
    assert sum(file["rows"] for file in receipt["files"]) == 60_000
    assert audit_files(tmp_path / "mediamath" / "performance" / job).is_whole
