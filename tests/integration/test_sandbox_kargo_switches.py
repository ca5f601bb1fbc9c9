"""Kargo's switches: everything its documents leave open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import (
    KARGO_ASKED,
    KARGO_DOCUMENTED,
    KARGO_REPORT,
    Dial,
    Visitor,
    dial_of,
    poll,
    rows_of,
    running,
    told,
)
from tests.sandbox_client import visitor as visitor

ROWS = 605
EXPECTED = [json.loads(row) for row in expected_rows(KARGO_REPORT, KARGO_ASKED, ROWS)]
sandbox = running(rows=ROWS)
dial = dial_of("kargo")


@pytest.mark.parametrize("word", ["completed", "COMPLETE", "thinking"])
def test_status_word_is_any(visitor: Visitor, dial: Dial, word: str) -> None:
    dial("status_word", word=word, from_poll=2, link="empty")
    report_id = visitor.kargo_report(KARGO_ASKED, polls=0)
    assert told(visitor, report_id)["status"] == "pending"
    found = [told(visitor, report_id) for _ in range(2)][-1]
    assert (found["status"], found["rpt_file_api_link"]) == (word, "")


def test_status_shape_is_one_of_four(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("status_shape", shape="A")
    assert poll(visitor, report_id, show_all=1)["data"]["total_rows"] == ROWS
    dial("status_shape", shape="B")
    assert poll(visitor, report_id)["data"]["rows"][0]["id"] == report_id
    dial("status_shape", shape="C")
    assert poll(visitor, report_id)["id"] == report_id
    dial("status_shape", shape="D")
    assert poll(visitor, report_id) == {"status": "complete"}


def test_ready_by_link_or_without_one_or_never(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("ready_by_link")
    assert told(visitor, report_id)["status"] == "running"
    assert told(visitor, report_id)["rpt_file_api_link"]
    dial("ready_without_link")
    assert (told(visitor, report_id)["status"], told(visitor, report_id)["rpt_file_api_link"]) == ("complete", "")
    dial("never_ready")
    assert told(visitor, report_id)["status"] == "pending"


def test_error_status_comes_with_text_or_without(visitor: Visitor, dial: Dial) -> None:
    dial("error_status")
    found = told(visitor, visitor.kargo_report(KARGO_ASKED, polls=0))
    assert (found["status"], "error" in found) == ("error", False)
    dial("error_status", text="no such measure")
    assert told(visitor, visitor.kargo_report(KARGO_ASKED, polls=0))["error"] == "no such measure"


def test_late_listing_hides_a_report_at_first(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED, polls=0)
    dial("late_listing", polls=2)
    assert [len(poll(visitor, report_id, show_all=1)["data"]["rows"]) for _ in range(3)] == [0, 0, 1]
    listed = [visitor.get("kargo", "/reports").json()["data"]["rows"] for _ in range(3)]
    assert [report_id in [row["id"] for row in rows] for rows in listed] == [False, False, True]


def test_foreign_row_stands_before_ours_or_alone(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("foreign_row")
    rows = poll(visitor, report_id, show_all=1)["data"]["rows"]
    assert (rows[0]["id"] != report_id, rows[1]["id"] == report_id) == (True, True)
    dial("foreign_row", alone=True)
    assert [row["id"] == report_id for row in poll(visitor, report_id, show_all=1)["data"]["rows"]] == [False]


def test_expired_report_says_so_and_is_gone(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("expired_report", code=404)
    found = told(visitor, report_id)
    assert found["rpt_file_expires_at"] < found["created_at"]
    assert rows_of(visitor, report_id).status == 404


def test_link_composition_has_a_query_already_or_is_relative(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("link_composition")
    link = told(visitor, report_id)["rpt_file_api_link"]
    assert link == f"{KARGO_DOCUMENTED}/completed-reports/{report_id}?format=json"
    assert rows_of(visitor, report_id, format="json", limit=1).status == 200
    dial("link_composition", form="relative")
    assert told(visitor, report_id)["rpt_file_api_link"] == f"/v1/completed-reports/{report_id}"


@pytest.mark.parametrize("place", ["data.links.next", "links.next", "data.link.next", "link.next"])
def test_next_link_stands_in_one_of_four_places(visitor: Visitor, dial: Dial, place: str) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("next_link", place=place)
    found = rows_of(visitor, report_id, limit=10).json()
    for step in place.split("."):
        found = found[step]
    assert found == f"{KARGO_DOCUMENTED}/completed-reports/{report_id}?limit=10&offset=10"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"leads": "self"}, KARGO_DOCUMENTED + "/completed-reports/ID?limit=10&offset=10"),
        ({"leads": "circle"}, KARGO_DOCUMENTED + "/completed-reports/ID?limit=10&offset=0"),
        ({"leads": "nowhere"}, ""),
        ({"leads": "nowhere", "end": "null"}, None),
        ({"leads": "nowhere", "end": "null_text"}, "null"),
        ({"leads": "nowhere", "end": "absent"}, "absent"),
        ({"host": "own"}, "BASE/completed-reports/ID?limit=10&offset=20"),
        ({"host": "other"}, "https://elsewhere.invalid/v1/completed-reports/ID?limit=10&offset=20"),
        ({"host": "relative"}, "/kargo/v1/completed-reports/ID?limit=10&offset=20"),
    ],
)
def test_next_link_leads_anywhere(visitor: Visitor, dial: Dial, args: dict[str, str], expected: str | None) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("next_link", **args)
    links = rows_of(visitor, report_id, limit=10, offset=10).json()["data"]["links"]
    whole = expected and expected.replace("ID", report_id).replace("BASE", visitor.urls["kargo"])
    assert links.get("next", "absent") == whole


def test_bare_links_are_missing_without_a_limit(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("bare_links")
    assert "links" not in rows_of(visitor, report_id).json()["data"]
    assert "links" in rows_of(visitor, report_id, limit=100).json()["data"]


@pytest.mark.parametrize("place", ["data.rows", "rows", "data"])
def test_rows_place_is_one_of_three(visitor: Visitor, dial: Dial, place: str) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("rows_place", place=place)
    found = rows_of(visitor, report_id, limit=10).json()
    links = found["links"] if place == "data" else found["data"]["links"]
    for step in place.split("."):
        found = found[step]
    assert found == EXPECTED[:10]
    assert links["next"].endswith("offset=10")


def test_totals_last_stand_after_the_rows(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("totals_last")
    assert list(rows_of(visitor, report_id).json()["data"]) == ["rows", "total_rows", "links"]


def test_limit_refused_above_ten_thousand(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("limit_refused")
    assert [rows_of(visitor, report_id, limit=limit).status for limit in (10_000, 10_001)] == [200, 400]


def test_strict_names_refuse_or_fail_the_report(visitor: Visitor, dial: Dial) -> None:
    asked = {**KARGO_ASKED, "measures": ["views_sum"]}
    order = {"report_definition_id": "campaign-performance-metrics", "parameters": asked}
    assert visitor.post("kargo", "/reports", order).status == 200
    dial("strict_names")
    assert visitor.post("kargo", "/reports", order).status == 400
    dial("strict_names", answer="error_status")
    failed = visitor.post("kargo", "/reports", order).json()
    assert (failed["status"], failed["error"]) == ("error", "unknown: views_sum")
    assert told(visitor, failed["id"])["status"] == "error"


def test_extra_measure_comes_unasked(visitor: Visitor, dial: Dial) -> None:
    dial("extra_measure")
    report_id = visitor.kargo_report(KARGO_ASKED)
    assert list(rows_of(visitor, report_id).json()["data"]["rows"][0])[-1] == "media_delivery_sum"


def test_totals_are_wrong_capped_or_drifting(sandbox: Sandbox, visitor: Visitor, dial: Dial) -> None:
    sandbox.remote.set(rows=10_007)
    report_id = visitor.kargo_report(KARGO_ASKED)

    def totals() -> list[Any]:
        pages = [rows_of(visitor, report_id, limit=5, offset=offset).json()["data"] for offset in (0, 5, 10)]
        return [told(visitor, report_id)["record_count"], *[page["total_rows"] for page in pages]]

    dial("wrong_total", by=-1)
    assert totals() == [10_006] * 4
    dial("named_total", value="605")
    assert totals() == ["605"] * 4
    dial("capped_total")
    assert totals() == [10_000] * 4
    assert len(rows_of(visitor, report_id, limit=10, offset=10_000).json()["data"]["rows"]) == 7
    dial("drifting_total", by=3)
    assert totals() == [10_007, 10_007, 10_010, 10_013]
    dial("drifting_total", by=2, shifts=True)
    page = rows_of(visitor, report_id, limit=5, offset=5).json()["data"]["rows"]
    assert [row["clicks_sum"] for row in page] == ["4", "5", "6", "7", "8"]


def test_pages_are_short_or_refused_past_the_end(visitor: Visitor, dial: Dial) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    dial("short_page", rows=7)
    page = rows_of(visitor, report_id, limit=100).json()["data"]
    assert len(page["rows"]) == 7
    assert page["links"]["next"].endswith("?limit=7&offset=7")
    dial("past_end")
    assert [rows_of(visitor, report_id, offset=offset).status for offset in (ROWS - 1, ROWS)] == [200, 400]


def test_a_link_to_storage_may_be_dead_or_take_credentials(visitor: Visitor, dial: Dial) -> None:
    stored = told(visitor, visitor.kargo_report(KARGO_ASKED))["rpt_file_download_link"]
    dial("link_expires", code=404)
    assert visitor.ask("GET", stored).status == 404
    dial("storage_accepts_token")
    assert visitor.ask("GET", stored, visitor.authorization("kargo")).status == 200
