"""What vendors do wrong, and what Millrace makes of it: every case played end to end against a vendor of its own."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.stage import (
    CSV,
    EXPORT,
    INSTAL,
    MEDIAMATH_PAGES,
    PAGES,
    QUERIED,
    SILENCE_SECONDS,
    SINGLE,
    STREAM,
    Company,
    Ending,
    Stage,
    assert_whole,
    fault,
    played,
    scenes,
)

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


@scenes({
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
def test_a_body_that_breaks_off_is_read_again_and_each_row_is_published_once(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert not ending.audit.voided


@scenes(
    {how: played(STREAM, rule, finish_within="6s") for how, rule in breaks("stream").items() if "silence" not in how}
)
def test_a_stream_that_always_breaks_off_fails_at_the_deadline_and_is_voided(ending: Ending, scene: str) -> None:
    # Less than a batch comes before the reset.
    assert ending.is_failed("not finished within 6 s", published="reset" not in scene)
    assert len(ending.asked("stream")) > 1


@scenes({
    "cut in a row": played(STREAM, fault("cut_in_row", row=1700, clean=True, times=1)),
    "in the header": played(STREAM, fault("cut", after_bytes=40, clean=True, times=1)),
    "kargo's page": played(PAGES, fault("cut_in_row", row=1700, clean=True, times=1)),
    "kargo's page between rows": played(PAGES, fault("cut_after_row", row=1700, clean=True, times=1)),
    "rokt's answer": played(SINGLE, fault("cut_in_row", row=1700, clean=True, times=1)),
    "rokt's answer between rows": played(SINGLE, fault("cut_after_row", row=1700, clean=True, times=1)),
    "instal's file": played(EXPORT, fault("cut_in_row", row=1700, clean=True, times=1)),
})  # fmt: skip
def test_a_cut_that_looks_like_an_end_is_seen_by_what_is_missing(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "stream": played(STREAM, fault("cut_after_row", row=1700, clean=True)),
    "kargo's csv": played(PAGES, fault("cut_after_row", row=1700, clean=True), params=CSV),
})  # fmt: skip
def test_an_end_between_rows_that_looks_clean_fails_by_the_count(ending: Ending, scene: str) -> None:
    assert ending.is_failed("expected 2500 rows, got 1700", published=True)


@scenes({
    "stream without a count": played(STREAM, fault("until_close"), fault("named_total", value=-1)),
    "csv": played(EXPORT, fault("until_close", match={"role": "csv"})),
})  # fmt: skip
def test_a_body_that_only_the_connection_ends_is_no_proof(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["proof"] == "none"


@scenes({"rokt": played(SINGLE, fault("until_close"))})
def test_a_json_document_proves_its_own_end(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["proof"] == "end"


@scenes({"stream": played(STREAM, fault("until_close")), "kargo": played(PAGES, fault("until_close"))})
def test_a_count_proves_a_body_that_only_the_connection_ends(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["proof"] == "count"


@scenes({
    "no answer to the status": played(PAGES, fault("reset", match={"role": "status"}, times=2)),
    "no answer to the login": played(PAGES, fault("reset", match={"role": "token"}, times=1)),
    "no answer to the link": played(PAGES, fault("reset", match={"role": "link"}, times=1), params=CSV),
    "half a status": played(EXPORT, fault("cut", after_bytes=10, match={"role": "status"}, times=1)),
})  # fmt: skip
def test_a_question_that_gets_no_answer_is_asked_again(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


# ---------------------------------------------------------------- errors that look like success


@scenes({
    "after rows": played(STREAM, fault("error_line", after_rows=1500, code="TooSlow", message="took too long")),
    "before the first row": played(STREAM, fault("error_line", after_rows=0, code="TooSlow", message="took too long")),
    "first and only line": played(STREAM, fault("error_body", code="TooSlow", message="took too long")),
    "in place of a page": played(
        STREAM, fault("error_body", code="TooSlow", message="took too long"), params=MEDIAMATH_PAGES
    ),
})  # fmt: skip
def test_an_error_object_fails_with_code_message_and_request_id(ending: Ending, scene: str) -> None:
    assert ending.is_failed("TooSlow", "took too long", "request id ", published=scene == "after rows")
    assert len(ending.asked("page" if "page" in scene else "stream")) == 1


@scenes({"stream": played(STREAM, fault("error_line", after_rows=1500, code="TooSlow", partial=True))})
def test_a_partial_error_object_is_an_error_and_no_row(ending: Ending, scene: str) -> None:
    assert ending.is_failed("TooSlow", published=True)


@scenes({
    "line of a stream": played(STREAM, fault("gateway_line", after_rows=1500)),
    "in place of a stream": played(STREAM, fault("gateway", status=200)),
    "in place of a page": played(STREAM, fault("gateway", status=200), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_a_gateway_error_that_begins_with_meta_fails_with_its_code(ending: Ending, scene: str) -> None:
    code = "service-overloaded" if scene == "line of a stream" else "rate-limit-exceeded"
    message = "please retry later" if scene == "line of a stream" else "Rate limit exceeded, please slow down"
    assert ending.is_failed(f"{code}: ", message, "request id ")


@scenes({
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
def test_an_error_body_with_status_200_fails_with_the_vendors_words(ending: Ending, scene: str) -> None:
    assert ending.is_failed("no such campaign", published=False)


# ---------------------------------------------------------------- counts


@scenes({
    f"{name}: {by:+}": played(report, fault("wrong_total", by=by), params=params)
    for name, report, params in (
        ("stream", STREAM, None),
        ("numbered pages", STREAM, MEDIAMATH_PAGES),
        ("pages by offset", PAGES, None),
        ("csv", PAGES, CSV),
    )
    for by in (3, -3)
})  # fmt: skip
def test_a_count_that_differs_fails_with_what_was_expected_and_what_came(ending: Ending, scene: str) -> None:
    expected = ROWS + int(scene.partition(": ")[2])
    assert ending.is_failed(f"expected {expected} rows, got {ROWS}", published=True)
    assert ending.receipt["expected_rows"] == expected


@scenes({
    "stream": played(STREAM, fault("named_total", value=-1)),
    "numbered pages": played(STREAM, fault("named_total", value=-1), params=MEDIAMATH_PAGES),
    "null": played(PAGES, fault("named_total", value=None)),
})  # fmt: skip
def test_a_count_nobody_has_is_accepted_on_a_clean_end(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert (ending.receipt["proof"], ending.receipt["expected_rows"]) == ("end", None)


@scenes({"digits in text": played(PAGES, fault("named_total", value=str(ROWS)))})
def test_a_count_in_text_counts(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert (ending.receipt["proof"], ending.receipt["expected_rows"]) == ("count", ROWS)


@scenes({
    "a row is lost from a stream": played(STREAM, fault("drop_row", row=1200)),
    "a row is lost from a page": played(PAGES, fault("drop_row", row=1200)),
    "a row is lost from a csv": played(PAGES, fault("drop_row", row=1200), params=CSV),
})  # fmt: skip
def test_a_row_the_vendor_lost_on_the_way_fails_by_the_count(ending: Ending, scene: str) -> None:
    assert ending.is_failed("expected 2500 rows, got 2499", published=True)


@scenes({
    "kargo": played(PAGES, fault("drifting_total"), rows=21_000),
    "mediamath": played(STREAM, fault("drifting_total"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_counts_that_change_from_page_to_page_begin_again_and_fail_in_the_end(ending: Ending, scene: str) -> None:
    assert ending.is_failed("does not hold still")
    assert set(ending.audit.voided) == {1, 2, 3}


# ---------------------------------------------------------------- refusals


LATER = {"after_requests": 3}


@scenes({
    "kargo": played(PAGES, fault("token_expires", after_requests=3, times=1)),
    "mediamath": played(STREAM, fault("token_expires", after_requests=1, times=1), params=MEDIAMATH_PAGES),
    "rokt": played(SINGLE, fault("status", code=401, match={"role": "single"}, times=1)),
    "rokt's 403": played(SINGLE, fault("status", code=403, match={"role": "single"}, times=1)),
})  # fmt: skip
def test_a_token_refused_in_the_middle_is_renewed_once_and_the_work_goes_on(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    logins = [one for one in ending.heard if one["endpoint"] in ("authenticate", "token")]
    assert len(logins) == 2
    assert ending.job.attempts == 0


@scenes({
    "kargo": played(PAGES, fault("status", code=401, match={"role": "page"})),
    "mediamath": played(STREAM, fault("status", code=401, match={"role": "stream"})),
    "rokt": played(SINGLE, fault("status", code=401, match={"role": "single"})),
    "instal": played(EXPORT, fault("status", code=401, match={"role": "status"})),
})  # fmt: skip
def test_a_refusal_a_new_token_does_not_mend_fails_naming_the_credentials(ending: Ending, scene: str) -> None:
    assert ending.is_failed("401", "check ", published=False)
    endpoint = {"kargo": "completed-reports", "mediamath": "stream", "rokt": "campaign-breakdown", "instal": "task"}
    assert len(ending.asked(endpoint[scene])) <= 2


@scenes({
    "kargo": played(PAGES, fault("status", code=401, match={"role": "token"})),
    "mediamath": played(STREAM, fault("status", code=403, match={"role": "token"})),
    "rokt": played(SINGLE, fault("status", code=400, match={"role": "token"})),
})  # fmt: skip
def test_credentials_the_vendor_does_not_know_fail_before_anything_is_asked(ending: Ending, scene: str) -> None:
    assert ending.is_failed("check ", published=False)
    assert {one["endpoint"] for one in ending.heard} <= {"authenticate", "token"}


@scenes({
    "kargo's page": played(PAGES, fault("status", code=403, match={"role": "page"})),
    "kargo's submit": played(PAGES, fault("status", code=403, match={"role": "submit"})),
    "mediamath": played(STREAM, fault("status", code=403)),
    "rokt": played(SINGLE, fault("status", code=403)),
    "instal": played(EXPORT, fault("status", code=403, match={"role": "status"})),
})  # fmt: skip
def test_a_403_fails_with_the_vendors_words(ending: Ending, scene: str) -> None:
    assert ending.is_failed("403", "made to fail", published=False)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_retry_after_pauses_the_connection_for_every_job_on_it(stage: Stage, code: int, form: str) -> None:
    with stage.borrowed() as company:
        company.begin(played(STREAM).args[0])
        refusal = {"code": code, "retry_after": 3.0, "retry_after_form": form}
        company.vendors.remote.turn(fault("status", times=1, match={"role": "stream"}, **refusal))
        first = company.ask(STREAM)
        until_asked(company, "stream", 1)
        others = [company.ask(STREAM) for _ in range(3)]
        endings = [company.ending(*job) for job in (first, *others)]
        for ended in endings:
            assert_whole(ended, ROWS)
            assert ended.job.attempts == 0
        asked = endings[0].asked("stream")
        assert len(asked) == 5
        # A date has whole seconds, so it may ask for up to a second less.
        assert min(one["time"] for one in asked[1:]) - asked[0]["time"] >= (3.0 if form == "seconds" else 1.9)


def until_asked(company: Company, endpoint: str, times: int) -> None:
    deadline = time.monotonic() + 60
    while len(company.vendors.remote.requests(endpoint=endpoint)) < times:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@scenes({
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
def test_a_vendor_in_trouble_is_asked_again(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"500": played(STREAM, fault("status", code=500, message="all is lost"), finish_within="6s")})
def test_trouble_that_does_not_pass_fails_at_the_deadline(ending: Ending, scene: str) -> None:
    assert ending.is_failed("not finished within", published=False)


@scenes({
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
def test_html_where_data_should_be_fails_with_its_first_bytes(ending: Ending, scene: str) -> None:
    assert ending.is_failed("<!DOCTYPE html>", published=False)


@scenes({
    "kargo's submit": played(PAGES, fault("empty_body", match={"role": "submit"})),
    "kargo's status": played(PAGES, fault("empty_body", match={"role": "status"})),
    "kargo's page": played(PAGES, fault("empty_body", match={"role": "page"})),
    "kargo's csv": played(PAGES, fault("empty_body", match={"role": "csv"}), params=CSV),
    "stream": played(STREAM, fault("empty_body")),
    "numbered page": played(STREAM, fault("empty_body"), params=MEDIAMATH_PAGES),
    "rokt's list": played(SINGLE, fault("empty_body")),
    "rokt's query": played(QUERIED, fault("empty_body")),
})  # fmt: skip
def test_an_empty_body_where_something_must_stand_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed("empty", published=False)


@scenes({
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
def test_nothing_where_nothing_may_stand_is_a_report_of_no_rows(ending: Ending, scene: str) -> None:
    assert ending.is_done(0)


# ---------------------------------------------------------------- preparation


@scenes({
    "kargo": played(PAGES, fault("status_word", word="Hibernating", link="empty"), ready_within="2s"),
    "instal": played(EXPORT, fault("task_state", state="Hibernating"), ready_within="2s"),
})  # fmt: skip
def test_a_status_nobody_knows_waits_and_fails_at_the_deadline_with_its_word(ending: Ending, scene: str) -> None:
    assert ending.is_failed("not ready within 2 s", "hibernating", published=False)
    assert len(ending.asked("status" if scene == "kargo" else "task")) > 1


@scenes({
    "kargo": played(PAGES, fault("status_word", word="Hibernating", link="empty", times=3)),
    "instal": played(EXPORT, fault("task_state", state="Hibernating", polls=3)),
})  # fmt: skip
def test_a_status_nobody_knows_is_waited_for(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "error, with words": played(PAGES, fault("error_status", text="unknown measure clics_sum")),
    "error, without": played(PAGES, fault("error_status")),
    "failed": played(PAGES, fault("status_word", word="FAILED", link="empty")),
    "failure": played(EXPORT, fault("task_state", state="FAILURE", text="unknown measure clics_sum")),
    "revoked": played(EXPORT, fault("task_state", state="REVOKED")),
})  # fmt: skip
def test_a_report_the_vendor_cannot_prepare_fails_with_all_it_said(ending: Ending, scene: str) -> None:
    assert ending.is_failed("could not prepare the report", published=False)
    if scene in ("error, with words", "failure"):
        assert "unknown measure clics_sum" in ending.error
    if scene.startswith("error"):
        assert str(ending.receipt["vendor_report_id"]) in ending.error
    assert len(ending.asked("reports") + ending.asked("exports")) == 1


def test_a_failed_preparation_is_asked_for_anew_by_a_retry(stage: Stage) -> None:
    with stage.borrowed() as company:
        company.begin(played(PAGES, fault("error_status")).args[0])
        job, sink = company.ask(PAGES)
        assert company.ending(job, sink).is_failed("could not prepare the report")
        company.vendors.remote.turn()
        assert stage.services.ledger.retry(job)[0] == "queued"
        stage.nudge("report.submit", job)
        stage.wait_for(job, lambda job: job.state == "done")
        again = company.ending(job, sink)
        assert again.is_done(ROWS, generation=2)
        assert len(again.asked("reports")) == 2


@scenes({
    "instal, for a moment": played(EXPORT, fault("null_result", polls=2)),
    "kargo, whose pages need none": played(PAGES, fault("ready_without_link")),
})  # fmt: skip
def test_ready_without_a_link_waits_where_a_link_is_needed(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"instal": played(EXPORT, fault("null_result"), is_hasty=True)})
def test_ready_without_a_link_for_good_fails_once_the_grace_is_over(ending: Ending, scene: str) -> None:
    assert ending.is_failed("still no link", published=False)


@scenes({"no answer": played(EXPORT, fault("commit_then_drop", times=1), is_hasty=True)})
def test_an_export_that_may_have_been_made_is_asked_for_once_more_and_the_receipt_says_so(
    ending: Ending, scene: str
) -> None:
    assert_whole(ending, ROWS)
    assert (len(ending.asked("exports")), ending.receipt["possible_orphans"]) == (2, 1)


@scenes({
    "no answer": played(PAGES, fault("commit_then_drop", times=1), is_alone=True),
    "no answer, listed late": played(PAGES, fault("commit_then_drop", times=1), fault("late_listing", polls=2)),
    "silence": played(PAGES, fault("silence", seconds=LONG_SILENCE, match={"role": "submit"}, times=1)),
})  # fmt: skip
def test_a_report_that_may_have_been_made_is_looked_for_in_the_list(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.asked("list")


@scenes({"never listed": played(
    PAGES, fault("commit_then_drop", times=1), fault("late_listing", polls=99, match={"role": "list"}), is_hasty=True
)})  # fmt: skip
def test_a_report_that_does_not_show_up_in_the_list_is_asked_for_again(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("reports", "POST")) == 2


@scenes({
    "kargo": played(PAGES, fault("never_ready"), ready_within="1s"),
    "instal": played(EXPORT, fault("never_ready"), ready_within="1s"),
})  # fmt: skip
def test_a_report_pending_for_ever_fails_at_the_deadline(ending: Ending, scene: str) -> None:
    assert ending.is_failed("not ready within", "pending", published=False)
    assert len(ending.asked("reports") + ending.asked("exports")) == 1


@scenes({
    "by rows without it": played(PAGES, fault("late_listing", polls=3)),
    "by another's row": played(PAGES, fault("late_listing", polls=3), fault("foreign_row")),
    "by a 404": played(PAGES, fault("late_listing", polls=3), fault("status_shape", shape="C")),
})  # fmt: skip
def test_a_report_not_listed_yet_is_waited_for(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("reports")) == 1


@scenes({
    "by rows without it": played(PAGES, fault("late_listing", polls=99), is_hasty=True),
    "by a 404": played(PAGES, fault("late_listing", polls=99), fault("status_shape", shape="C"), is_hasty=True),
})  # fmt: skip
def test_a_report_never_listed_fails_once_the_grace_is_over(ending: Ending, scene: str) -> None:
    assert ending.is_failed("the vendor does not know report", str(ending.receipt["vendor_report_id"]))
    assert len(ending.asked("reports")) == 1


@scenes({
    "at the status": played(PAGES, fault("expired_report", match={"role": "status", "nth": 2})),
    "at its page": played(PAGES, fault("expired_report", times=1, match={"role": "page"})),
    "at its page, as 404": played(PAGES, fault("expired_report", times=1, match={"role": "page"}, code=404)),
    "at its csv's link": played(PAGES, fault("expired_report", times=1, match={"role": "link"}), params=CSV),
    "at its csv": played(PAGES, fault("expired_report", times=1, match={"role": "csv"}), params=CSV),
})  # fmt: skip
def test_an_expired_report_is_asked_for_once_anew(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS, generation=1 if scene == "at the status" else 2)
    assert len(ending.asked("reports", "POST")) == 2


@scenes({
    "at the status": played(PAGES, fault("expired_report", match={"role": "status"})),
    "at its page": played(PAGES, fault("expired_report", match={"role": "page"})),
})  # fmt: skip
def test_a_report_that_expires_twice_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed("twice")
    assert len(ending.asked("reports", "POST")) == 2


@scenes({
    code: played(EXPORT, fault("link_expires", times=1, code=int(code))) for code in ("403", "404", "410")
})  # fmt: skip
def test_an_expired_download_link_is_asked_for_again_without_a_new_export(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("exports")) == 1


@scenes({"403": played(EXPORT, fault("link_expires"))})
def test_a_download_that_stays_dead_is_exported_once_anew_and_then_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed("twice")
    assert len(ending.asked("exports")) == 2


# ---------------------------------------------------------------- links and ends of paging


def three_reports(company: Company) -> None:
    """Kargo's list has three reports, which is three pages where a page has one."""
    for _ in range(3):
        company.ending(*company.ask(PAGES))
    company.vendors.remote.clear()


