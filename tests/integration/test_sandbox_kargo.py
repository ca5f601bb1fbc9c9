"""Kargo over real HTTP: its usual dialogue, and what it refuses."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import (
    KARGO_ASKED,
    KARGO_DOCUMENTED,
    KARGO_REPORT,
    Visitor,
    basic,
    poll,
    rows_of,
    running,
    told,
)
from tests.sandbox_client import visitor as visitor

ROWS = 605
EXPECTED = [json.loads(row) for row in expected_rows(KARGO_REPORT, KARGO_ASKED, ROWS)]
sandbox = running(rows=ROWS)


def test_a_report_is_asked_for_waited_for_and_read_in_pages(visitor: Visitor) -> None:
    order = {"report_definition_id": "campaign-performance-metrics", "parameters": KARGO_ASKED}
    made = visitor.post("kargo", "/reports", order)
    first = made.json()
    assert made.status == 200
    assert re.fullmatch(r"[0-9a-v]{20}", first["id"])
    assert (first["status"], first["record_count"], first["rpt_file_expires_at"]) == ("pending", 0, None)
    assert (first["rpt_file_api_link"], first["rpt_file_download_link"]) == ("", "")
    assert list(first["parameters"]) == ["filters", "measures", "dimensions"]
    words = [told(visitor, first["id"])["status"] for _ in range(3)]
    assert words == ["pending", "running", "complete"]
    ready = told(visitor, first["id"])
    assert ready["record_count"] == ROWS
    assert ready["rpt_file_api_link"] == f"{KARGO_DOCUMENTED}/completed-reports/{first['id']}"
    found, offset = [], 0
    while True:
        page = rows_of(visitor, first["id"], limit=200, offset=offset).json()["data"]
        found += page["rows"]
        assert page["total_rows"] == ROWS
        if page["links"]["next"] == "":
            break
        offset += 200
        assert page["links"]["next"] == f"{KARGO_DOCUMENTED}/completed-reports/{first['id']}?limit=200&offset={offset}"
    assert found == EXPECTED
    assert {type(row["clicks_sum"]) for row in found} == {str}


def test_an_id_begins_with_the_time_it_was_made(visitor: Visitor) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED, polls=0)
    bits = 0
    for digit in report_id:
        bits = bits << 5 | "0123456789abcdefghijklmnopqrstuv".index(digit)
    assert abs((bits >> 68) - time.time()) < 60


def test_without_show_all_the_status_stands_beside_totals(visitor: Visitor) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    found = poll(visitor, report_id)
    assert (found["status"], found["data"]["total_rows"]) == ("complete", ROWS)
    assert found["data"]["links"]["next"].startswith(f"{KARGO_DOCUMENTED}/completed-reports/{report_id}?limit=")


def test_a_hundred_rows_without_a_limit_and_never_more_than_ten_thousand(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.set(rows=10_050, polls_until_ready=0)
    report_id = visitor.kargo_report(KARGO_ASKED, polls=1)
    assert len(rows_of(visitor, report_id).json()["data"]["rows"]) == 100
    assert len(rows_of(visitor, report_id, limit=20_000).json()["data"]["rows"]) == 10_000
    assert rows_of(visitor, report_id, limit=5, offset=99_999).json()["data"]["rows"] == []


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": -1}, {"limit": "x"}, {"offset": -1}, {"offset": "1.5"}, {"page": 1}]
)
def test_a_page_that_makes_no_sense_is_refused(visitor: Visitor, query: dict[str, Any]) -> None:
    assert rows_of(visitor, visitor.kargo_report(KARGO_ASKED), **query).status == 400


def test_the_file_is_linked_and_holds_the_same_rows(visitor: Visitor, sandbox: Sandbox) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    linked = visitor.get("kargo", f"/completed-reports/{report_id}/data").json()
    assert linked["csv_link"] == f"{KARGO_DOCUMENTED}/completed-reports/{report_id}/{report_id}"
    assert linked["data"]["total_rows"] == ROWS
    file = visitor.get("kargo", linked["csv_link"].removeprefix(KARGO_DOCUMENTED))
    rows = list(expected_rows(KARGO_REPORT, KARGO_ASKED, ROWS, form="csv"))
    assert file.lines() == [b"campaign_name,advertiser_name,clicks_sum,advertiser_impressions_sum", *rows]
    assert file.headers["Content-Length"] == str(len(file.body))
    assert visitor.get("kargo", f"/completed-reports/{report_id}/other").status == 404
    stored = told(visitor, report_id)["rpt_file_download_link"]
    assert stored.startswith(sandbox.urls["storage"])
    assert visitor.ask("GET", stored).body == file.body
    assert visitor.ask("GET", stored, visitor.authorization("kargo")).status == 403


def test_requests_are_listed_newest_first_in_pages(visitor: Visitor) -> None:
    made = [visitor.kargo_report(KARGO_ASKED, polls=0) for _ in range(3)]
    first = visitor.get("kargo", "/reports", limit=2).json()["data"]
    assert [row["id"] for row in first["rows"]] == [made[2], made[1]]
    assert first["links"]["next"] == f"{KARGO_DOCUMENTED}/reports?limit=2&offset=2"
    assert first["rows"][0]["parameters"]["dimensions"] == KARGO_ASKED["dimensions"]


def test_definitions_have_a_slash_at_their_end(visitor: Visitor) -> None:
    found = visitor.get("kargo", "/report-definitions/").json()["data"]
    assert [row["id"] for row in found["rows"]] == ["campaign-performance-metrics"]
    assert found["total_rows"] == 1
    assert visitor.get("kargo", "/report-definitions").status == 404


def test_wrong_credentials_paths_methods_and_types_are_refused(visitor: Visitor) -> None:
    url = visitor.urls["kargo"]
    known = visitor.authorization("kargo")
    assert visitor.ask("POST", f"{url}/authenticate", basic("sandbox@kargo.invalid", "wrong")).status == 401
    assert visitor.ask("POST", f"{url}/authenticate").status == 401
    assert visitor.ask("GET", f"{url}/reports").status == 401
    assert visitor.ask("GET", f"{url}/reports", {"Authorization": "Bearer wrong"}).status == 401
    assert visitor.ask("GET", f"{url}/nothing", known).status == 404
    assert visitor.ask("GET", f"{url}/reports/", known).status == 404
    wrong_method = visitor.ask("DELETE", f"{url}/reports", known)
    assert (wrong_method.status, wrong_method.headers["Allow"]) == (405, "GET, POST")
    assert visitor.ask("GET", f"{url}/authenticate", known).status == 405
    assert visitor.ask("POST", f"{url}/reports", {**known, "Content-Type": "text/plain"}, b"{}").status == 415
    assert visitor.ask("POST", f"{url}/reports", {**known, "Content-Type": "application/json"}, b"{").status == 400
    assert visitor.post("kargo", "/reports", {"report_definition_id": "x"}).status == 400


def test_a_report_is_read_only_once_it_is_ready(visitor: Visitor) -> None:
    assert rows_of(visitor, visitor.kargo_report(KARGO_ASKED, polls=1)).status == 404
    assert rows_of(visitor, "unknown").status == 404
    assert poll(visitor, "unknown", show_all=1)["data"]["rows"] == []
    assert visitor.get("kargo", "/reports", report_id="unknown").status == 404
    assert visitor.get("kargo", "/reports", report_id="").status == 404
    assert visitor.get("kargo", "/reports", report_id="unknown", show_all=2).status == 400
    assert rows_of(visitor, visitor.kargo_report(KARGO_ASKED), format="csv").status == 400


def test_a_report_expires_by_itself(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.set(report_seconds=0)
    report_id = visitor.kargo_report(KARGO_ASKED)
    assert rows_of(visitor, report_id).status == 410
    assert visitor.ask("GET", told(visitor, report_id)["rpt_file_download_link"]).status == 403


def test_a_restatement_after_a_reading_changes_values_not_numbers(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.set(restate_after_reads=1)
    report_id = visitor.kargo_report(KARGO_ASKED)
    sandbox.remote.clear()
    first, rest = (rows_of(visitor, report_id, limit=10, offset=offset).json()["data"]["rows"] for offset in (0, 10))
    assert first + rest == EXPECTED[:20]
    again = rows_of(visitor, report_id, limit=10).json()["data"]["rows"]
    assert again == [json.loads(row) for row in expected_rows(KARGO_REPORT, KARGO_ASKED, ROWS, revision=2)][:10]
    assert [row["clicks_sum"] for row in again] == [row["clicks_sum"] for row in first]
