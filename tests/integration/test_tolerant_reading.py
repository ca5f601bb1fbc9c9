"""Where vendors' documents are silent or contradict themselves: every reading they allow ends in the same rows.

Named after what the vendor does; by vendor, in the order of its own documents. What only fails is in
test_vendor_faults.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import expected_rows
from tests.requests import (
    CSV,
    EXPORT,
    HISTOGRAM,
    INSTAL,
    KARGO,
    MEDIAMATH,
    MEDIAMATH_PAGES,
    PAGES,
    PARAMS,
    QUERIED,
    QUERY,
    ROKT,
    SINGLE,
    STREAM,
)
from tests.scenarios.runner import ScenarioRunner, VendorSet
from tests.scenarios.scenario import Outcome, exact, fault, played, scenarios
from worker.errors import BadInput

ROWS = 1500


def kargo(*faults: Any, **how: Any) -> pytest.MarkDecorator:
    return played(PAGES, *faults, **{"rows": ROWS, **how})


def mediamath(*faults: Any, **how: Any) -> pytest.MarkDecorator:
    return played(STREAM, *faults, **{"rows": ROWS, **how})


def rokt(*faults: Any, report: str = SINGLE, **how: Any) -> pytest.MarkDecorator:
    return played(report, *faults, **{"rows": ROWS, **how})


def instal(*faults: Any, **how: Any) -> pytest.MarkDecorator:
    return played(EXPORT, *faults, **{"rows": ROWS, **how})


# ---------------------------------------------------------------- Kargo


@scenarios({
    word.strip(): kargo(fault("status_word", word=word, link="set", from_poll=2))
    for word in ("complete", "completed", "Complete", "COMPLETED", " completed ")
})  # fmt: skip
def test_kargo_says_complete_or_completed_in_any_case(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({shape: kargo(fault("status_shape", shape=shape)) for shape in "ABCD"})
def test_kargo_answers_a_poll_in_four_shapes(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("status")) == 2


@scenarios({"before ours": kargo(fault("foreign_row"))})
def test_kargo_ignores_the_id_and_lists_another_report_first(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"alone": kargo(fault("foreign_row", alone=True), ready_within="1s")})
def test_kargo_lists_another_report_alone_which_is_never_taken_for_ours(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("not ready within", "not listed yet", published=False)


@scenarios({"as in its example": kargo()})
def test_kargo_is_asked_for_the_status_as_its_example_does(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    (first, *_) = outcome.asked("status")
    assert first["query"].keys() == {"show_all", "report_id"}


@scenarios({
    "running, with the link": kargo(fault("ready_by_link")),
    "an unknown word, with the link": kargo(fault("status_word", word="archived", link="set", from_poll=2)),
})  # fmt: skip
def test_kargo_is_ready_by_its_link_alone(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"error": kargo(fault("status_word", word="error", link="set"))})
def test_kargo_sets_a_link_beside_an_error_which_stays_one(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("could not prepare the report", published=False)


PLACES = ("data.links.next", "links.next", "data.link.next", "link.next")


def three_reports(vendors: VendorSet) -> None:
    for _ in range(3):
        vendors.outcome(vendors.ask(PAGES))
    vendors.sandbox.remote.clear()


LISTED = {"params": {}, "rows": 5, "before": three_reports, "settings": {"polls_until_ready": 0}, "is_alone": True}


@scenarios({
    place: played("kargo.reports", fault("short_page", rows=1), fault("next_link", place=place), **LISTED)
    for place in PLACES
})  # fmt: skip
def test_kargo_puts_the_next_link_in_four_places(outcome: Outcome, name: str) -> None:
    outcome.assert_done(3)
    assert outcome.receipt["pages"] == 3


@scenarios({
    f"{end}, {host}": kargo(fault("next_link", end=end, host=host), rows=10_200)
    for end in ("empty", "null", "absent", "null_text")
    for host in ("documented", "other")
    if (host == "other") == (end == "null")
})  # fmt: skip
def test_kargo_ends_its_pages_in_four_ways(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(10_200)
    assert outcome.receipt["pages"] == 2


@scenarios({place: kargo(fault("rows_place", place=place)) for place in ("data.rows", "rows", "data")})
def test_kargo_puts_rows_in_three_places(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"after the rows": kargo(fault("totals_last"))})
def test_kargo_names_totals_and_links_behind_the_rows(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["proof"] == "count"


@scenarios({style: kargo(fault("numbers", style=style)) for style in ("strings", "numbers", "mixed")})
def test_kargo_writes_numbers_as_text_or_as_numbers(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


SPENT = {**KARGO, "measures": ["clicks_sum", "media_spend"]}


@scenarios({style: kargo(fault("numbers", style=style), params=SPENT) for style in ("null", "empty")})
def test_kargo_writes_no_number_as_null_or_empty_text_which_is_null_and_not_0(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert {type(row["media_spend"]) for row in outcome.rows} == {type(None), tuple}


@scenarios({"a name": kargo(fault("set_value", column="campaign_name", text='"0012345678901234567890"'))})
def test_kargo_has_dimensions_of_digits_only_which_stay_text(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert {row["campaign_name"] for row in outcome.rows} == {"0012345678901234567890"}


@scenarios({
    "digits in text": kargo(fault("named_total", value=str(ROWS))),
    "a number": kargo(),
})  # fmt: skip
def test_kargo_counts_rows_as_a_number_or_as_text(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["expected_rows"] == ROWS


@scenarios({
    "pages": kargo(fault("capped_total"), rows=12_000),
    "csv": kargo(fault("capped_total"), rows=12_000, params=CSV),
})  # fmt: skip
def test_kargo_caps_its_count_at_10000_and_has_more_rows(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(12_000)
    assert outcome.receipt["expected_rows"] is None


@scenarios({
    "no links": kargo(fault("next_link", leads="nowhere"), rows=10_200),
    "links only where asked": kargo(fault("bare_links"), rows=10_200),
})  # fmt: skip
def test_kargo_gives_links_only_where_a_limit_was_sent_so_one_always_is(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(10_200)
    assert all({"limit", "offset"} <= one["query"].keys() for one in outcome.asked("completed-reports"))


@scenarios({form: kargo(fault("link_composition", form=form)) for form in ("query", "relative")})
def test_kargo_gives_a_link_that_has_a_query_already_or_is_relative(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "ahead of time": kargo(fault("expires_in", value=1, times=3)),
    "in the middle": kargo(fault("token_expires", after_requests=2, times=1)),
    "every other request": kargo(fault("token_expires", after_requests=1)),
    "no lifetime named": kargo(fault("expires_in", value=None)),
    "a lifetime in text": kargo(fault("expires_in", value="3600")),
    "one token at a time": kargo(fault("one_token"), rows=20_500),
})  # fmt: skip
def test_kargo_ends_a_session_whenever_it_likes(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(20_500 if name.startswith("one token") else ROWS)
    assert outcome.job.attempts == 0


@pytest.mark.parametrize("listed_late", [0, 2])
def test_kargo_makes_a_report_and_drops_the_connection_and_is_not_asked_twice(
    runner: ScenarioRunner, listed_late: int
) -> None:
    with runner.vendors(is_unused=True) as vendors:
        faults = [fault("commit_then_drop", times=1)]
        faults += [fault("late_listing", polls=listed_late)] if listed_late else []
        vendors.prepare(kargo(*faults).args[0])
        job = vendors.ask(PAGES)
        # Asked for by somebody else, at the same time: not ours.
        vendors.ask(PAGES, params={**KARGO, "measures": ["media_delivery_sum"]})
        ended = vendors.outcome(job)
        ended.assert_whole(ROWS)
        ours = [one for one in ended.asked("reports") if "clicks_sum" in one["body"]]
        assert (len(ours), ended.receipt["possible_orphans"]) == (1, 0)


@scenarios({
    "with words": kargo(fault("error_status", text="unknown measure")),
    "without": kargo(fault("error_status")),
})  # fmt: skip
def test_kargo_fails_a_report_with_or_without_a_word_and_is_not_asked_again(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("could not prepare the report (error)", '"status":"error"', published=False)
    assert len(outcome.asked("reports", "POST")) == 1


WRONG = {**KARGO, "measures": ["clics_sum"]}


@scenarios({
    "400": kargo(fault("strict_names"), params=WRONG),
    "200": kargo(fault("strict_names", answer="error_status"), params=WRONG),
})  # fmt: skip
def test_kargo_refuses_a_name_at_once(outcome: Outcome, name: str) -> None:
    outcome.assert_failed(name, "clics_sum", published=False)
    assert len(outcome.asked("reports", "POST")) == 1
    assert outcome.asked("status") == []


@scenarios({
    "empty rows": kargo(fault("late_listing", polls=2)),
    "404": kargo(fault("late_listing", polls=2), fault("status_shape", shape="A")),
})  # fmt: skip
def test_kargo_does_not_list_a_report_right_after_making_it(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "json": kargo(fault("expired_report", times=1, match={"role": "page"})),
    "csv": kargo(fault("expired_report", times=1, match={"role": "link"}), params=CSV),
})  # fmt: skip
def test_kargo_forgets_a_report_which_is_then_asked_for_anew(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS, generation=2)
    assert len(outcome.asked("reports", "POST")) == 2


@scenarios({
    form: kargo(fault("status", code=403, body=form, message="not for you", match={"role": "page"}))
    for form in ("vendor", "html", "text", "empty", "list", "detail")
})  # fmt: skip
def test_kargo_words_an_error_in_any_form(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("403", "(empty)" if name == "empty" else "not for you", published=False)


@scenarios({"extra": kargo(fault("extra_measure"))})
def test_kargo_sends_a_measure_nobody_asked_for_which_is_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert all(row["media_delivery_sum"][0] == "number" for row in outcome.rows)


# ---------------------------------------------------------------- MediaMath


@scenarios({"1000": mediamath(fault("page_bound", rows=1000), params=MEDIAMATH_PAGES)})
def test_mediamath_takes_pages_of_1000_whatever_its_bound(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


EXPLICIT = {
    **{name: value for name, value in MEDIAMATH.items() if name != "time_window"},
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-08T00:00:00Z",
}


@scenarios({
    "a window": mediamath(fault("windows_conflict")),
    "a start": mediamath(fault("windows_conflict"), params=EXPLICIT),
})  # fmt: skip
def test_mediamath_refuses_a_window_beside_a_start_so_one_is_sent(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    (asked,) = outcome.asked("stream")
    assert len({"time_window", "start_time"} & json.loads(asked["body"]).keys()) == 1


@scenarios({
    "either": mediamath(fault("current_date", beside=True), params={**MEDIAMATH, "time_window": "current_day"}),
})  # fmt: skip
def test_mediamath_calls_today_current_day(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"inclusive": mediamath(fault("end_inclusive"), params=EXPLICIT)})
def test_mediamath_may_count_the_end_in_and_every_row_it_sends_is_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert "2026-01-08T00:00:00Z" in {row["agg_timestamp"] for row in outcome.rows}


@scenarios({
    f"{value}, {name}": mediamath(fault("content_type", value=value), params=params)
    for value in ("text/plain", "application/x-ndjson", "application/json", "application/octet-stream")
    for name, params in (("stream", MEDIAMATH), ("page", MEDIAMATH_PAGES))
})  # fmt: skip
def test_mediamath_names_any_content_type(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "stream": mediamath(fault("error_body", code="QueryFailed")),
    "page": mediamath(fault("error_body", code="QueryFailed"), params=MEDIAMATH_PAGES),
    "later page": mediamath(fault("error_body", code="QueryFailed", match={"page": 1}), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_answers_200_with_an_error(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("QueryFailed")


@scenarios({
    "more, stream": mediamath(fault("wrong_total", by=11)),
    "fewer, stream": mediamath(fault("wrong_total", by=-1)),
    "more, pages": mediamath(fault("wrong_total", by=11), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_counts_wrongly_as_in_its_own_sample(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("expected ", f"got {ROWS}", published=True)


@scenarios({"-1": mediamath(fault("named_total", value=-1))})
def test_mediamath_cannot_count_and_ends_cleanly(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.receipt["proof"] == "end"


@scenarios({
    "in a row": mediamath(fault("cut_in_row", row=900, times=1), fault("named_total", value=-1)),
    "between rows": mediamath(fault("cut_after_row", row=900, times=1), fault("named_total", value=-1)),
})  # fmt: skip
def test_mediamath_cannot_count_and_cuts_the_stream_which_is_resumed(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    where: mediamath(fault("metadata_lines", where=where))
    for where in ("before_header", "between", "after_last", "everywhere")
})  # fmt: skip
def test_mediamath_sends_metadata_at_any_time(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"a row put in front": mediamath(fault("drifting_total", by=1, shifts=True), params=MEDIAMATH_PAGES)})
def test_mediamath_changes_its_count_between_pages_and_never_ends_in_a_mixture(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("does not hold still")


@scenarios({
    "no pages at all": mediamath(rows=0, params=MEDIAMATH_PAGES),
    "exactly one": mediamath(rows=1000, params=MEDIAMATH_PAGES),
    "exactly two": mediamath(fault("past_end", answer="400"), rows=2000, params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_has_as_many_pages_as_it_says_even_none(outcome: Outcome, name: str) -> None:
    rows = {"no pages at all": 0, "exactly one": 1000, "exactly two": 2000}[name]
    outcome.assert_whole(rows)
    assert len(outcome.asked("page")) == max(1, rows // 1000)


@scenarios({
    "another order of keys": mediamath(fault("agg_timestamp_first")),
    "an absent key": mediamath(fault("drop_column", column="clicks")),
    "null": mediamath(fault("null_column", column="clicks")),
})  # fmt: skip
def test_mediamath_orders_keys_as_it_likes_and_leaves_nulls_out_or_in(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    if name.startswith("another"):
        assert next(iter(outcome.rows[0])) == "agg_timestamp"
    else:
        assert [row.get("clicks", "-") for row in outcome.rows] == ([None] * ROWS if name == "null" else ["-"] * ROWS)


@scenarios({
    "in a stream": mediamath(fault("error_line", after_rows=700, partial=True, code="Gone")),
    "alone": mediamath(fault("error_body", partial=True, code="Gone")),
    "in a page's place": mediamath(fault("error_body", partial=True, code="Gone"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_sends_an_error_with_nothing_but_its_code(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("Gone")


@scenarios({
    "stream": mediamath(fault("numbers", style="long")),
    "pages": mediamath(fault("numbers", style="long"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_sends_decimals_longer_than_a_double_which_keep_every_digit(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    served = [exact(row) for row in expected_rows(STREAM, outcome.job.params, ROWS, style="long")]
    assert outcome.rows == served
    assert max(len(row["total_spend"][1]) for row in served) > 17


@scenarios({
    f"{code} {body}": mediamath(fault("status", code=code, body=body, retry_after=1.0, times=2))
    for code in (429, 503)
    for body in ("gateway", "html")
})  # fmt: skip
def test_mediamath_asks_to_come_back_in_json_or_html(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.job.attempts == 0


WEEKLY = {**EXPLICIT, "rollup": "by_week"}


@scenarios({day: mediamath(fault("week_start", day=day), params=WEEKLY) for day in ("monday", "sunday")})
def test_mediamath_begins_weeks_on_any_day_and_the_stamps_are_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    first = {"monday": "2025-12-29", "sunday": "2025-12-28"}[name]
    assert min(row["agg_timestamp"] for row in outcome.rows)[:10] == first


@scenarios({
    "a page": mediamath(fault("token_expires", after_requests=1, times=1), params=MEDIAMATH_PAGES),
    "a stream": mediamath(fault("status", code=401, times=1, match={"role": "stream"})),
})  # fmt: skip
def test_mediamath_ends_a_token_in_the_middle_and_the_same_page_is_asked_again(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("token")) == 2


@scenarios({
    "a line of 8 MB": mediamath(fault("big_row", row=700, megabytes=8.0)),
    "no newline at the end": mediamath(fault("no_final_newline")),
    "several rows a line": mediamath(fault("crowded_lines", per_line=7)),
    "rows over several lines": mediamath(fault("pretty_rows")),
    "blank lines": mediamath(fault("blank_lines", every=3)),
    "escapes": mediamath(fault("escaped_text")),
})  # fmt: skip
def test_mediamath_sends_rows_in_lines_of_any_form(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    if "8 MB" not in name:
        outcome.assert_whole(ROWS)
    else:
        assert max(map(len, outcome.raw)) > 8_000_000


MOST = {**MEDIAMATH, "max_results": 300}


@scenarios({"capped": mediamath(params=MOST), "uncapped": mediamath(fault("uncapped_total"), params=MOST)})
def test_mediamath_counts_with_or_without_the_most_rows_asked_for(outcome: Outcome, name: str) -> None:
    outcome.assert_done(300)
    assert outcome.receipt["proof"] == "count"


@scenarios({
    "no header": mediamath(fault("no_header")),
    "a second header": mediamath(fault("second_header", row=700)),
})  # fmt: skip
def test_mediamath_sends_no_header_or_two_which_is_no_stream(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("row 1" if name == "no header" else "row 700")


# ---------------------------------------------------------------- Rokt


@scenarios({"strictly": rokt()})
def test_rokt_is_asked_for_a_token_by_client_credentials(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    (asked,) = outcome.asked("token")
    assert asked["body"] == "grant_type=client_credentials"
    assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"


@scenarios({shape: rokt(fault("envelope", shape=shape)) for shape in ("data.items", "items", "data", "bare")})
def test_rokt_wraps_a_list_in_four_ways(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"first row": rokt(fault("envelope", shape="first_row"))})
def test_rokt_prints_a_list_as_its_one_row(outcome: Outcome, name: str) -> None:
    outcome.assert_done(1)


@scenarios({
    shape: rokt(fault("envelope", shape=shape), report="rokt.campaign-overview", params=ROKT)
    for shape in ("data.items", "data", "bare")
})  # fmt: skip
def test_rokt_wraps_one_row_or_does_not(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(1)


@scenarios({"commas": rokt(fault("comma_joined"), report=HISTOGRAM)})
def test_rokt_joins_a_histogram_by_commas_which_is_no_json(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(31)


ACCOUNT = {name: value for name, value in ROKT.items() if name != "campaignId"}


@scenarios({
    name: rokt(fault("audiences", name=name), report="rokt.account-campaigns-breakdown", params=ACCOUNT)
    for name in ("Audiences", "audiences")
})  # fmt: skip
def test_rokt_spells_audiences_either_way(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert {row[name][0] for row in outcome.rows} == {"number"}


@scenarios({"groupby": rokt(params={**ROKT, "groupby": "country"})})
def test_rokt_is_asked_for_groups_in_lower_case(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert outcome.asked("campaign-breakdown")[0]["query"]["groupby"] == "country"


@scenarios({
    "a date": rokt(),
    "a moment": rokt(params={**ROKT, "dateEnd": "2026-01-31T23:59:59.000"}),
})  # fmt: skip
def test_rokt_gets_whole_days_in_its_documented_form(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    asked = outcome.asked("campaign-breakdown")[0]["query"]
    assert (asked["dateStart"], asked["dateEnd"]) == ("2026-01-01T00:00:00.000", "2026-01-31T23:59:59.000")


@scenarios({"any zone": rokt(params={**ROKT, "timeZoneVariation": "Europe/Berlin"})})
def test_rokt_takes_any_time_zone(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"strict": rokt(fault("strict_zones"), params={**ROKT, "timeZoneVariation": "Europe/Berlin"})})
def test_rokt_takes_three_time_zones_only_and_says_so(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("400", "Europe/Berlin", published=False)


@scenarios({style: rokt(fault("numbers", style=style)) for style in ("strings", "numbers", "mixed")})
def test_rokt_writes_numbers_as_text_or_as_numbers(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"null": rokt(fault("numbers", style="null")), "empty": rokt(fault("numbers", style="empty"))})
def test_rokt_has_null_metrics_which_are_not_0(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    values = [row["grossCost"] for row in outcome.rows]
    assert None in values
    assert "" not in values


@scenarios({
    "legacy": rokt(fault("numbers", style="unquoted")),
    "query": rokt(fault("numbers", style="unquoted"), report=QUERIED),
})  # fmt: skip
def test_rokt_sends_ids_of_19_digits_without_quotes(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    column = "groupByValue" if name == "legacy" else "campaign_id"
    assert all(isinstance(row[column], str) and len(row[column]) > 16 for row in outcome.rows)


@scenarios({
    str(code): rokt(fault("status", code=code, times=1, match={"role": "single"})) for code in (401, 403)
})  # fmt: skip
def test_rokt_refuses_a_token_with_401_or_403(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("token")) == 2


@scenarios({str(code): rokt(fault("status", code=code, match={"role": "token"})) for code in (400, 401, 403)})
def test_rokt_refuses_the_credentials_with_400_401_or_403(outcome: Outcome, name: str) -> None:
    outcome.assert_failed(name, "check ", published=False)
    assert outcome.asked("campaign-breakdown") == []


@pytest.mark.parametrize("restate", ["values", "order"])
def test_rokt_restates_its_days_which_a_later_job_reads_anew(runner: ScenarioRunner, restate: str) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(rokt().args[0])
        first = vendors.outcome(vendors.ask(SINGLE))
        vendors.sandbox.remote.set(revision=2, restate=restate)
        second = vendors.outcome(vendors.ask(SINGLE))
        first.assert_whole(ROWS)
        second.assert_whole(ROWS, revision=2, restate=restate)
        assert first.receipt["digest"] != second.receipt["digest"]
        assert first.receipt["ready_at"] < second.receipt["ready_at"]


@scenarios({
    f"{text}, {name}": rokt(fault("blank_rows", text=text), report=report)
    for text in ("[]", "{}")
    for name, report in (("legacy", SINGLE), ("query", QUERIED))
})  # fmt: skip
def test_rokt_sends_empty_rows_which_are_none(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "no data": rokt(fault("no_rows_key"), report=QUERIED),
    "no rows": rokt(report=QUERIED, rows=0),
})  # fmt: skip
def test_rokt_leaves_data_out_where_there_is_none(outcome: Outcome, name: str) -> None:
    outcome.assert_done(0)


@scenarios({"legacy": rokt(fault("null_group")), "query": rokt(fault("null_group"), report=QUERIED)})
def test_rokt_has_a_group_that_is_null_which_is_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS)
    assert outcome.rows[0]["groupByValue" if name == "legacy" else "campaign_id"] is None


@scenarios({"410": rokt(fault("status", code=410, message="this API was retired"))})
def test_rokt_retires_the_legacy_api(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("410", "this API was retired", published=False)
    assert len(outcome.asked("campaign-breakdown")) == 1


@scenarios({"query": rokt(report=QUERIED), "legacy": rokt()})
def test_rokt_has_two_apis_behind_one_token(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({"a round number": rokt(fault("round_cap", rows=1000))})
def test_rokt_may_cap_an_answer_without_a_word_so_the_receipt_claims_no_count(outcome: Outcome, name: str) -> None:
    outcome.assert_done(1000)
    assert (outcome.receipt["proof"], outcome.receipt["expected_rows"]) == ("end", None)


@scenarios({
    "with Retry-After": rokt(fault("status", code=429, retry_after=1.0, times=2)),
    "as a date": rokt(fault("status", code=429, retry_after=2.0, retry_after_form="date", times=1)),
    "without": rokt(fault("status", code=429, times=2)),
})  # fmt: skip
def test_rokt_limits_requests(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("campaign-breakdown")) == (2 if name == "as a date" else 3)


TRANSACTIONS = {**QUERY, "metrics": ["transactions"], "dimensions": ["page_type"]}


@scenarios({
    f"{name}, {answer}": rokt(fault("slash", answer=answer), report=report, params=params)
    for name, report, params in (
        ("campaigns", QUERIED, QUERY),
        ("transactions", "rokt.query-transactions", TRANSACTIONS),
    )
    for answer in ("301", "404")
})  # fmt: skip
def test_rokt_wants_slashes_exactly_as_documented(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    (asked,) = [one for one in outcome.heard if one["endpoint"].startswith("query-")]
    assert asked["path"].endswith("/campaigns/" if name.startswith("campaigns") else "/transactions")
    assert asked["method"] == "POST"


@scenarios({
    form: rokt(fault("status", code=400, body=form, message="no such account"), report=QUERIED)
    for form in ("message", "error", "detail", "errors", "text", "list")
})  # fmt: skip
def test_rokt_words_an_error_in_six_forms(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("400", "no such account", published=False)


@scenarios({
    "in the future": rokt(
        fault("future_refused"), report=QUERIED, params={**QUERY, "endDate": "2027-01-01"},
    ),
})  # fmt: skip
def test_rokt_refuses_an_end_in_the_future(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("400", "endDate cannot be in the future", published=False)


# ---------------------------------------------------------------- Instal


@scenarios({answer: instal(fault("task_slash", answer=answer)) for answer in ("301", "404")})
def test_instal_wants_a_slash_behind_the_task(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert any(one["path"].endswith("/") for one in outcome.asked("task"))


@scenarios({"for ever": instal(fault("never_ready"), ready_within="1s")})
def test_instal_is_pending_for_ever_for_a_task_it_does_not_know(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("not ready within", "pending", published=False)


@scenarios({
    state: instal(fault("task_state", state=state, polls=2))
    for state in ("QUEUED", "PENDING", "STARTED", "RETRY", "RECEIVED", "pending", "Progress")
})  # fmt: skip
def test_instal_uses_any_of_its_task_queues_words_for_waiting(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({state: instal(fault("task_state", state=state)) for state in ("FAILURE", "REVOKED", "ERROR", "failure")})
def test_instal_uses_any_of_its_task_queues_words_for_failed(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("could not prepare the report", name.lower(), published=False)


@scenarios({"for a moment": instal(fault("null_result", polls=2))})
def test_instal_says_success_before_there_is_a_link(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({form: instal(fault("download_link", form=form)) for form in ("own", "relative", "storage")})
def test_instal_links_to_itself_or_to_storage_and_only_itself_sees_the_token(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    (got,) = outcome.asked("storage" if name == "storage" else "download")
    assert ("authorization" in got["headers"]) == (name != "storage")


@scenarios({"accepting": instal(fault("storage_accepts_token"))})
def test_instal_would_take_the_token_at_storage_and_does_not_get_it(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert all("authorization" not in one["headers"] for one in outcome.asked("storage"))


@scenarios({
    f"{'asked' if asked else 'not asked'}, {'there' if there else 'not there'}": instal(
        fault("csv_header", present=there), params={**INSTAL, "csv_headers": asked}
    )
    for asked in (True, False)
    for there in (True, False)
})  # fmt: skip
def test_instal_has_a_header_or_none_whatever_was_asked(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "comma": instal(),
    "semicolon": instal(fault("csv_delimiter", text=";")),
    "tab": instal(fault("csv_delimiter", text="\t")),
    "byte order mark": instal(fault("csv_bom")),
    "semicolon and mark": instal(fault("csv_bom"), fault("csv_delimiter", text=";")),
    "no header, tab": instal(fault("csv_header", present=False), fault("csv_delimiter", text="\t")),
})  # fmt: skip
def test_instal_separates_values_by_what_it_likes(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({
    "a header only": instal(fault("csv_empty", header=True)),
    "nothing at all": instal(fault("csv_empty", header=False)),
})  # fmt: skip
def test_instal_exports_nothing(outcome: Outcome, name: str) -> None:
    outcome.assert_done(0)


@scenarios({
    "in a row": instal(fault("cut_in_row", row=900, times=1)),
    "between rows": instal(fault("cut_after_row", row=900, times=1)),
    "shorter than it says": instal(fault("wrong_length", by=100, times=1, match={"role": "csv"})),
})  # fmt: skip
def test_instal_cuts_its_file(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)


@scenarios({str(code): instal(fault("link_expires", code=code, times=1)) for code in (403, 404, 410)})
def test_instal_ends_the_life_of_a_link_and_gives_another(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert len(outcome.asked("exports")) == 1
    assert len(outcome.asked("storage")) == 2


@scenarios({
    "without an id": instal(fault("create_error")),
    "with an id": instal(fault("create_error", with_id=True)),
    "with 400": instal(fault("create_error", code=400)),
})  # fmt: skip
def test_instal_refuses_an_export_with_or_without_an_id(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("ERROR", published=False)
    assert (len(outcome.asked("exports")), len(outcome.asked("task"))) == (1, 0)


@scenarios({"some": instal(fault("repeat_row", row=5)), "all": instal(fault("repeat_row"))})
def test_instal_repeats_rows_which_are_kept(outcome: Outcome, name: str) -> None:
    outcome.assert_done(ROWS + 1 if name == "some" else ROWS * 2)


@scenarios({style: instal(fault("csv_numbers", style=style)) for style in ("thousands", "comma", "percent")})
def test_instal_writes_numbers_as_people_do_which_are_never_guessed(outcome: Outcome, name: str) -> None:
    outcome.assert_failed("are dead letters", published=True)


@scenarios({"as text": instal()})
def test_instal_has_versions_and_names_that_only_look_like_numbers(outcome: Outcome, name: str) -> None:
    outcome.assert_whole(ROWS)
    assert {type(row["version_os"]) for row in outcome.rows} == {str}
    assert {type(row["creative_id"]) for row in outcome.rows} == {str}


@pytest.mark.parametrize(
    ("report", "wrong", "where"),
    [
        (STREAM, {"page_size": 1001}, "page_size"),
        (STREAM, {"start_time": "2026-01-01"}, "params"),
        (STREAM, {"time_window": "current_date"}, "time_window"),
        (SINGLE, {"currency": "usd"}, "currency"),
        (QUERIED, {"orderBys": [{"column": "datetime"}]}, "orderBys"),
        (EXPORT, {"sorting": "campaign_id"}, "sorting"),
    ],
)
def test_what_every_reading_of_the_documents_refuses_is_never_sent(
    runner: ScenarioRunner, report: str, wrong: dict[str, Any], where: str
) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(played(report).args[0])
        with pytest.raises(BadInput) as refused:
            vendors.ask(report, params={**PARAMS[report], **wrong})
        assert where in refused.value.where
        assert vendors.sandbox.remote.requests() == []
