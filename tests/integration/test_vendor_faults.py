"""What vendors do wrong, and what Millrace makes of it: every case played end to end against a vendor of its own."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.requests import CSV, EXPORT, INSTAL, MEDIAMATH_PAGES, PAGES, QUERIED, SINGLE, STREAM
from tests.scenarios.runner import SILENCE_SECONDS, ScenarioRunner, VendorSet
from tests.scenarios.scenario import Outcome, fault, played, scenarios

ROWS = 2500
LONG_SILENCE = SILENCE_SECONDS * 2.5


# ---------------------------------------------------------------- cuts, resets, silence


def breaks(role: str, **match: Any) -> dict[str, dict[str, Any]]:
    """The ways a body ends before its end."""
    at = {"role": role, **match}
    return {
        "cut in a row": fault("cut_in_row", row=1700, match=at),
        "cut between rows": fault("cut_after_row", row=1700, match=at),
        "connection reset": fault("reset", after_bytes=90_000, match=at),
        "reset before the answer": fault("reset", match=at),
        "silence": fault("silence", seconds=LONG_SILENCE, after_bytes=90_000, match=at),
        "silence before the answer": fault("silence", seconds=LONG_SILENCE, match=at),
    }


def once(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "times": 1}


@scenarios({
    f"{name}: {how}": played(report, once(rule), params=params)
    for name, report, params, role in (
        ("stream", STREAM, None, "stream"),
        ("numbered pages", STREAM, {**MEDIAMATH_PAGES, "page_size": 1000}, "page"),
        ("pages by offset", PAGES, None, "page"),
        ("csv on the api", PAGES, CSV, "csv"),
        ("csv on storage", EXPORT, None, "csv"),
        ("single answer", SINGLE, None, "single"),
    )
    for how, rule in breaks(role).items()
    if not (name == "numbered pages" and "silence" in how)
})  # fmt: skip
def test_a_body_that_breaks_off_is_read_again_and_each_row_is_published_once(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert not outcome.audit.voided


@scenarios(
    {how: played(STREAM, rule, finish_within="6s") for how, rule in breaks("stream").items() if "silence" not in how}
)
def test_a_stream_that_always_breaks_off_fails_at_the_deadline_and_is_voided(outcome: Outcome, name: str) -> None:
    # Less than a batch comes before the reset.
    outcome.assert_failed("not finished within 6 s", published="reset" not in name)
    assert len(outcome.asked("stream")) > 1


@scenarios({
    "cut in a row": played(STREAM, fault("cut_in_row", row=1700, clean=True, times=1)),
    "in the header": played(STREAM, fault("cut", after_bytes=40, clean=True, times=1)),
    "kargo's page": played(PAGES, fault("cut_in_row", row=1700, clean=True, times=1)),
    "kargo's page between rows": played(PAGES, fault("cut_after_row", row=1700, clean=True, times=1)),
    "rokt's answer": played(SINGLE, fault("cut_in_row", row=1700, clean=True, times=1)),
    "rokt's answer between rows": played(SINGLE, fault("cut_after_row", row=1700, clean=True, times=1)),
    "instal's file": played(EXPORT, fault("cut_in_row", row=1700, clean=True, times=1)),
})  # fmt: skip
def test_a_cut_that_looks_like_an_end_is_seen_by_what_is_missing(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "stream": played(STREAM, fault("cut_after_row", row=1700, clean=True)),
    "kargo's csv": played(PAGES, fault("cut_after_row", row=1700, clean=True), params=CSV),
})  # fmt: skip
def test_an_end_between_rows_that_looks_clean_fails_by_the_count(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("expected 2500 rows, got 1700", published=True)


@scenarios({
    "stream without a count": played(STREAM, fault("until_close"), fault("named_total", value=-1)),
    "csv": played(EXPORT, fault("until_close", match={"role": "csv"})),
})  # fmt: skip
def test_a_body_that_only_the_connection_ends_is_no_proof(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["proof"] == "none"


@scenarios({"rokt": played(SINGLE, fault("until_close"))})
def test_a_json_document_proves_its_own_end(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["proof"] == "end"


@scenarios({"stream": played(STREAM, fault("until_close")), "kargo": played(PAGES, fault("until_close"))})
def test_a_count_proves_a_body_that_only_the_connection_ends(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["proof"] == "count"


@scenarios({
    "no answer to the status": played(PAGES, fault("reset", match={"role": "status"}, times=2)),
    "no answer to the login": played(PAGES, fault("reset", match={"role": "token"}, times=1)),
    "no answer to the link": played(PAGES, fault("reset", match={"role": "link"}, times=1), params=CSV),
    "half a status": played(EXPORT, fault("cut", after_bytes=10, match={"role": "status"}, times=1)),
})  # fmt: skip
def test_a_question_that_gets_no_answer_is_asked_again(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


# ---------------------------------------------------------------- errors that look like success


@scenarios({
    "after rows": played(STREAM, fault("error_line", after_rows=1500, code="TooSlow", message="took too long")),
    "before the first row": played(STREAM, fault("error_line", after_rows=0, code="TooSlow", message="took too long")),
    "first and only line": played(STREAM, fault("error_body", code="TooSlow", message="took too long")),
    "in place of a page": played(
        STREAM, fault("error_body", code="TooSlow", message="took too long"), params=MEDIAMATH_PAGES
    ),
})  # fmt: skip
def test_an_error_object_fails_with_code_message_and_request_id(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("TooSlow", "took too long", "request id ", published=name == "after rows")
    assert len(outcome.asked("page" if "page" in name else "stream")) == 1


@scenarios({"stream": played(STREAM, fault("error_line", after_rows=1500, code="TooSlow", partial=True))})
def test_a_partial_error_object_is_an_error_and_no_row(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("TooSlow", published=True)


@scenarios({
    "line of a stream": played(STREAM, fault("gateway_line", after_rows=1500)),
    "in place of a stream": played(STREAM, fault("gateway", status=200)),
    "in place of a page": played(STREAM, fault("gateway", status=200), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_a_gateway_error_that_begins_with_meta_fails_with_its_code(outcome: Outcome, name: str) -> None:
    code = "service-overloaded" if name == "line of a stream" else "rate-limit-exceeded"
    message = "please retry later" if name == "line of a stream" else "Rate limit exceeded, please slow down"
    outcome.assert_failed(f"{code}: ", message, "request id ")


@scenarios({
    "rokt's legacy": played(SINGLE, fault("error_body", message="no such campaign")),
    "rokt's query": played(QUERIED, fault("error_body", message="no such campaign")),
    "instal's status": played(EXPORT, fault("error_body", message="no such campaign", match={"role": "status"})),
    "instal's file": played(EXPORT, fault("error_body", message="no such campaign", match={"role": "csv"})),
    "kargo's submit": played(PAGES, fault("error_body", message="no such campaign", match={"role": "submit"})),
    "kargo's page": played(PAGES, fault("error_body", message="no such campaign", match={"role": "page"})),
    "kargo's csv": played(PAGES, fault("error_body", message="no such campaign", match={"role": "csv"}), params=CSV),
    "kargo's csv link": played(
        PAGES, fault("error_body", message="no such campaign", match={"role": "link"}), params=CSV
    ),
})  # fmt: skip
def test_an_error_body_with_status_200_fails_with_the_vendors_words(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("no such campaign", published=False)


# ---------------------------------------------------------------- counts


@scenarios({
    f"{name}: {by:+}": played(report, fault("wrong_total", by=by), params=params)
    for name, report, params in (
        ("stream", STREAM, None),
        ("numbered pages", STREAM, MEDIAMATH_PAGES),
        ("pages by offset", PAGES, None),
        ("csv", PAGES, CSV),
    )
    for by in (3, -3)
})  # fmt: skip
def test_a_count_that_differs_fails_with_what_was_expected_and_what_came(outcome: Outcome, name: str) -> None:
    expected = ROWS + int(name.partition(": ")[2])
    outcome.assert_failed(f"expected {expected} rows, got {ROWS}", published=True)
    assert outcome.receipt["expected_rows"] == expected


@scenarios({
    "stream": played(STREAM, fault("named_total", value=-1)),
    "numbered pages": played(STREAM, fault("named_total", value=-1), params=MEDIAMATH_PAGES),
    "null": played(PAGES, fault("named_total", value=None)),
})  # fmt: skip
def test_a_count_nobody_has_is_accepted_on_a_clean_end(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert (outcome.receipt["proof"], outcome.receipt["expected_rows"]) == ("end", None)


@scenarios({"digits in text": played(PAGES, fault("named_total", value=str(ROWS)))})
def test_a_count_in_text_counts(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert (outcome.receipt["proof"], outcome.receipt["expected_rows"]) == ("count", ROWS)


@scenarios({
    "a row is lost from a stream": played(STREAM, fault("drop_row", row=1200)),
    "a row is lost from a page": played(PAGES, fault("drop_row", row=1200)),
    "a row is lost from a csv": played(PAGES, fault("drop_row", row=1200), params=CSV),
})  # fmt: skip
def test_a_row_the_vendor_lost_on_the_way_fails_by_the_count(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("expected 2500 rows, got 2499", published=True)


@scenarios({
    "kargo": played(PAGES, fault("drifting_total"), rows=21_000),
    "mediamath": played(STREAM, fault("drifting_total"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_counts_that_change_from_page_to_page_begin_again_and_fail_in_the_end(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("does not hold still")
    assert set(outcome.audit.voided) == {1, 2, 3}


# ---------------------------------------------------------------- refusals


LATER = {"after_requests": 3}


@scenarios({
    "kargo": played(PAGES, fault("token_expires", after_requests=3, times=1)),
    "mediamath": played(STREAM, fault("token_expires", after_requests=1, times=1), params=MEDIAMATH_PAGES),
    "rokt": played(SINGLE, fault("status", code=401, match={"role": "single"}, times=1)),
    "rokt's 403": played(SINGLE, fault("status", code=403, match={"role": "single"}, times=1)),
})  # fmt: skip
def test_a_token_refused_in_the_middle_is_renewed_once_and_the_work_goes_on(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    logins = [one for one in outcome.heard if one["endpoint"] in ("authenticate", "token")]
    assert len(logins) == 2
    assert outcome.job.attempts == 0


@scenarios({
    "kargo": played(PAGES, fault("status", code=401, match={"role": "page"})),
    "mediamath": played(STREAM, fault("status", code=401, match={"role": "stream"})),
    "rokt": played(SINGLE, fault("status", code=401, match={"role": "single"})),
    "instal": played(EXPORT, fault("status", code=401, match={"role": "status"})),
})  # fmt: skip
def test_a_refusal_a_new_token_does_not_mend_fails_naming_the_credentials(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("401", "check ", published=False)
    endpoint = {"kargo": "completed-reports", "mediamath": "stream", "rokt": "campaign-breakdown", "instal": "task"}
    assert len(outcome.asked(endpoint[name])) <= 2


@scenarios({
    "kargo": played(PAGES, fault("status", code=401, match={"role": "token"})),
    "mediamath": played(STREAM, fault("status", code=403, match={"role": "token"})),
    "rokt": played(SINGLE, fault("status", code=400, match={"role": "token"})),
})  # fmt: skip
def test_credentials_the_vendor_does_not_know_fail_before_anything_is_asked(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("check ", published=False)
    assert {one["endpoint"] for one in outcome.heard} <= {"authenticate", "token"}


@scenarios({
    "kargo's page": played(PAGES, fault("status", code=403, match={"role": "page"})),
    "kargo's submit": played(PAGES, fault("status", code=403, match={"role": "submit"})),
    "mediamath": played(STREAM, fault("status", code=403)),
    "rokt": played(SINGLE, fault("status", code=403)),
    "instal": played(EXPORT, fault("status", code=403, match={"role": "status"})),
})  # fmt: skip
def test_a_403_fails_with_the_vendors_words(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("403", "made to fail", published=False)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_retry_after_pauses_the_connection_for_every_job_on_it(runner: ScenarioRunner, code: int, form: str) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(played(STREAM).args[0])
        refusal = {"code": code, "retry_after": 3.0, "retry_after_form": form}
        vendors.sandbox.remote.turn(fault("status", times=1, match={"role": "stream"}, **refusal))
        first = vendors.ask(STREAM)
        until_asked(vendors, "stream", 1)
        others = [vendors.ask(STREAM) for _ in range(3)]
        endings = [vendors.outcome(job) for job in (first, *others)]
        for ended in endings:
            ended.assert_whole(ROWS)
            assert ended.job.attempts == 0
        asked = endings[0].asked("stream")
        assert len(asked) == 5
        # A date has whole seconds, so it may ask for up to a second less.
        assert min(one["time"] for one in asked[1:]) - asked[0]["time"] >= (3.0 if form == "seconds" else 1.9)


def until_asked(vendors: VendorSet, endpoint: str, times: int) -> None:
    deadline = time.monotonic() + 60
    while len(vendors.sandbox.remote.requests(endpoint=endpoint)) < times:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@scenarios({
    "429": played(STREAM, fault("status", code=429, times=1)),
    "429 as html": played(STREAM, fault("status", code=429, body="html", times=1)),
    "429 of the gateway": played(STREAM, fault("gateway", status=429, times=1)),
    "503": played(PAGES, fault("status", code=503, times=1, match={"role": "page"})),
    "503 of the gateway": played(STREAM, fault("gateway", status=503, code="service-overloaded", times=1)),
    "500": played(PAGES, fault("status", code=500, times=1, match={"role": "page"})),
    "500 at the status": played(PAGES, fault("status", code=500, times=2, match={"role": "status"})),
    "500 at the login": played(PAGES, fault("status", code=500, times=1, match={"role": "token"})),
    "500 without a body": played(SINGLE, fault("status", code=500, body="empty", times=1)),
    "500 in a stream's place": played(STREAM, fault("status", code=500, times=1)),
    "502 as html": played(SINGLE, fault("html", status=502, times=1)),
    "504 at storage": played(EXPORT, fault("status", code=504, times=1, match={"role": "csv"})),
})  # fmt: skip
def test_a_vendor_in_trouble_is_asked_again(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"500": played(STREAM, fault("status", code=500, message="all is lost"), finish_within="6s")})
def test_trouble_that_does_not_pass_fails_at_the_deadline(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("not finished within", published=False)


@scenarios({
    "status": played(PAGES, fault("html", match={"role": "status"})),
    "submit": played(PAGES, fault("html", match={"role": "submit"})),
    "page": played(PAGES, fault("html", match={"role": "page"})),
    "csv": played(PAGES, fault("html", match={"role": "csv"}), params=CSV),
    "csv on storage": played(EXPORT, fault("html", match={"role": "csv"})),
    "stream": played(STREAM, fault("html")),
    "numbered page": played(STREAM, fault("html"), params=MEDIAMATH_PAGES),
    "single answer": played(SINGLE, fault("html")),
    "login": played(SINGLE, fault("html", match={"role": "token"})),
})  # fmt: skip
def test_html_where_data_should_be_fails_with_its_first_bytes(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("<!DOCTYPE html>", published=False)


@scenarios({
    "kargo's submit": played(PAGES, fault("empty_body", match={"role": "submit"})),
    "kargo's status": played(PAGES, fault("empty_body", match={"role": "status"})),
    "kargo's page": played(PAGES, fault("empty_body", match={"role": "page"})),
    "kargo's csv": played(PAGES, fault("empty_body", match={"role": "csv"}), params=CSV),
    "stream": played(STREAM, fault("empty_body")),
    "numbered page": played(STREAM, fault("empty_body"), params=MEDIAMATH_PAGES),
    "rokt's list": played(SINGLE, fault("empty_body")),
    "rokt's query": played(QUERIED, fault("empty_body")),
})  # fmt: skip
def test_an_empty_body_where_something_must_stand_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("empty", published=False)


@scenarios({
    "no bytes": played(EXPORT, fault("empty_body", match={"role": "csv"})),
    "a header": played(EXPORT, fault("csv_empty", header=True)),
    "a file without a header": played(EXPORT, fault("csv_empty", header=False)),
    "an empty stream": played(STREAM, rows=0),
    "an empty list": played(SINGLE, rows=0),
    "an empty query": played(QUERIED, rows=0),
    "no rows at all": played(QUERIED, fault("no_rows_key")),
    "no pages": played(STREAM, rows=0, params=MEDIAMATH_PAGES),
    "an empty report": played(PAGES, rows=0),
    "an empty csv": played(PAGES, rows=0, params=CSV),
})  # fmt: skip
def test_nothing_where_nothing_may_stand_is_a_report_of_no_rows(outcome: Outcome, name: str) -> None:
    outcome.assert_done(0)


# ---------------------------------------------------------------- preparation


@scenarios({
    "kargo": played(PAGES, fault("status_word", word="Hibernating", link="empty"), ready_within="2s"),
    "instal": played(EXPORT, fault("task_state", state="Hibernating"), ready_within="2s"),
})  # fmt: skip
def test_a_status_nobody_knows_waits_and_fails_at_the_deadline_with_its_word(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("not ready within 2 s", "hibernating", published=False)
    assert len(outcome.asked("status" if name == "kargo" else "task")) > 1


@scenarios({
    "kargo": played(PAGES, fault("status_word", word="Hibernating", link="empty", times=3)),
    "instal": played(EXPORT, fault("task_state", state="Hibernating", polls=3)),
})  # fmt: skip
def test_a_status_nobody_knows_is_waited_for(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "error, with words": played(PAGES, fault("error_status", text="unknown measure clics_sum")),
    "error, without": played(PAGES, fault("error_status")),
    "failed": played(PAGES, fault("status_word", word="FAILED", link="empty")),
    "failure": played(EXPORT, fault("task_state", state="FAILURE", text="unknown measure clics_sum")),
    "revoked": played(EXPORT, fault("task_state", state="REVOKED")),
})  # fmt: skip
def test_a_report_the_vendor_cannot_prepare_fails_with_all_it_said(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("could not prepare the report", published=False)
    if name in ("error, with words", "failure"):
        assert "unknown measure clics_sum" in outcome.error
    if name.startswith("error"):
        assert str(outcome.receipt["vendor_report_id"]) in outcome.error
    assert len(outcome.asked("reports") + outcome.asked("exports")) == 1


def test_a_failed_preparation_is_asked_for_anew_by_a_retry(runner: ScenarioRunner) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(played(PAGES, fault("error_status")).args[0])
        job = vendors.ask(PAGES)
        vendors.outcome(job).assert_failed("could not prepare the report")
        vendors.sandbox.remote.turn()
        assert runner.millrace.services.ledger.retry(job)[0] == "queued"
        runner.millrace.nudge("report.submit", job)
        runner.millrace.wait_for(job, lambda job: job.state == "done", "done")
        again = vendors.outcome(job)
        again.assert_done(ROWS, generation=2)
        assert len(again.asked("reports")) == 2


@scenarios({
    "instal, for a moment": played(EXPORT, fault("null_result", polls=2)),
    "kargo, whose pages need none": played(PAGES, fault("ready_without_link")),
})  # fmt: skip
def test_ready_without_a_link_waits_where_a_link_is_needed(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"instal": played(EXPORT, fault("null_result"), is_impatient=True)})
def test_ready_without_a_link_for_good_fails_once_the_grace_is_over(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("still no link", published=False)


@scenarios({"no answer": played(EXPORT, fault("commit_then_drop", times=1), is_impatient=True)})
def test_an_export_that_may_have_been_made_is_asked_for_once_more_and_the_receipt_says_so(
    outcome: Outcome, name: str
) -> None:
    outcome.assert_whole(ROWS)
    assert (len(outcome.asked("exports")), outcome.receipt["possible_orphans"]) == (2, 1)


@scenarios({
    "no answer": played(PAGES, fault("commit_then_drop", times=1), is_alone=True),
    "no answer, listed late": played(PAGES, fault("commit_then_drop", times=1), fault("late_listing", polls=2)),
    "silence": played(PAGES, fault("silence", seconds=LONG_SILENCE, match={"role": "submit"}, times=1)),
})  # fmt: skip
def test_a_report_that_may_have_been_made_is_looked_for_in_the_list(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.asked("list")


@scenarios({"never listed": played(
    PAGES,
    fault("commit_then_drop", times=1),
    fault("late_listing", polls=99, match={"role": "list"}),
    is_impatient=True,
)})  # fmt: skip
def test_a_report_that_does_not_show_up_in_the_list_is_asked_for_again(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("reports", "POST")) == 2


@scenarios({
    "kargo": played(PAGES, fault("never_ready"), ready_within="1s"),
    "instal": played(EXPORT, fault("never_ready"), ready_within="1s"),
})  # fmt: skip
def test_a_report_pending_for_ever_fails_at_the_deadline(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("not ready within", "pending", published=False)
    assert len(outcome.asked("reports") + outcome.asked("exports")) == 1


@scenarios({
    "by rows without it": played(PAGES, fault("late_listing", polls=3)),
    "by another's row": played(PAGES, fault("late_listing", polls=3), fault("foreign_row")),
    "by a 404": played(PAGES, fault("late_listing", polls=3), fault("status_shape", shape="C")),
})  # fmt: skip
def test_a_report_not_listed_yet_is_waited_for(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("reports")) == 1


@scenarios({
    "by rows without it": played(PAGES, fault("late_listing", polls=99), is_impatient=True),
    "by a 404": played(PAGES, fault("late_listing", polls=99), fault("status_shape", shape="C"), is_impatient=True),
})  # fmt: skip
def test_a_report_never_listed_fails_once_the_grace_is_over(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("the vendor does not know report", str(outcome.receipt["vendor_report_id"]))
    assert len(outcome.asked("reports")) == 1


@scenarios({
    "at the status": played(PAGES, fault("expired_report", match={"role": "status", "nth": 2})),
    "at its page": played(PAGES, fault("expired_report", times=1, match={"role": "page"})),
    "at its page, as 404": played(PAGES, fault("expired_report", times=1, match={"role": "page"}, code=404)),
    "at its csv's link": played(PAGES, fault("expired_report", times=1, match={"role": "link"}), params=CSV),
    "at its csv": played(PAGES, fault("expired_report", times=1, match={"role": "csv"}), params=CSV),
})  # fmt: skip
def test_an_expired_report_is_asked_for_once_anew(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS, generation=1 if name == "at the status" else 2)
    assert len(outcome.asked("reports", "POST")) == 2


@scenarios({
    "at the status": played(PAGES, fault("expired_report", match={"role": "status"})),
    "at its page": played(PAGES, fault("expired_report", match={"role": "page"})),
})  # fmt: skip
def test_a_report_that_expires_twice_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("twice")
    assert len(outcome.asked("reports", "POST")) == 2


@scenarios({
    code: played(EXPORT, fault("link_expires", times=1, code=int(code))) for code in ("403", "404", "410")
})  # fmt: skip
def test_an_expired_download_link_is_asked_for_again_without_a_new_export(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("exports")) == 1


@scenarios({"403": played(EXPORT, fault("link_expires"))})
def test_a_download_that_stays_dead_is_exported_once_anew_and_then_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("twice")
    assert len(outcome.asked("exports")) == 2


# ---------------------------------------------------------------- links and ends of paging


def three_reports(vendors: VendorSet) -> None:
    """Kargo's list has three reports, which is three pages where a page has one."""
    for _ in range(3):
        vendors.outcome(vendors.ask(PAGES))
    vendors.sandbox.remote.clear()


