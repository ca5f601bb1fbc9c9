"""How jobs end: done, failed or cancelled, in every state; and how they are taken up again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.harness import Stack, until
from tests.requests import KARGO as KARGO_PARAMS
from worker.jobs.create import JobRequest, create_job
from worker.jobs.finish import cancel
from worker.local_workers import beat
from worker.sinks.files.audit import audit_files

MEDIAMATH, KARGO = "mediamath.performance", "kargo.campaign-performance-metrics"
SLOW = {"kind": "throttle", "args": {"bytes_per_second": 2_000_000}, "match": {"role": "stream"}, "times": 1}
"""The first reading is slow enough to be disturbed in its middle; the next one is not, so nobody waits for it."""
NEVER_READY = {"kind": "never_ready", "vendor": "kargo"}


def retry(stack: Stack, job: str) -> None:
    state, poll = stack.services.ledger.retry(job)
    assert state
    if state == "pending":
        stack.nudge("report.poll", job, int(poll))
    else:
        stack.nudge("report.submit", job)


def submits(stack: Stack) -> int:
    return sum(r["method"] == "POST" and r["path"].endswith("/reports") for r in stack.requests())


def test_a_pending_job_is_cancelled_and_writes_nothing(stack: Stack) -> None:
    stack.dial(NEVER_READY)
    job = stack.ask(KARGO, "stream:cancel-pending")
    stack.wait_for(job, lambda job: job.state == "pending", "pending")
    assert cancel(stack.services, job) == "cancelled"
    assert stack.redis.xlen("cancel-pending") == 0
    assert stack.receipt(job)["state"] == "cancelled"


def test_a_streaming_job_is_cancelled_at_its_next_batch_and_voided_once(stack: Stack) -> None:
    stack.vendors_are(rows=40_000)
    stack.dial(SLOW)
    job = stack.ask(MEDIAMATH, "stream:cancel-streaming")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    assert cancel(stack.services, job) == "cancelled"
    assert cancel(stack.services, job) == "cancelled"
    found = stack.audit("cancel-streaming", job)
    assert (found.voided, found.ends, found.late) == ({1: "cancelled"}, 0, 0)
    assert found.rows < 40_000


def test_a_cancelled_job_taken_up_again_is_read_whole_under_the_next_generation(stack: Stack) -> None:
    stack.vendors_are(rows=30_000)
    stack.dial(SLOW)
    job = stack.ask(MEDIAMATH, "stream:retried")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    cancel(stack.services, job)
    stack.dial()
    retry(stack, job)
    stack.assert_whole("retried", job, 30_000)
    assert stack.job(job).generation == 2


def test_a_retry_uses_the_vendors_report_again(stack: Stack) -> None:
    stack.dial({"kind": "status", "vendor": "kargo", "args": {"code": 403}, "match": {"role": "page"}})
    job = stack.ask(KARGO, "stream:retry-report")
    assert stack.receipt(job)["state"] == "failed"
    stack.dial()
    retry(stack, job)
    assert stack.receipt(job)["state"] == "done"
    assert submits(stack) == 1


def test_a_page_that_fails_for_good_fails_its_job_and_stops_its_siblings(stack: Stack) -> None:
    stack.vendors_are(rows=60_000)
    stack.dial(
        {"kind": "status", "vendor": "kargo", "args": {"code": 403}, "match": {"role": "page", "offset": 20_000}}
    )
    job = stack.ask(KARGO, "stream:page-fails")
    receipt = stack.receipt(job)
    assert receipt["state"] == "failed"
    assert "403" in receipt["error"]
    found = stack.audit("page-fails", job)
    assert (found.voided, found.late, found.ends) == ({1: "failed"}, 0, 0)


def test_a_restated_replay_begins_a_new_generation_and_ends_with_one_complete_reading(stack: Stack) -> None:
    stack.vendors_are(rows=30_000)
    stack.dial({"kind": "cut_after_row", "vendor": "mediamath", "args": {"row": 12_000}, "times": 1})
    job = stack.ask(MEDIAMATH, "stream:restated")
    stack.wait_for(job, lambda job: job.rows > 1000, "rows")
    stack.vendors_are(rows=30_000, revision=2)
    stack.assert_whole("restated", job, 30_000)
    assert stack.audit("restated", job).voided == {1: "replay"}


def test_the_same_report_asked_for_twice_while_running_is_one_job(stack: Stack) -> None:
    stack.dial(NEVER_READY)
    request = JobRequest(KARGO, {**KARGO_PARAMS, "dimensions": ["campaign_name"]}, "stream:joined")
    first, joined = create_job(stack.services, request)
    assert not joined
    assert create_job(stack.services, request) == (first, True)
    cancel(stack.services, first)
    second, joined = create_job(stack.services, request)
    assert (second != first, joined) == (True, False)
    cancel(stack.services, second)


def test_a_control_worker_killed_while_submitting_asks_for_no_second_report(stack: Stack) -> None:
    stack.dial({"kind": "delay", "vendor": "kargo", "args": {"seconds": 1.5}, "match": {"role": "submit"}, "times": 1})
    job = stack.ask(KARGO, "stream:submit-killed")
    until(lambda: stack.job(job).submitting_at, "a request on its way")
    # The vendor has the request and delays its answer: the job is in no state to be asked for twice.
    stack.workers.kill("control")
    assert stack.receipt(job)["state"] == "done"
    assert submits(stack) == 1


def test_sigterm_gives_a_stream_back_and_another_worker_goes_on(stack: Stack) -> None:
    stack.vendors_are(rows=60_000)
    stack.dial(SLOW)
    job = stack.ask(MEDIAMATH, "stream:sigterm")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    worker = stack.workers.pid("stream")
    # As an orchestrator does: what is read is given back, and no attempt is counted.
    os.kill(worker, signal.SIGTERM)
    until(lambda: "stream" in stack.workers.restart_dead(), "the worker's end")
    assert stack.job(job).state == "streaming"
    stack.assert_whole("sigterm", job, 60_000)
    assert stack.job(job).attempts == 0


def test_sigterm_ends_a_worker_in_seconds_though_the_vendor_says_nothing(stack: Stack) -> None:
    stack.vendors_are(rows=60_000)
    silence = {"seconds": 80, "after_bytes": 1_000_000}
    stack.dial({"kind": "silence", "args": silence, "match": {"role": "stream"}, "times": 1})
    job = stack.ask(MEDIAMATH, "stream:silent")
    stack.wait_for(job, lambda job: job.rows > 1000, "rows")
    os.kill(stack.workers.pid("stream"), signal.SIGTERM)
    until(lambda: "stream" in stack.workers.restart_dead(), "the worker's end")
    stack.dial()
    assert stack.job(job).state == "streaming"
    stack.assert_whole("silent", job, 60_000)


def test_a_cancelled_stream_lets_go_of_a_vendor_that_says_nothing(stack: Stack) -> None:
    silence = {"seconds": 60, "after_bytes": 50_000}
    stack.dial({"kind": "silence", "args": silence, "match": {"role": "stream"}})
    job = stack.ask(MEDIAMATH, "stream:silent-cancel")
    stack.wait_for(job, lambda job: job.state == "streaming", "a stream")
    until(lambda: any(r["path"].endswith("/performance") for r in stack.requests()), "a reader")
    assert cancel(stack.services, job) == "cancelled"
    until(lambda: "the lease ran out or the job is decided" in stack.logs(), "a worker that let go")


def test_two_beats_are_harmless(stack: Stack) -> None:
    stack.workers.commands = {**stack.workers.commands, "beat-2": beat()}
    stack.workers.restart_dead()
    try:
        job = stack.ask(KARGO, "stream:two-beats")
        stack.assert_whole("two-beats", job, 2500)
    finally:
        stack.workers.stop_one("beat-2")


def test_a_lost_nudge_is_sent_again_by_the_sweep(stack: Stack) -> None:
    job, _ = create_job(stack.services, JobRequest(KARGO, KARGO_PARAMS, "stream:no-nudge", may_join=False))
    assert stack.receipt(job)["state"] == "done"


def test_a_worker_killed_while_writing_files_leaves_no_gap_and_no_duplicate(stack: Stack, tmp_path: Path) -> None:
    stack.vendors_are(rows=60_000)
    stack.dial(SLOW)
    job = stack.ask(MEDIAMATH, f"file:{tmp_path}")
    stack.wait_for(job, lambda job: job.rows > 2000, "rows")
    stack.workers.kill("stream")
    receipt = stack.receipt(job)
    assert (receipt["state"], receipt["rows"]) == ("done", 60_000)
    assert sum(file["rows"] for file in receipt["files"]) == 60_000
    assert audit_files(tmp_path / "mediamath" / "performance" / job).is_whole