LISTED = {"params": {}, "rows": 10, "is_alone": True, "before": three_reports, "settings": {"polls_until_ready": 0}}
ONE_A_PAGE = fault("short_page", rows=1)


@scenes({
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
def test_a_next_link_is_followed_on_our_own_host_to_its_end(ending: Ending, scene: str) -> None:
    assert ending.is_done(3)
    assert ending.receipt["pages"] == 3
    assert [one["query"].get("offset") for one in ending.asked("list")] == [None, "1", "2"]


@scenes({
    "to itself": played("kargo.reports", ONE_A_PAGE, fault("next_link", leads="self"), **LISTED),
    "in a circle": played("kargo.reports", ONE_A_PAGE, fault("next_link", leads="circle"), **LISTED),
})  # fmt: skip
def test_a_next_link_seen_before_fails_the_job(ending: Ending, scene: str) -> None:
    assert ending.is_failed("leads")
    assert len(ending.asked("list")) <= 3


@scenes({
    "to itself": played(PAGES, fault("next_link", leads="self"), rows=10_500),
    "in a circle": played(PAGES, fault("next_link", leads="circle", host="other"), rows=10_500),
    "nowhere": played(PAGES, fault("next_link", leads="nowhere"), rows=10_500),
})  # fmt: skip
def test_pages_read_by_offset_do_not_follow_links_at_all(ending: Ending, scene: str) -> None:
    assert_whole(ending, 10_500)
    assert sorted(one["query"]["offset"] for one in ending.asked("completed-reports")) == ["0", "10000"]


@scenes({
    "kargo": played(PAGES, fault("short_page", rows=900)),
    "kargo, no count": played(PAGES, fault("short_page", rows=900), fault("named_total", value=None)),
    "mediamath": played(STREAM, fault("short_page", rows=300), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_a_page_shorter_than_asked_ends_nothing(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "empty": played(PAGES, fault("capped_total"), rows=20_000),
    "refused": played(PAGES, fault("capped_total"), fault("past_end", answer="400"), rows=20_000),
    "short": played(PAGES, fault("capped_total"), rows=21_000),
})  # fmt: skip
def test_a_count_capped_at_10000_is_read_past_until_a_page_is_empty(ending: Ending, scene: str) -> None:
    assert_whole(ending, 21_000 if scene == "short" else 20_000)
    assert (ending.receipt["proof"], ending.receipt["expected_rows"]) == ("end", None)


@scenes({
    "empty": played(PAGES, rows=10_000),
    "refused": played(PAGES, fault("past_end", answer="400"), rows=10_000),
})  # fmt: skip
def test_a_report_of_exactly_10000_rows_ends_at_the_page_past_its_end(ending: Ending, scene: str) -> None:
    assert_whole(ending, 10_000)
    assert sorted(one["query"]["offset"] for one in ending.asked("completed-reports"))[:2] == ["0", "10000"]


@scenes({
    "empty": played(STREAM, fault("named_total", value=-1), rows=2000, params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_full_pages_without_a_count_end_by_the_count_of_pages(ending: Ending, scene: str) -> None:
    assert_whole(ending, 2000)


# ---------------------------------------------------------------- rows


@scenes({"kargo": played(PAGES), "no types": played(STREAM)})
def test_numbers_leave_as_declared_with_every_digit(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "null": played(PAGES, fault("null_column", column="clicks_sum", row=7)),
    "a missing column": played(PAGES, fault("drop_column", column="clicks_sum", row=7)),
    "an extra column": played(PAGES, fault("extra_column", column="media_delivery_sum", value="2281", row=7)),
    "null in a stream": played(STREAM, fault("null_column", column="clicks", row=7)),
    "a missing column in a stream": played(STREAM, fault("drop_column", column="clicks", row=7)),
})  # fmt: skip
def test_null_a_missing_and_an_extra_column_are_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    column = "clicks_sum" if not scene.endswith("stream") else "clicks"
    if "null" in scene:
        assert ending.rows[6][column] is None
    elif "missing" in scene:
        assert column not in ending.rows[6]
        assert column in ending.rows[7]
    else:
        assert ending.rows[6]["media_delivery_sum"] == ("number", "2281")


@scenes({"stream": played(STREAM, fault("extra_column", column="surprise", row=7))})
def test_a_column_the_header_of_a_stream_does_not_name_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed("row 7", "neither a row nor another message")


@scenes({
    "stream": played(STREAM, fault("repeat_row", row=5), fault("wrong_total", by=1)),
    "csv": played(EXPORT, fault("repeat_row", row=5)),
    "rokt": played(SINGLE, fault("repeat_row", row=5)),
})  # fmt: skip
def test_duplicate_rows_are_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS + 1)
    assert ending.rows[4] == ending.rows[5]


@scenes({"kargo": played(PAGES, fault("set_value", column="clicks_sum", text='"n/a"', row=9))})
def test_a_value_that_misses_its_type_is_set_aside_and_counted(ending: Ending, scene: str) -> None:
    assert (ending.state, ending.receipt["rows"], ending.receipt["dead_rows"]) == ("done", ROWS - 1, 1)
    assert ending.receipt["expected_rows"] == ROWS
    assert ending.audit.is_whole
    (dead,) = ending.dead
    assert dead[b"at"] == b"1.1.9"
    assert b"clicks_sum" in dead[b"reason"]


@scenes({"kargo": played(PAGES, fault("set_value", column="clicks_sum", text='"n/a"'))})
def test_more_dead_letters_than_accepted_fail_the_job(ending: Ending, scene: str) -> None:
    assert ending.is_failed("2500 of 2500 rows are dead letters", published=True)


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


@scenes({
    f"{what}: {name}": mark
    for what, named in {
        "JSON": spoilt("invalid_json", "stream", "page", "single answer", row=1700, times=1),
        "UTF-8": spoilt("invalid_utf8", *BROKEN, row=1700, times=1),
        "gzip": spoilt("broken_compression", *BROKEN, after_bytes=2000, times=1),
        "zstd": spoilt("broken_compression", "stream", after_bytes=2000, encoding="zstd", times=1),
    }.items()
    for name, mark in named.items()
})  # fmt: skip
def test_broken_bytes_are_mended_by_a_second_reading(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    f"{what}: {name}": mark
    for what, named in {
        "JSON": spoilt("invalid_json", "stream", "page", "single answer", row=1700),
        "UTF-8": spoilt("invalid_utf8", "stream", "page", "single answer", row=1700),
    }.items()
    for name, mark in named.items()
})  # fmt: skip
def test_bytes_that_stay_broken_fail_naming_page_and_row(ending: Ending, scene: str) -> None:
    assert ending.is_failed("page 1.1", "row 1700", "given up after 3 attempts", published=True)


@scenes({"csv": played(EXPORT, fault("invalid_utf8", row=1700))})
def test_a_csv_that_stays_broken_fails_naming_page_and_line(ending: Ending, scene: str) -> None:
    assert ending.is_failed("page 1.1", "line 1701", "given up after 3 attempts")


@scenes(spoilt("broken_compression", *BROKEN, after_bytes=2000))
def test_packing_that_stays_broken_fails_naming_the_page(ending: Ending, scene: str) -> None:
    assert ending.is_failed("page 1.1", "gzip", "given up after 3 attempts")


@scenes(spoilt("bomb", *BROKEN, megabytes=200))
def test_a_bomb_fails_before_it_is_unpacked(ending: Ending, scene: str) -> None:
    # Behind the rows of a page, and in a line, a long run of blanks is refused before the ratio is.
    assert ending.is_failed("unpack to more than 200 times as many" if scene == "stream" else "than 16 MiB")


@scenes(spoilt("big_row", "stream", "page", "single answer", row=1700, megabytes=100.0))
def test_a_row_of_100_mb_fails_naming_the_row(ending: Ending, scene: str) -> None:
    assert ending.is_failed("row 1700", "larger than 16 MiB")


@scenes(spoilt("big_row", "csv", row=1700, megabytes=20.0))
def test_a_csv_row_beyond_the_bound_fails_naming_the_line(ending: Ending, scene: str) -> None:
    assert ending.is_failed("line 1701")


@scenes(spoilt("deep_row", "stream", "page", "single answer", row=1700, depth=10_000))
def test_nesting_10000_deep_fails_naming_the_row(ending: Ending, scene: str) -> None:
    assert ending.is_failed("row 1700", "nest")


@scenes(spoilt("nan", "stream", "page", "single answer", row=1700))
def test_nan_fails_naming_the_row(ending: Ending, scene: str) -> None:
    assert ending.is_failed("row 1700", "NaN")


@scenes({
    **spoilt("compressed", *BROKEN),
    "zstd": played(STREAM, fault("compressed", encoding="zstd")),
    "deflate": played(SINGLE, fault("compressed", encoding="deflate")),
})  # fmt: skip
def test_packed_bodies_are_unpacked_on_the_way(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


# ---------------------------------------------------------------- csv


@scenes({
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
def test_a_csv_is_read_whatever_its_dialect(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "instal": played(EXPORT, fault("csv_newlines", row=7)),
    "kargo": played(PAGES, fault("csv_newlines", row=7), params=CSV),
})  # fmt: skip
def test_quoted_newlines_are_part_of_the_value(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert next(iter(ending.rows[6].values())).endswith("\nsecond line\r\nthird line")


@scenes({
    f"{name}: {by:+}": played(report, fault("csv_width", row=1700, by=by), params=params)
    for name, report, params in (("instal", EXPORT, None), ("kargo", PAGES, CSV))
    for by in (1, -1)
})  # fmt: skip
def test_a_row_of_another_width_fails_with_its_line(ending: Ending, scene: str) -> None:
    assert ending.is_failed("line 1701", "values for", "columns", published=True)


@scenes({
    "instal": played(EXPORT, fault("csv_delimiter", text="|")),
    "kargo": played(PAGES, fault("csv_delimiter", text="|"), params=CSV),
})  # fmt: skip
def test_a_delimiter_nobody_declared_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed("line 1", published=False)


@scenes({"kargo": played(PAGES, fault("csv_header", present=False), params=CSV)})
def test_a_csv_without_the_header_that_names_its_columns_fails(ending: Ending, scene: str) -> None:
    assert ending.is_failed()


@scenes({
    style: played(EXPORT, fault("csv_numbers", style=style)) for style in ("thousands", "comma", "percent")
})  # fmt: skip
def test_numbers_as_people_write_them_are_no_numbers_and_fail_by_the_dead_letters(ending: Ending, scene: str) -> None:
    assert ending.is_failed("are dead letters", published=True)
    assert json.loads(json.dumps(ending.dead[0][b"reason"].decode()))
