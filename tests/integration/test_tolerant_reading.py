"""Where vendors' documents are silent or contradict themselves: every reading they allow ends in the same rows.

Named after what the vendor does; by vendor, in the order of its own documents. What only fails is in
test_vendor_faults.py.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import expected_rows
from tests.stack import KARGO, MEDIAMATH
from tests.stage import (
    CSV,
    EXPORT,
    HISTOGRAM,
    INSTAL,
    MEDIAMATH_PAGES,
    PAGES,
    PARAMS,
    QUERIED,
    QUERY,
    ROKT,
    SINGLE,
    STREAM,
    Company,
    Ending,
    Stage,
    assert_whole,
    exact,
    fault,
    played,
    scenes,
)
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


@scenes({
    word.strip(): kargo(fault("status_word", word=word, link="set", from_poll=2))
    for word in ("complete", "completed", "Complete", "COMPLETED", " completed ")
})  # fmt: skip
def test_kargo_says_complete_or_completed_in_any_case(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({shape: kargo(fault("status_shape", shape=shape)) for shape in "ABCD"})
def test_kargo_answers_a_poll_in_four_shapes(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("status")) == 2


@scenes({"before ours": kargo(fault("foreign_row"))})
def test_kargo_ignores_the_id_and_lists_another_report_first(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"alone": kargo(fault("foreign_row", alone=True), ready_within="1s")})
def test_kargo_lists_another_report_alone_which_is_never_taken_for_ours(ending: Ending, scene: str) -> None:
    assert ending.is_failed("not ready within", "not listed yet", published=False)


@scenes({"as in its example": kargo()})
def test_kargo_is_asked_for_the_status_as_its_example_does(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    (first, *_) = ending.asked("status")
    assert first["query"].keys() == {"show_all", "report_id"}


@scenes({
    "running, with the link": kargo(fault("ready_by_link")),
    "an unknown word, with the link": kargo(fault("status_word", word="archived", link="set", from_poll=2)),
})  # fmt: skip
def test_kargo_is_ready_by_its_link_alone(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"error": kargo(fault("status_word", word="error", link="set"))})
def test_kargo_sets_a_link_beside_an_error_which_stays_one(ending: Ending, scene: str) -> None:
    assert ending.is_failed("could not prepare the report", published=False)


PLACES = ("data.links.next", "links.next", "data.link.next", "link.next")


def three_reports(company: Company) -> None:
    for _ in range(3):
        company.ending(*company.ask(PAGES))
    company.vendors.remote.clear()


LISTED = {"params": {}, "rows": 5, "before": three_reports, "settings": {"polls_until_ready": 0}, "is_alone": True}


@scenes({
    place: played("kargo.reports", fault("short_page", rows=1), fault("next_link", place=place), **LISTED)
    for place in PLACES
})  # fmt: skip
def test_kargo_puts_the_next_link_in_four_places(ending: Ending, scene: str) -> None:
    assert ending.is_done(3)
    assert ending.receipt["pages"] == 3


@scenes({
    f"{end}, {host}": kargo(fault("next_link", end=end, host=host), rows=10_200)
    for end in ("empty", "null", "absent", "null_text")
    for host in ("documented", "other")
    if (host == "other") == (end == "null")
})  # fmt: skip
def test_kargo_ends_its_pages_in_four_ways(ending: Ending, scene: str) -> None:
    assert_whole(ending, 10_200)
    assert ending.receipt["pages"] == 2


@scenes({place: kargo(fault("rows_place", place=place)) for place in ("data.rows", "rows", "data")})
def test_kargo_puts_rows_in_three_places(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"after the rows": kargo(fault("totals_last"))})
def test_kargo_names_totals_and_links_behind_the_rows(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["proof"] == "count"


@scenes({style: kargo(fault("numbers", style=style)) for style in ("strings", "numbers", "mixed")})
def test_kargo_writes_numbers_as_text_or_as_numbers(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


SPENT = {**KARGO, "measures": ["clicks_sum", "media_spend"]}


@scenes({style: kargo(fault("numbers", style=style), params=SPENT) for style in ("null", "empty")})
def test_kargo_writes_no_number_as_null_or_empty_text_which_is_null_and_not_0(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert {type(row["media_spend"]) for row in ending.rows} == {type(None), tuple}


@scenes({"a name": kargo(fault("set_value", column="campaign_name", text='"0012345678901234567890"'))})
def test_kargo_has_dimensions_of_digits_only_which_stay_text(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert {row["campaign_name"] for row in ending.rows} == {"0012345678901234567890"}


@scenes({
    "digits in text": kargo(fault("named_total", value=str(ROWS))),
    "a number": kargo(),
})  # fmt: skip
def test_kargo_counts_rows_as_a_number_or_as_text(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["expected_rows"] == ROWS


@scenes({
    "pages": kargo(fault("capped_total"), rows=12_000),
    "csv": kargo(fault("capped_total"), rows=12_000, params=CSV),
})  # fmt: skip
def test_kargo_caps_its_count_at_10000_and_has_more_rows(ending: Ending, scene: str) -> None:
    assert_whole(ending, 12_000)
    assert ending.receipt["expected_rows"] is None


@scenes({
    "no links": kargo(fault("next_link", leads="nowhere"), rows=10_200),
    "links only where asked": kargo(fault("bare_links"), rows=10_200),
})  # fmt: skip
def test_kargo_gives_links_only_where_a_limit_was_sent_so_one_always_is(ending: Ending, scene: str) -> None:
    assert_whole(ending, 10_200)
    assert all({"limit", "offset"} <= one["query"].keys() for one in ending.asked("completed-reports"))


@scenes({form: kargo(fault("link_composition", form=form)) for form in ("query", "relative")})
def test_kargo_gives_a_link_that_has_a_query_already_or_is_relative(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "ahead of time": kargo(fault("expires_in", value=1, times=3)),
    "in the middle": kargo(fault("token_expires", after_requests=2, times=1)),
    "every other request": kargo(fault("token_expires", after_requests=1)),
    "no lifetime named": kargo(fault("expires_in", value=None)),
    "a lifetime in text": kargo(fault("expires_in", value="3600")),
    "one token at a time": kargo(fault("one_token"), rows=20_500),
})  # fmt: skip
def test_kargo_ends_a_session_whenever_it_likes(ending: Ending, scene: str) -> None:
    assert_whole(ending, 20_500 if scene.startswith("one token") else ROWS)
    assert ending.job.attempts == 0


@pytest.mark.parametrize("listed_late", [0, 2])
def test_kargo_makes_a_report_and_drops_the_connection_and_is_not_asked_twice(stage: Stage, listed_late: int) -> None:
    with stage.borrowed(is_unused=True) as company:
        faults = [fault("commit_then_drop", times=1)]
        faults += [fault("late_listing", polls=listed_late)] if listed_late else []
        company.begin(kargo(*faults).args[0])
        job, sink = company.ask(PAGES)
        # Asked for by somebody else, at the same time: not ours.
        company.ask(PAGES, params={**KARGO, "measures": ["media_delivery_sum"]})
        ended = company.ending(job, sink)
        assert_whole(ended, ROWS)
        ours = [one for one in ended.asked("reports") if "clicks_sum" in one["body"]]
        assert (len(ours), ended.receipt["possible_orphans"]) == (1, 0)


@scenes({
    "with words": kargo(fault("error_status", text="unknown measure")),
    "without": kargo(fault("error_status")),
})  # fmt: skip
def test_kargo_fails_a_report_with_or_without_a_word_and_is_not_asked_again(ending: Ending, scene: str) -> None:
    assert ending.is_failed("could not prepare the report (error)", '"status":"error"', published=False)
    assert len(ending.asked("reports", "POST")) == 1


WRONG = {**KARGO, "measures": ["clics_sum"]}


@scenes({
    "400": kargo(fault("strict_names"), params=WRONG),
    "200": kargo(fault("strict_names", answer="error_status"), params=WRONG),
})  # fmt: skip
def test_kargo_refuses_a_name_at_once(ending: Ending, scene: str) -> None:
    assert ending.is_failed(scene, "clics_sum", published=False)
    assert len(ending.asked("reports", "POST")) == 1
    assert ending.asked("status") == []


@scenes({
    "empty rows": kargo(fault("late_listing", polls=2)),
    "404": kargo(fault("late_listing", polls=2), fault("status_shape", shape="A")),
})  # fmt: skip
def test_kargo_does_not_list_a_report_right_after_making_it(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "json": kargo(fault("expired_report", times=1, match={"role": "page"})),
    "csv": kargo(fault("expired_report", times=1, match={"role": "link"}), params=CSV),
})  # fmt: skip
def test_kargo_forgets_a_report_which_is_then_asked_for_anew(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS, generation=2)
    assert len(ending.asked("reports", "POST")) == 2


@scenes({
    form: kargo(fault("status", code=403, body=form, message="not for you", match={"role": "page"}))
    for form in ("vendor", "html", "text", "empty", "list", "detail")
})  # fmt: skip
def test_kargo_words_an_error_in_any_form(ending: Ending, scene: str) -> None:
    assert ending.is_failed("403", "(empty)" if scene == "empty" else "not for you", published=False)


@scenes({"extra": kargo(fault("extra_measure"))})
def test_kargo_sends_a_measure_nobody_asked_for_which_is_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert all(row["media_delivery_sum"][0] == "number" for row in ending.rows)


# ---------------------------------------------------------------- MediaMath


@scenes({"1000": mediamath(fault("page_bound", rows=1000), params=MEDIAMATH_PAGES)})
def test_mediamath_takes_pages_of_1000_whatever_its_bound(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


EXPLICIT = {
    **{name: value for name, value in MEDIAMATH.items() if name != "time_window"},
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-08T00:00:00Z",
}


@scenes({
    "a window": mediamath(fault("windows_conflict")),
    "a start": mediamath(fault("windows_conflict"), params=EXPLICIT),
})  # fmt: skip
def test_mediamath_refuses_a_window_beside_a_start_so_one_is_sent(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    (asked,) = ending.asked("stream")
    assert len({"time_window", "start_time"} & json.loads(asked["body"]).keys()) == 1


@scenes({
    "either": mediamath(fault("current_date", beside=True), params={**MEDIAMATH, "time_window": "current_day"}),
})  # fmt: skip
def test_mediamath_calls_today_current_day(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"inclusive": mediamath(fault("end_inclusive"), params=EXPLICIT)})
def test_mediamath_may_count_the_end_in_and_every_row_it_sends_is_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert "2026-01-08T00:00:00Z" in {row["agg_timestamp"] for row in ending.rows}


@scenes({
    f"{value}, {name}": mediamath(fault("content_type", value=value), params=params)
    for value in ("text/plain", "application/x-ndjson", "application/json", "application/octet-stream")
    for name, params in (("stream", MEDIAMATH), ("page", MEDIAMATH_PAGES))
})  # fmt: skip
def test_mediamath_names_any_content_type(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "stream": mediamath(fault("error_body", code="QueryFailed")),
    "page": mediamath(fault("error_body", code="QueryFailed"), params=MEDIAMATH_PAGES),
    "later page": mediamath(fault("error_body", code="QueryFailed", match={"page": 1}), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_answers_200_with_an_error(ending: Ending, scene: str) -> None:
    assert ending.is_failed("QueryFailed")


@scenes({
    "more, stream": mediamath(fault("wrong_total", by=11)),
    "fewer, stream": mediamath(fault("wrong_total", by=-1)),
    "more, pages": mediamath(fault("wrong_total", by=11), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_counts_wrongly_as_in_its_own_sample(ending: Ending, scene: str) -> None:
    assert ending.is_failed("expected ", f"got {ROWS}", published=True)


@scenes({"-1": mediamath(fault("named_total", value=-1))})
def test_mediamath_cannot_count_and_ends_cleanly(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.receipt["proof"] == "end"


@scenes({
    "in a row": mediamath(fault("cut_in_row", row=900, times=1), fault("named_total", value=-1)),
    "between rows": mediamath(fault("cut_after_row", row=900, times=1), fault("named_total", value=-1)),
})  # fmt: skip
def test_mediamath_cannot_count_and_cuts_the_stream_which_is_resumed(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    where: mediamath(fault("metadata_lines", where=where))
    for where in ("before_header", "between", "after_last", "everywhere")
})  # fmt: skip
def test_mediamath_sends_metadata_at_any_time(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"a row put in front": mediamath(fault("drifting_total", by=1, shifts=True), params=MEDIAMATH_PAGES)})
def test_mediamath_changes_its_count_between_pages_and_never_ends_in_a_mixture(ending: Ending, scene: str) -> None:
    assert ending.is_failed("does not hold still")


@scenes({
    "no pages at all": mediamath(rows=0, params=MEDIAMATH_PAGES),
    "exactly one": mediamath(rows=1000, params=MEDIAMATH_PAGES),
    "exactly two": mediamath(fault("past_end", answer="400"), rows=2000, params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_has_as_many_pages_as_it_says_even_none(ending: Ending, scene: str) -> None:
    rows = {"no pages at all": 0, "exactly one": 1000, "exactly two": 2000}[scene]
    assert_whole(ending, rows)
    assert len(ending.asked("page")) == max(1, rows // 1000)


@scenes({
    "another order of keys": mediamath(fault("agg_timestamp_first")),
    "an absent key": mediamath(fault("drop_column", column="clicks")),
    "null": mediamath(fault("null_column", column="clicks")),
})  # fmt: skip
def test_mediamath_orders_keys_as_it_likes_and_leaves_nulls_out_or_in(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    if scene.startswith("another"):
        assert next(iter(ending.rows[0])) == "agg_timestamp"
    else:
        assert [row.get("clicks", "-") for row in ending.rows] == ([None] * ROWS if scene == "null" else ["-"] * ROWS)


@scenes({
    "in a stream": mediamath(fault("error_line", after_rows=700, partial=True, code="Gone")),
    "alone": mediamath(fault("error_body", partial=True, code="Gone")),
    "in a page's place": mediamath(fault("error_body", partial=True, code="Gone"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_sends_an_error_with_nothing_but_its_code(ending: Ending, scene: str) -> None:
    assert ending.is_failed("Gone")


@scenes({
    "stream": mediamath(fault("numbers", style="long")),
    "pages": mediamath(fault("numbers", style="long"), params=MEDIAMATH_PAGES),
})  # fmt: skip
def test_mediamath_sends_decimals_longer_than_a_double_which_keep_every_digit(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    served = [exact(row) for row in expected_rows(STREAM, ending.job.params, ROWS, style="long")]
    assert ending.rows == served
    assert max(len(row["total_spend"][1]) for row in served) > 17


@scenes({
    f"{code} {body}": mediamath(fault("status", code=code, body=body, retry_after=1.0, times=2))
    for code in (429, 503)
    for body in ("gateway", "html")
})  # fmt: skip
def test_mediamath_asks_to_come_back_in_json_or_html(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.job.attempts == 0


WEEKLY = {**EXPLICIT, "rollup": "by_week"}


@scenes({day: mediamath(fault("week_start", day=day), params=WEEKLY) for day in ("monday", "sunday")})
def test_mediamath_begins_weeks_on_any_day_and_the_stamps_are_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    first = {"monday": "2025-12-29", "sunday": "2025-12-28"}[scene]
    assert min(row["agg_timestamp"] for row in ending.rows)[:10] == first


@scenes({
    "a page": mediamath(fault("token_expires", after_requests=1, times=1), params=MEDIAMATH_PAGES),
    "a stream": mediamath(fault("status", code=401, times=1, match={"role": "stream"})),
})  # fmt: skip
def test_mediamath_ends_a_token_in_the_middle_and_the_same_page_is_asked_again(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("token")) == 2


@scenes({
    "a line of 8 MB": mediamath(fault("big_row", row=700, megabytes=8.0)),
    "no newline at the end": mediamath(fault("no_final_newline")),
    "several rows a line": mediamath(fault("crowded_lines", per_line=7)),
    "rows over several lines": mediamath(fault("pretty_rows")),
    "blank lines": mediamath(fault("blank_lines", every=3)),
    "escapes": mediamath(fault("escaped_text")),
})  # fmt: skip
def test_mediamath_sends_rows_in_lines_of_any_form(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    if "8 MB" not in scene:
        assert_whole(ending, ROWS)
    else:
        assert max(map(len, ending.raw)) > 8_000_000


MOST = {**MEDIAMATH, "max_results": 300}


@scenes({"capped": mediamath(params=MOST), "uncapped": mediamath(fault("uncapped_total"), params=MOST)})
def test_mediamath_counts_with_or_without_the_most_rows_asked_for(ending: Ending, scene: str) -> None:
    assert ending.is_done(300)
    assert ending.receipt["proof"] == "count"


@scenes({
    "no header": mediamath(fault("no_header")),
    "a second header": mediamath(fault("second_header", row=700)),
})  # fmt: skip
def test_mediamath_sends_no_header_or_two_which_is_no_stream(ending: Ending, scene: str) -> None:
    assert ending.is_failed("row 1" if scene == "no header" else "row 700")


# ---------------------------------------------------------------- Rokt


@scenes({"strictly": rokt()})
def test_rokt_is_asked_for_a_token_by_client_credentials(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    (asked,) = ending.asked("token")
    assert asked["body"] == "grant_type=client_credentials"
    assert asked["headers"]["content-type"] == "application/x-www-form-urlencoded"


@scenes({shape: rokt(fault("envelope", shape=shape)) for shape in ("data.items", "items", "data", "bare")})
def test_rokt_wraps_a_list_in_four_ways(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"first row": rokt(fault("envelope", shape="first_row"))})
def test_rokt_prints_a_list_as_its_one_row(ending: Ending, scene: str) -> None:
    assert ending.is_done(1)


@scenes({
    shape: rokt(fault("envelope", shape=shape), report="rokt.campaign-overview", params=ROKT)
    for shape in ("data.items", "data", "bare")
})  # fmt: skip
def test_rokt_wraps_one_row_or_does_not(ending: Ending, scene: str) -> None:
    assert_whole(ending, 1)


@scenes({"commas": rokt(fault("comma_joined"), report=HISTOGRAM)})
def test_rokt_joins_a_histogram_by_commas_which_is_no_json(ending: Ending, scene: str) -> None:
    assert_whole(ending, 31)


ACCOUNT = {name: value for name, value in ROKT.items() if name != "campaignId"}


@scenes({
    name: rokt(fault("audiences", name=name), report="rokt.account-campaigns-breakdown", params=ACCOUNT)
    for name in ("Audiences", "audiences")
})  # fmt: skip
def test_rokt_spells_audiences_either_way(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert {row[scene][0] for row in ending.rows} == {"number"}


@scenes({"groupby": rokt(params={**ROKT, "groupby": "country"})})
def test_rokt_is_asked_for_groups_in_lower_case(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert ending.asked("campaign-breakdown")[0]["query"]["groupby"] == "country"


@scenes({
    "a date": rokt(),
    "a moment": rokt(params={**ROKT, "dateEnd": "2026-01-31T23:59:59.000"}),
})  # fmt: skip
def test_rokt_gets_whole_days_in_its_documented_form(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    asked = ending.asked("campaign-breakdown")[0]["query"]
    assert (asked["dateStart"], asked["dateEnd"]) == ("2026-01-01T00:00:00.000", "2026-01-31T23:59:59.000")


@scenes({"any zone": rokt(params={**ROKT, "timeZoneVariation": "Europe/Berlin"})})
def test_rokt_takes_any_time_zone(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"strict": rokt(fault("strict_zones"), params={**ROKT, "timeZoneVariation": "Europe/Berlin"})})
def test_rokt_takes_three_time_zones_only_and_says_so(ending: Ending, scene: str) -> None:
    assert ending.is_failed("400", "Europe/Berlin", published=False)


@scenes({style: rokt(fault("numbers", style=style)) for style in ("strings", "numbers", "mixed")})
def test_rokt_writes_numbers_as_text_or_as_numbers(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"null": rokt(fault("numbers", style="null")), "empty": rokt(fault("numbers", style="empty"))})
def test_rokt_has_null_metrics_which_are_not_0(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    values = [row["grossCost"] for row in ending.rows]
    assert None in values
    assert "" not in values


@scenes({
    "legacy": rokt(fault("numbers", style="unquoted")),
    "query": rokt(fault("numbers", style="unquoted"), report=QUERIED),
})  # fmt: skip
def test_rokt_sends_ids_of_19_digits_without_quotes(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    column = "groupByValue" if scene == "legacy" else "campaign_id"
    assert all(isinstance(row[column], str) and len(row[column]) > 16 for row in ending.rows)


@scenes({
    str(code): rokt(fault("status", code=code, times=1, match={"role": "single"})) for code in (401, 403)
})  # fmt: skip
def test_rokt_refuses_a_token_with_401_or_403(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("token")) == 2


@scenes({str(code): rokt(fault("status", code=code, match={"role": "token"})) for code in (400, 401, 403)})
def test_rokt_refuses_the_credentials_with_400_401_or_403(ending: Ending, scene: str) -> None:
    assert ending.is_failed(scene, "check ", published=False)
    assert ending.asked("campaign-breakdown") == []


@pytest.mark.parametrize("restate", ["values", "order"])
def test_rokt_restates_its_days_which_a_later_job_reads_anew(stage: Stage, restate: str) -> None:
    with stage.borrowed() as company:
        company.begin(rokt().args[0])
        first = company.ending(*company.ask(SINGLE))
        company.vendors.remote.set(revision=2, restate=restate)
        second = company.ending(*company.ask(SINGLE))
        assert_whole(first, ROWS)
        assert_whole(second, ROWS, revision=2, restate=restate)
        assert first.receipt["digest"] != second.receipt["digest"]
        assert first.receipt["ready_at"] < second.receipt["ready_at"]


@scenes({
    f"{text}, {name}": rokt(fault("blank_rows", text=text), report=report)
    for text in ("[]", "{}")
    for name, report in (("legacy", SINGLE), ("query", QUERIED))
})  # fmt: skip
def test_rokt_sends_empty_rows_which_are_none(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "no data": rokt(fault("no_rows_key"), report=QUERIED),
    "no rows": rokt(report=QUERIED, rows=0),
})  # fmt: skip
def test_rokt_leaves_data_out_where_there_is_none(ending: Ending, scene: str) -> None:
    assert ending.is_done(0)


@scenes({"legacy": rokt(fault("null_group")), "query": rokt(fault("null_group"), report=QUERIED)})
def test_rokt_has_a_group_that_is_null_which_is_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS)
    assert ending.rows[0]["groupByValue" if scene == "legacy" else "campaign_id"] is None


@scenes({"410": rokt(fault("status", code=410, message="this API was retired"))})
def test_rokt_retires_the_legacy_api(ending: Ending, scene: str) -> None:
    assert ending.is_failed("410", "this API was retired", published=False)
    assert len(ending.asked("campaign-breakdown")) == 1


@scenes({"query": rokt(report=QUERIED), "legacy": rokt()})
def test_rokt_has_two_apis_behind_one_token(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({"a round number": rokt(fault("round_cap", rows=1000))})
def test_rokt_may_cap_an_answer_without_a_word_so_the_receipt_claims_no_count(ending: Ending, scene: str) -> None:
    assert ending.is_done(1000)
    assert (ending.receipt["proof"], ending.receipt["expected_rows"]) == ("end", None)


@scenes({
    "with Retry-After": rokt(fault("status", code=429, retry_after=1.0, times=2)),
    "as a date": rokt(fault("status", code=429, retry_after=2.0, retry_after_form="date", times=1)),
    "without": rokt(fault("status", code=429, times=2)),
})  # fmt: skip
def test_rokt_limits_requests(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("campaign-breakdown")) == (2 if scene == "as a date" else 3)


TRANSACTIONS = {**QUERY, "metrics": ["transactions"], "dimensions": ["page_type"]}


@scenes({
    f"{name}, {answer}": rokt(fault("slash", answer=answer), report=report, params=params)
    for name, report, params in (
        ("campaigns", QUERIED, QUERY),
        ("transactions", "rokt.query-transactions", TRANSACTIONS),
    )
    for answer in ("301", "404")
})  # fmt: skip
def test_rokt_wants_slashes_exactly_as_documented(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    (asked,) = [one for one in ending.heard if one["endpoint"].startswith("query-")]
    assert asked["path"].endswith("/campaigns/" if scene.startswith("campaigns") else "/transactions")
    assert asked["method"] == "POST"


@scenes({
    form: rokt(fault("status", code=400, body=form, message="no such account"), report=QUERIED)
    for form in ("message", "error", "detail", "errors", "text", "list")
})  # fmt: skip
def test_rokt_words_an_error_in_six_forms(ending: Ending, scene: str) -> None:
    assert ending.is_failed("400", "no such account", published=False)


@scenes({
    "in the future": rokt(
        fault("future_refused"), report=QUERIED, params={**QUERY, "endDate": "2027-01-01"},
    ),
})  # fmt: skip
def test_rokt_refuses_an_end_in_the_future(ending: Ending, scene: str) -> None:
    assert ending.is_failed("400", "endDate cannot be in the future", published=False)


# ---------------------------------------------------------------- Instal


@scenes({answer: instal(fault("task_slash", answer=answer)) for answer in ("301", "404")})
def test_instal_wants_a_slash_behind_the_task(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert any(one["path"].endswith("/") for one in ending.asked("task"))


@scenes({"for ever": instal(fault("never_ready"), ready_within="1s")})
def test_instal_is_pending_for_ever_for_a_task_it_does_not_know(ending: Ending, scene: str) -> None:
    assert ending.is_failed("not ready within", "pending", published=False)


@scenes({
    state: instal(fault("task_state", state=state, polls=2))
    for state in ("QUEUED", "PENDING", "STARTED", "RETRY", "RECEIVED", "pending", "Progress")
})  # fmt: skip
def test_instal_uses_any_of_its_task_queues_words_for_waiting(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({state: instal(fault("task_state", state=state)) for state in ("FAILURE", "REVOKED", "ERROR", "failure")})
def test_instal_uses_any_of_its_task_queues_words_for_failed(ending: Ending, scene: str) -> None:
    assert ending.is_failed("could not prepare the report", scene.lower(), published=False)


@scenes({"for a moment": instal(fault("null_result", polls=2))})
def test_instal_says_success_before_there_is_a_link(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({form: instal(fault("download_link", form=form)) for form in ("own", "relative", "storage")})
def test_instal_links_to_itself_or_to_storage_and_only_itself_sees_the_token(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    (got,) = ending.asked("storage" if scene == "storage" else "download")
    assert ("authorization" in got["headers"]) == (scene != "storage")


@scenes({"accepting": instal(fault("storage_accepts_token"))})
def test_instal_would_take_the_token_at_storage_and_does_not_get_it(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert all("authorization" not in one["headers"] for one in ending.asked("storage"))


@scenes({
    f"{'asked' if asked else 'not asked'}, {'there' if there else 'not there'}": instal(
        fault("csv_header", present=there), params={**INSTAL, "csv_headers": asked}
    )
    for asked in (True, False)
    for there in (True, False)
})  # fmt: skip
def test_instal_has_a_header_or_none_whatever_was_asked(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "comma": instal(),
    "semicolon": instal(fault("csv_delimiter", text=";")),
    "tab": instal(fault("csv_delimiter", text="\t")),
    "byte order mark": instal(fault("csv_bom")),
    "semicolon and mark": instal(fault("csv_bom"), fault("csv_delimiter", text=";")),
    "no header, tab": instal(fault("csv_header", present=False), fault("csv_delimiter", text="\t")),
})  # fmt: skip
def test_instal_separates_values_by_what_it_likes(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({
    "a header only": instal(fault("csv_empty", header=True)),
    "nothing at all": instal(fault("csv_empty", header=False)),
})  # fmt: skip
def test_instal_exports_nothing(ending: Ending, scene: str) -> None:
    assert ending.is_done(0)


@scenes({
    "in a row": instal(fault("cut_in_row", row=900, times=1)),
    "between rows": instal(fault("cut_after_row", row=900, times=1)),
    "shorter than it says": instal(fault("wrong_length", by=100, times=1, match={"role": "csv"})),
})  # fmt: skip
def test_instal_cuts_its_file(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)


@scenes({str(code): instal(fault("link_expires", code=code, times=1)) for code in (403, 404, 410)})
def test_instal_ends_the_life_of_a_link_and_gives_another(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert len(ending.asked("exports")) == 1
    assert len(ending.asked("storage")) == 2


@scenes({
    "without an id": instal(fault("create_error")),
    "with an id": instal(fault("create_error", with_id=True)),
    "with 400": instal(fault("create_error", code=400)),
})  # fmt: skip
def test_instal_refuses_an_export_with_or_without_an_id(ending: Ending, scene: str) -> None:
    assert ending.is_failed("ERROR", published=False)
    assert (len(ending.asked("exports")), len(ending.asked("task"))) == (1, 0)


@scenes({"some": instal(fault("repeat_row", row=5)), "all": instal(fault("repeat_row"))})
def test_instal_repeats_rows_which_are_kept(ending: Ending, scene: str) -> None:
    assert ending.is_done(ROWS + 1 if scene == "some" else ROWS * 2)


@scenes({style: instal(fault("csv_numbers", style=style)) for style in ("thousands", "comma", "percent")})
def test_instal_writes_numbers_as_people_do_which_are_never_guessed(ending: Ending, scene: str) -> None:
    assert ending.is_failed("are dead letters", published=True)


@scenes({"as text": instal()})
def test_instal_has_versions_and_names_that_only_look_like_numbers(ending: Ending, scene: str) -> None:
    assert_whole(ending, ROWS)
    assert {type(row["version_os"]) for row in ending.rows} == {str}
    assert {type(row["creative_id"]) for row in ending.rows} == {str}


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
    stage: Stage, report: str, wrong: dict[str, Any], where: str
) -> None:
    with stage.borrowed() as company:
        company.begin(played(report).args[0])
        with pytest.raises(BadInput) as refused:
            company.ask(report, params={**PARAMS[report], **wrong})
        assert where in refused.value.where
        assert company.vendors.remote.requests() == []