LISTED = {"params": {}, "rows": 10, "is_alone": True, "before": three_reports, "settings": {"polls_until_ready": 0}}
ONE_A_PAGE = fault("short_page", rows=1)


@scenarios({
    "documented host": played("kargo.reports", ONE_A_PAGE, **LISTED),
    "other host": played("kargo.reports", ONE_A_PAGE, fault("next_link", host="other"), **LISTED),
    "relative, links.next": played(
        "kargo.reports", ONE_A_PAGE, fault("next_link", host="relative", place="links.next"), **LISTED
    ),
    "null at the end": played("kargo.reports", ONE_A_PAGE, fault("next_link", end="null"), **LISTED),
    "absent at the end": played("kargo.reports", ONE_A_PAGE, fault("next_link", end="absent"), **LISTED),
    "the word null": played(
        "kargo.reports", ONE_A_PAGE, fault("next_link", end="null_text", place="data.link.next"), **LISTED
    ),
})  # fmt: skip
def test_a_next_link_is_followed_on_our_own_host_to_its_end(outcome: Outcome, name: str) -> None:
    outcome.assert_done(3)
    assert outcome.receipt["pages"] == 3
    assert [one["query"].get("offset") for one in outcome.asked("list")] == [None, "1", "2"]


@scenarios({
    "to itself": played("kargo.reports", ONE_A_PAGE, fault("next_link", leads="self"), **LISTED),
    "in a circle": played("kargo.reports", ONE_A_PAGE, fault("next_link", leads="circle"), **LISTED),
})  # fmt: skip
def test_a_next_link_seen_before_fails_the_job(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("leads")
    assert len(outcome.asked("list")) <= 3


@scenarios({
    "to itself": played(PAGES, fault("next_link", leads="self"), rows=10_500),
    "in a circle": played(PAGES, fault("next_link", leads="circle", host="other"), rows=10_500),
    "nowhere": played(PAGES, fault("next_link", leads="nowhere"), rows=10_500),
})  # fmt: skip
def test_pages_read_by_offset_do_not_follow_links_at_all(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(10_500)
    assert sorted(one["query"]["offset"] for one in outcome.asked("completed-reports")) == ["0", "10000"]


@scenarios({
    "kargo": played(PAGES, fault("short_page", rows=900)),
    "kargo, no count": played(PAGES, fault("short_page", rows=900), fault("named_total", value=None)),
    "mediamath": played(STREAM, fault("short_page", rows=300), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_a_page_shorter_than_asked_ends_nothing(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "empty": played(PAGES, fault("capped_total"), rows=20_000),
    "refused": played(PAGES, fault("capped_total"), fault("past_end", answer="400"), rows=20_000),
    "short": played(PAGES, fault("capped_total"), rows=21_000),
})  # fmt: skip
def test_a_count_capped_at_10000_is_read_past_until_a_page_is_empty(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(21_000 if name == "short" else 20_000)
    assert (outcome.receipt["proof"], outcome.receipt["expected_rows"]) == ("end", None)


@scenarios({
    "empty": played(PAGES, rows=10_000),
    "refused": played(PAGES, fault("past_end", answer="400"), rows=10_000),
})  # fmt: skip
def test_a_report_of_exactly_10000_rows_ends_at_the_page_past_its_end(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(10_000)
    assert sorted(one["query"]["offset"] for one in outcome.asked("completed-reports"))[:2] == ["0", "10000"]


@scenarios({
    "empty": played(STREAM, fault("named_total", value=-1), rows=2000, params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_full_pages_without_a_count_end_by_the_count_of_pages(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(2000)


# ---------------------------------------------------------------- rows


@scenarios({"kargo": played(PAGES), "no types": played(STREAM)})
def test_numbers_leave_as_declared_with_every_digit(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "null": played(PAGES, fault("null_column", column="clicks_sum", row=7)),
    "a missing column": played(PAGES, fault("drop_column", column="clicks_sum", row=7)),
    "an extra column": played(PAGES, fault("extra_column", column="media_delivery_sum", value="2281", row=7)),
    "null in a stream": played(STREAM, fault("null_column", column="clicks", row=7)),
    "a missing column in a stream": played(STREAM, fault("drop_column", column="clicks", row=7)),
})  # fmt: skip
def test_null_a_missing_and_an_extra_column_are_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    column = "clicks_sum" if not name.endswith("stream") else "clicks"
    if "null" in name:
        assert outcome.rows[6][column] is None
    elif "missing" in name:
        assert column not in outcome.rows[6]
        assert column in outcome.rows[7]
    else:
        assert outcome.rows[6]["media_delivery_sum"] == ("number", "2281")


@scenarios({"stream": played(STREAM, fault("extra_column", column="surprise", row=7))})
def test_a_column_the_header_of_a_stream_does_not_name_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("row 7", "neither a row nor another message")


@scenarios({
    "stream": played(STREAM, fault("repeat_row", row=5), fault("wrong_total", by=1)),
    "csv": played(EXPORT, fault("repeat_row", row=5)),
    "rokt": played(SINGLE, fault("repeat_row", row=5)),
})  # fmt: skip
def test_duplicate_rows_are_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS + 1)
    assert outcome.rows[4] == outcome.rows[5]


@scenarios({"kargo": played(PAGES, fault("set_value", column="clicks_sum", text='"n/a"', row=9))})
def test_a_value_that_misses_its_type_is_set_aside_and_counted(outcome: Outcome, name: str) -> None:
    assert (outcome.state, outcome.receipt["rows"], outcome.receipt["dead_rows"]) == ("done", ROWS - 1, 1)
    assert outcome.receipt["expected_rows"] == ROWS
    assert outcome.audit.is_whole
    (dead,) = outcome.dead
    assert dead[b"at"] == b"1.1.9"
    assert b"clicks_sum" in dead[b"reason"]


@scenarios({"kargo": played(PAGES, fault("set_value", column="clicks_sum", text='"n/a"'))})
def test_more_dead_letters_than_accepted_fail_the_job(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("2500 of 2500 rows are dead letters", published=True)


# ---------------------------------------------------------------- broken bytes


BROKEN = {
    "stream": (STREAM, None, "stream"),
    "page": (PAGES, None, "page"),
    "single answer": (SINGLE, None, "single"),
    "csv": (EXPORT, None, "csv"),
}


def spoilt(kind: str, *names: str, times: int | None = None, **args: Any) -> dict[str, pytest.MarkDecorator]:
    """The same fault wherever rows come from."""
    return {
        name: played(report, fault(kind, match={"role": role}, times=times, **args), params=params)
        for name, (report, params, role) in BROKEN.items()
        if name in names
    }


@scenarios({
    f"{what}: {name}": mark
    for what, named in {
        "JSON": spoilt("invalid_json", "stream", "page", "single answer", row=1700, times=1),
        "UTF-8": spoilt("invalid_utf8", *BROKEN, row=1700, times=1),
        "gzip": spoilt("broken_compression", *BROKEN, after_bytes=2000, times=1),
        "zstd": spoilt("broken_compression", "stream", after_bytes=2000, encoding="zstd", times=1),
    }.items()
    for name, mark in named.items()
})  # fmt: skip
def test_broken_bytes_are_mended_by_a_second_reading(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    f"{what}: {name}": mark
    for what, named in {
        "JSON": spoilt("invalid_json", "stream", "page", "single answer", row=1700),
        "UTF-8": spoilt("invalid_utf8", "stream", "page", "single answer", row=1700),
    }.items()
    for name, mark in named.items()
})  # fmt: skip
def test_bytes_that_stay_broken_fail_naming_page_and_row(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("page 1.1", "row 1700", "given up after 3 attempts", published=True)


@scenarios({"csv": played(EXPORT, fault("invalid_utf8", row=1700))})
def test_a_csv_that_stays_broken_fails_naming_page_and_line(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("page 1.1", "line 1701", "given up after 3 attempts")


@scenarios(spoilt("broken_compression", *BROKEN, after_bytes=2000))
def test_packing_that_stays_broken_fails_naming_the_page(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("page 1.1", "gzip", "given up after 3 attempts")


@scenarios(spoilt("bomb", *BROKEN, megabytes=200))
def test_a_bomb_fails_before_it_is_unpacked(outcome: Outcome, name: str) -> None:
    # Behind the rows of a page, and in a line, a long run of blanks is refused before the ratio is.
    outcome.assert_failed("unpack to more than 200 times as many" if name == "stream" else "than 16 MiB")


@scenarios(spoilt("big_row", "stream", "page", "single answer", row=1700, megabytes=100.0))
def test_a_row_of_100_mb_fails_naming_the_row(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("row 1700", "larger than 16 MiB")


@scenarios(spoilt("big_row", "csv", row=1700, megabytes=20.0))
def test_a_csv_row_beyond_the_bound_fails_naming_the_line(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("line 1701")


@scenarios(spoilt("deep_row", "stream", "page", "single answer", row=1700, depth=10_000))
def test_nesting_10000_deep_fails_naming_the_row(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("row 1700", "nest")


@scenarios(spoilt("nan", "stream", "page", "single answer", row=1700))
def test_nan_fails_naming_the_row(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("row 1700", "NaN")


@scenarios({
    **spoilt("compressed", *BROKEN),
    "zstd": played(STREAM, fault("compressed", encoding="zstd")),
    "deflate": played(SINGLE, fault("compressed", encoding="deflate")),
})  # fmt: skip
def test_packed_bodies_are_unpacked_on_the_way(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


# ---------------------------------------------------------------- csv


@scenarios({
    "instal: byte order mark": played(EXPORT, fault("csv_bom")),
    "kargo: byte order mark": played(PAGES, fault("csv_bom"), params=CSV),
    "instal: semicolons": played(EXPORT, fault("csv_delimiter", text=";")),
    "instal: tabs": played(EXPORT, fault("csv_delimiter", text="\t")),
    "kargo: semicolons": played(PAGES, fault("csv_delimiter", text=";"), params=CSV),
    "instal: no header though asked": played(EXPORT, fault("csv_header", present=False)),
    "instal: no header as asked": played(EXPORT, params={**INSTAL, "csv_headers": False}),
    "instal: a header though not asked": played(
        EXPORT, fault("csv_header", present=True), params={**INSTAL, "csv_headers": False}
    ),
    "instal: no final newline": played(EXPORT, fault("no_final_newline")),
})  # fmt: skip
def test_a_csv_is_read_whatever_its_dialect(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "instal": played(EXPORT, fault("csv_newlines", row=7)),
    "kargo": played(PAGES, fault("csv_newlines", row=7), params=CSV),
})  # fmt: skip
def test_quoted_newlines_are_part_of_the_value(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert next(iter(outcome.rows[6].values())).endswith("\nsecond line\r\nthird line")


@scenarios({
    f"{name}: {by:+}": played(report, fault("csv_width", row=1700, by=by), params=params)
    for name, report, params in (("instal", EXPORT, None), ("kargo", PAGES, CSV))
    for by in (1, -1)
})  # fmt: skip
def test_a_row_of_another_width_fails_with_its_line(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("line 1701", "values for", "columns", published=True)


@scenarios({
    "instal": played(EXPORT, fault("csv_delimiter", text="|")),
    "kargo": played(PAGES, fault("csv_delimiter", text="|"), params=CSV),
})  # fmt: skip
def test_a_delimiter_nobody_declared_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("line 1", published=False)


@scenarios({"kargo": played(PAGES, fault("csv_header", present=False), params=CSV)})
def test_a_csv_without_the_header_that_names_its_columns_fails(outcome: Outcome, name: str) -> None:
    outcome.assert_failed()


@scenarios({
    style: played(EXPORT, fault("csv_numbers", style=style)) for style in ("thousands", "comma", "percent")
})  # fmt: skip
def test_numbers_as_people_write_them_are_no_numbers_and_fail_by_the_dead_letters(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("are dead letters", published=True)
    assert json.loads(json.dumps(outcome.dead[0][b"reason"].decode()))
