"""Reports that are prepared first: those that fail, are requested again, take too long, or are no longer needed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_vendor import Answer, Request, preparing
from tests.prepared import AT_LINK, SUBMIT, Start, done, failed
from tests.prepared import start as start
from tests.source_files import POLL
from worker import keys
from worker.jobs.finish import cancel
from worker.model import Json

# ---------------------------------------------------------------- failed, expired, requested again


def test_a_failure_says_the_vendors_reason_and_spoils_the_report(start: Start) -> None:
    poll = {**POLL, "failed": ["failed"]}
    made = start(preparing({"status": "FAILED", "reason": "no data for account 12"}), poll=poll)
    failed(made, "could not prepare the report (failed)", "no data for account 12")
    assert len(made.times("POST /reports")) == 1
    assert made.services.ledger.retry(made.job_id)[0] == "queued"


@pytest.mark.parametrize("half", [rb"\ud83d", b"\xed\xa0\xbd"])
def test_text_that_the_vendor_cut_in_the_middle_of_a_character_does_no_harm(start: Start, half: bytes) -> None:
    poll = {**POLL, "failed": ["failed"], "reports": "reports", "id": "id"}
    bodies = [b'{"reports":[{"id":7,"status":"waiting%b"}]}', b'{"reports":[{"id":7,"status":"FAILED","why":"%b"}]}']
    made = start(preparing(*(Answer(body % half) for body in bodies)), poll=poll)
    failed(made, '{"id":7,"status":"FAILED","why":"')
    assert len(made.times("GET /reports/7")) == 2


def test_an_error_in_the_answer_to_a_poll_ends_the_job_at_once(start: Start) -> None:
    made = start(preparing({"error": "the account is closed"}), errors=[{"when": "error"}])
    failed(made, "GET /reports/7: 200: the account is closed")
    assert made.times("GET /reports/7") == [0]


ANEW = {**POLL, "ask_anew": ["job failed", "expired"]}


@pytest.mark.parametrize("error", [None, {"code": 2, "message": "try again"}])
def test_if_a_failure_may_pass_the_report_is_requested_again(start: Start, error: Any) -> None:
    polls = [{"status": "Job Failed", "error": error}, {"status": "done"}]
    made = start(preparing(*polls), poll=ANEW, errors=[{"when": "error", "message": "error.message"}])
    done(made)
    assert len(made.times("POST /reports")) == 2


@pytest.mark.parametrize(("allowed", "asked"), [(0, 1), (1, 2), (3, 4)])
def test_a_report_is_requested_again_a_limited_number_of_times(start: Start, allowed: int, asked: int) -> None:
    submit = {**SUBMIT, "ask_anew_at_most": allowed}
    made = start(preparing({"status": "expired", "why": "too old"}), poll=ANEW, submit=submit)
    failed(made, "'expired'", "too old")
    assert len(made.times("POST /reports")) == asked


def test_a_retried_job_reads_the_report_that_is_prepared(start: Start) -> None:
    def respond(request: Request) -> Answer:
        return Answer(status=403) if request.path.startswith("/rows") and not is_mended else polled(request)

    polled, is_mended = preparing({"status": "done"}), False
    made = start(respond)
    failed(made, "403")
    is_mended = True
    assert made.services.ledger.retry(made.job_id)[0] == "pending"
    done(made)
    assert len(made.times("POST /reports")) == 1


@pytest.mark.parametrize(
    ("polls", "is_new"),
    [
        pytest.param([{"status": "done"}, {"status": "done"}], False, id="it was ready before"),
        pytest.param([{"status": "odd"}, {"status": "done"}], False, id="it may have been ready for long"),
        pytest.param([{"status": "odd"}, {"status": "odd"}, {"status": "done"}], True, id="it is not ready yet"),
        pytest.param([{"status": "done"}, {"status": "expired"}, {"status": "done"}], True, id="it is requested again"),
    ],
)
def test_a_retry_does_not_make_a_prepared_report_newer(start: Start, polls: list[Json], is_new: bool) -> None:
    # Else a report of Monday that is retried on Wednesday would replace the restatement of Tuesday.
    made = start(preparing(*polls), poll=ANEW)
    made.run(until=lambda job: job.ready_at or job.poll > 1)
    cancel(made.services, made.job_id)
    made.run()
    over = made.now
    made.now += 86_400
    assert made.services.ledger.retry(made.job_id)[0] == "pending"
    done(made)
    assert (made.job.ready_at or 0) - over == pytest.approx(86_400 if is_new else 0, abs=120)


# ---------------------------------------------------------------- requested, perhaps, by a request that was interrupted


def interrupted(*listed: Json) -> Callable[[Request], Answer]:
    """A vendor whose first answer to a request is lost, and whose list shows these, one more each time it is read."""
    made, shown = iter([Answer(status=502)]), itertools.count()
    polled = preparing({"status": "done"})

    def respond(request: Request) -> Answer:
        if request.path == "/list":
            return Answer({"reports": listed[: next(shown)]})
        return next(made, Answer({"id": 7})) if request.method == "POST" else polled(request)

    return respond


ONCE: Json = {**SUBMIT, "is_repeatable": False}
LISTED: Json = {
    **ONCE,
    "adopt": {"request": {"path": "/list"}, "rows": "reports", "match": {"name": "ours"}, "grace_seconds": 100},
}
BEFORE, AFTER = 1_799_999_990, 1_800_000_001


def test_a_request_that_may_have_arrived_is_sent_again_once_after_the_grace(start: Start) -> None:
    made = start(interrupted(), submit={**ONCE, "grace_seconds": 100})
    assert done(made)["possible_orphans"] == 1
    assert made.times("POST /reports") == [0, pytest.approx(100, abs=2)]


def test_a_request_that_does_no_harm_twice_is_sent_again_without_a_grace(start: Start) -> None:
    made = start(interrupted(), submit=SUBMIT)
    assert done(made)["possible_orphans"] == 0
    assert made.times("POST /reports")[1] < 10


def test_a_report_that_may_have_been_requested_is_looked_for_in_the_vendors_list(start: Start) -> None:
    others = [{"id": 1, "name": "ours", "created_at": BEFORE}, {"id": 2, "name": "theirs", "created_at": AFTER}]
    made = start(interrupted(*others, {"id": 3, "name": "ours", "created_at": AFTER}), submit=LISTED)
    receipt = done(made)
    assert (receipt["vendor_report_id"], receipt["possible_orphans"]) == ("3", 0)
    assert len(made.times("POST /reports")) == 1
    assert [later - earlier for earlier, later in itertools.pairwise(made.times("GET /list"))] == [15, 15, 15]


def test_a_report_that_is_not_in_the_vendors_list_after_the_grace_is_requested_again(start: Start) -> None:
    made = start(interrupted(), submit=LISTED)
    assert done(made)["possible_orphans"] == 0
    assert made.times("POST /reports") == [0, pytest.approx(100, abs=2)]


# ---------------------------------------------------------------- deadlines and pace


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer(b"busy", status=503), "503"),
        (Answer({"detail": "early"}, status=425), "early"),
        (Answer(b"<html>later</html>", headers={"Content-Type": "text/html"}), "<html>later"),
        (Answer(b""), "(empty)"),
        ({"status": "running"}, "running"),
        (Answer(status=202, headers={"Retry-After": "3000"}), "202"),
    ],
)
def test_ready_within_ends_a_report_whose_every_poll_fails_or_says_not_yet(
    start: Start, answer: Any, word: str
) -> None:
    made = start(preparing(answer), poll={**POLL, "waits_on": [202]}, ready_within="100s")
    failed(made, "not ready within 100 s of the request", word)
    times = made.times("GET /reports/7")
    assert 85 <= times[-1] <= 100
    assert all(later - earlier >= 15 for earlier, later in itertools.pairwise(times))


def test_ready_within_ends_a_request_that_is_refused_again_and_again(start: Start) -> None:
    made = start(preparing(made=Answer({"detail": "too early"}, status=425)), ready_within="20s")
    failed(made, "not ready within 20 s of the request", "too early")
    assert made.times("POST /reports")[-1] <= 20


def test_a_report_that_waited_for_its_turn_has_all_its_time(start: Start) -> None:
    made = start(preparing({"status": "running"}, {"status": "done"}), ready_within="60s")
    made.now += 3_600
    done(made)


def test_finish_within_ends_a_report_that_cannot_be_read(start: Start) -> None:
    def respond(request: Request) -> Answer:
        return Answer(status=429) if request.path.startswith("/rows") else preparing({"status": "done"})(request)

    failed(start(respond, finish_within="90s"), "not finished within 90 s")


@pytest.mark.parametrize("limited", [Answer(status=429), Answer({"error": "slow down"})])
def test_a_rate_limit_whose_time_the_vendor_does_not_state_may_last_an_hour(start: Start, limited: Answer) -> None:
    def respond(request: Request) -> Answer:
        if not request.path.startswith("/rows"):
            return ready(request)
        hour_is_over = made.now > began + 3_600
        return next(broken, ready(request)) if hour_is_over else limited

    ready, broken = preparing({"status": "done"}), iter([Answer(status=500)] * 3)
    made = start(respond, errors=[{"when": "error", "then": "rate-limit"}])
    began = made.now
    done(made)
    times = made.times("GET /rows/7")
    assert times[-1] > 3_500
    assert [wait for wait in map(float.__sub__, times[8:-3], times[7:-4]) if not 30 <= wait <= 60] == []


def test_a_poll_waits_as_long_as_the_vendor_asks_and_never_less_than_the_source_says(start: Start) -> None:
    polls = [
        Answer(status=202, headers={"Retry-After": "40"}),
        Answer(status=202, headers={"Retry-After": "1"}),
        Answer({"status": "running"}, headers={"Retry-After": "50"}),
        {"status": "done"},
    ]
    made = start(preparing(*polls), poll={**POLL, "waits_on": [202]})
    done(made)
    assert made.times("GET /reports/7") == [0, 40, 55, 105]


def test_the_first_poll_waits_as_long_as_the_vendor_asks_when_it_accepts_the_report(start: Start) -> None:
    made = start(preparing({"status": "done"}, made=Answer({"id": 7}, status=202, headers={"Retry-After": "120"})))
    done(made)
    submitted, polled = (asked.at for asked in made.asked[:2])
    assert polled - submitted == pytest.approx(120, abs=1)


def test_a_report_gives_its_claim_up_when_it_is_ready_or_no_longer_needed(start: Start) -> None:
    def count_claims() -> int:
        return int(made.services.redis.zcard(keys.reports_in_preparation("v")))

    made = start(preparing({"status": "running"}, {"status": "done"}))
    made.run(until=lambda job: job.poll > 1)
    assert count_claims() == 1
    made.run(until=lambda job: job.state == "ready")
    assert count_claims() == 0
    made.ask()
    made.run(until=lambda job: job.state == "pending")
    assert count_claims() == 1
    cancel(made.services, made.job_id)
    assert count_claims() == 0


# ---------------------------------------------------------------- discarded

DISCARD: Json = {"discard": {"request": {"method": "DELETE", "path": "/reports/{report_id}"}}}


def test_a_cancelled_report_is_cancelled_at_the_vendor(start: Start) -> None:
    made = start(preparing({"status": "running"}), report=DISCARD)
    made.run(until=lambda job: job.poll > 1)
    assert cancel(made.services, made.job_id) == "cancelled"
    assert made.asked[-1].name == "DELETE /reports/7"
    # What the vendor dropped is not there for a retry.
    assert made.services.ledger.retry(made.job_id)[0] == "queued"


@pytest.mark.parametrize("after", [["cancelled"], ["done", "failed"]])
def test_a_report_that_is_done_is_deleted_where_the_source_says_so(start: Start, after: list[str]) -> None:
    report = {"discard": {**DISCARD["discard"], "after": after}}
    made = start(preparing({"status": "done"}), report=report)
    done(made)
    assert (made.asked[-1].request.method == "DELETE") is ("done" in after)


def test_a_discard_that_fails_does_not_keep_a_job_from_ending(start: Start) -> None:
    made = start(preparing({"status": "running"}, Answer(b"no", status=500)), report=DISCARD)
    made.run(until=lambda job: job.poll > 1)
    assert cancel(made.services, made.job_id) == "cancelled"


def test_a_report_made_while_its_job_was_cancelled_is_cancelled_too(start: Start) -> None:
    def respond(request: Request) -> Answer:
        if request.method == "POST":
            cancel(made.services, made.job_id)
        return preparing({"status": "running"})(request)

    made = start(respond, report=DISCARD)
    made.run()
    assert [asked.name for asked in made.asked] == ["POST /reports", "DELETE /reports/7"]


def test_a_file_on_another_host_that_wants_credentials_says_that_none_are_sent_there(start: Start) -> None:
    def respond(request: Request) -> Answer:
        if request.is_storage:
            return Answer({"error": "no key"}, status=401)
        return Answer({"id": 7} if request.method == "POST" else {"status": "done", "url": f"{request.storage}/f"})

    made = start(respond, poll={**POLL, "link": ["url"]}, read=AT_LINK)
    failed(made, "GET /f: 401 Unauthorized", "no credentials are sent to 127.0.0.1:")
