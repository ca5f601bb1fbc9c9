"""Each simulated vendor follows its documents, even where no job of Millrace would notice a difference."""

from __future__ import annotations

import csv
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox, expected_rows
from tests.requests import EXPORT, PAGES
from tests.sandbox_client import (
    ACCOUNT,
    BREAKDOWN,
    CAMPAIGN,
    CAMPAIGNS,
    INSTAL_EXPORT,
    KARGO_ASKED,
    KARGO_DOCUMENTED,
    MEDIAMATH_QUERY,
    ROKT_ASK,
    ROKT_QUERY,
    Visitor,
    basic,
    poll,
    report_row,
    rows_of,
    running,
    task,
)
from tests.sandbox_client import visitor as visitor
from worker.model import Json

ROWS = 605
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
TEXT = {"Content-Type": "text/plain"}
KARGO = [json.loads(row) for row in expected_rows(PAGES, KARGO_ASKED, ROWS)]
sandbox = running(rows=ROWS)


# ---------------------------------------------------------------- Kargo


def test_kargo_names_a_report_by_its_time_and_links_it_once_it_is_ready(visitor: Visitor) -> None:
    first = visitor.post(
        "kargo", "/reports", {"report_definition_id": "campaign-performance-metrics", "parameters": KARGO_ASKED}
    ).json()
    assert re.fullmatch(r"[0-9a-v]{20}", first["id"])
    bits = int("".join(f"{'0123456789abcdefghijklmnopqrstuv'.index(digit):05b}" for digit in first["id"]), 2)
    assert abs((bits >> 68) - time.time()) < 60
    assert (first["status"], first["record_count"], first["rpt_file_expires_at"]) == ("pending", 0, None)
    assert (first["rpt_file_api_link"], first["rpt_file_download_link"]) == ("", "")
    assert list(first["parameters"]) == ["filters", "measures", "dimensions"]
    assert [report_row(visitor, first["id"])["status"] for _ in range(3)] == ["pending", "running", "complete"]
    ready, link = report_row(visitor, first["id"]), f"{KARGO_DOCUMENTED}/completed-reports/{first['id']}"
    assert (ready["record_count"], ready["rpt_file_api_link"]) == (ROWS, link)
    found = poll(visitor, first["id"])
    assert (found["status"], found["data"]["total_rows"]) == ("complete", ROWS)
    page = rows_of(visitor, first["id"], limit=200, offset=400).json()["data"]
    assert (page["rows"], page["links"]["next"]) == (KARGO[400:600], f"{link}?limit=200&offset=600")
    assert rows_of(visitor, first["id"], limit=200, offset=600).json()["data"]["links"]["next"] == ""


def test_kargo_gives_a_hundred_rows_without_a_limit_and_never_more_than_ten_thousand(
    sandbox: Sandbox, visitor: Visitor
) -> None:
    sandbox.remote.set(rows=10_050, polls_until_ready=0)
    report_id = visitor.kargo_report(KARGO_ASKED, polls=1)
    for query, rows in (({}, 100), ({"limit": 20_000}, 10_000), ({"limit": 5, "offset": 99_999}, 0)):
        assert len(rows_of(visitor, report_id, **query).json()["data"]["rows"]) == rows


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": -1}, {"limit": "x"}, {"offset": -1}, {"offset": "1.5"}, {"page": 1}]
)
def test_kargo_refuses_a_page_that_makes_no_sense(visitor: Visitor, query: Json) -> None:
    assert rows_of(visitor, visitor.kargo_report(KARGO_ASKED), **query).status == 400


def test_kargos_file_is_linked_and_also_in_storage(visitor: Visitor, sandbox: Sandbox) -> None:
    report_id = visitor.kargo_report(KARGO_ASKED)
    linked = visitor.get("kargo", f"/completed-reports/{report_id}/data").json()
    assert linked["csv_link"] == f"{KARGO_DOCUMENTED}/completed-reports/{report_id}/{report_id}"
    file = visitor.get("kargo", linked["csv_link"].removeprefix(KARGO_DOCUMENTED))
    assert file.headers["Content-Length"] == str(len(file.body))
    assert visitor.get("kargo", f"/completed-reports/{report_id}/other").status == 404
    stored = report_row(visitor, report_id)["rpt_file_download_link"]
    assert stored.startswith(sandbox.urls["storage"])
    assert visitor.ask("GET", stored).body == file.body
    assert visitor.ask("GET", stored, visitor.authorization("kargo")).status == 403


def test_kargo_lists_reports_newest_first(visitor: Visitor) -> None:
    made = [visitor.kargo_report(KARGO_ASKED, polls=0) for _ in range(3)]
    first = visitor.get("kargo", "/reports", limit=2).json()["data"]
    assert [row["id"] for row in first["rows"]] == [made[2], made[1]]
    assert first["links"]["next"] == f"{KARGO_DOCUMENTED}/reports?limit=2&offset=2"


def test_kargo_reads_a_report_only_once_it_is_ready_and_until_it_expires(sandbox: Sandbox, visitor: Visitor) -> None:
    assert rows_of(visitor, visitor.kargo_report(KARGO_ASKED, polls=1)).status == 404
    assert rows_of(visitor, "unknown").status == 404
    assert visitor.get("kargo", "/reports", report_id="unknown").status == 404
    assert visitor.get("kargo", "/reports", report_id="unknown", show_all=2).status == 400
    sandbox.remote.set(report_seconds=0)
    expired = visitor.kargo_report(KARGO_ASKED)
    assert rows_of(visitor, expired).status == 410
    assert visitor.ask("GET", report_row(visitor, expired)["rpt_file_download_link"]).status == 403


def test_a_restatement_after_a_reading_changes_values_not_numbers(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.set(restate_after_reads=1)
    report_id = visitor.kargo_report(KARGO_ASKED)
    sandbox.remote.clear()
    first, rest = (rows_of(visitor, report_id, limit=10, offset=offset).json()["data"]["rows"] for offset in (0, 10))
    assert first + rest == KARGO[:20]
    again = rows_of(visitor, report_id, limit=10).json()["data"]["rows"]
    assert again == [json.loads(row) for row in expected_rows(PAGES, KARGO_ASKED, ROWS, revision=2)][:10]
    assert [row["clicks_sum"] for row in again] == [row["clicks_sum"] for row in first]


# ---------------------------------------------------------------- MediaMath


def test_mediamath_counts_its_pages(visitor: Visitor) -> None:
    query = {**MEDIAMATH_QUERY, "pagination": {"page_index": 1, "page_size": 400}}
    meta = visitor.post("mediamath", "/performance", query).json()["meta"]
    assert meta == {"page_index": 1, "total_pages": 2, "items_count": 205, "total_items_count": ROWS, "status": "OK"}


def test_mediamath_gives_a_token_for_a_password_or_a_refresh_token(visitor: Visitor) -> None:
    known, url = visitor.credentials["mediamath"], visitor.urls["mediamath_auth"]
    form = {"grant_type": "password", "audience": "https://api.mediamath.com/", "scope": "offline_access", **known}
    made = visitor.ask("POST", url, FORM, urlencode(form).encode()).json()
    assert (made["token_type"], made["expires_in"]) == ("Bearer", 86_400)
    renewal = {**form, "grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    assert visitor.ask("POST", url, body=renewal).status == 200
    assert "refresh_token" not in visitor.log_in("mediamath").json()


# ---------------------------------------------------------------- Rokt


def test_rokts_placements_have_no_page_level_metrics_and_its_metadata_takes_no_dates(visitor: Visitor) -> None:
    path = f"/reporting/accounts/{ACCOUNT}/transactions/breakdown"
    row = visitor.get("rokt", path, **ROKT_ASK, groupby="placement").json()["data"]["items"][0]
    assert {"transactions", "purchases", "rpt"} & row.keys() == set()
    metadata = f"/metadata/accounts/{ACCOUNT}/campaigns/{CAMPAIGN}"
    assert visitor.get("rokt", metadata, dateStart="2026-01-01").status == 400


def test_rokts_accounts_are_a_bare_list_and_tell_what_they_can(visitor: Visitor) -> None:
    one = visitor.get("rokt", "/v1/query/accounts").json()[1]
    help_ = visitor.get("rokt", f"/v1/query/accounts/{one['accountId']}/campaigns/help").json()
    assert help_["dimensions"][0]["slug"] == "campaign_id"
    assert "slug" not in help_["metrics"][-1]


# ---------------------------------------------------------------- Instal


def test_instals_times_have_the_requested_interval(visitor: Visitor) -> None:
    for interval, times in (("daily", 3), ("monthly", 1), ("hourly", 72)):
        stored = task(visitor, visitor.instal_task({**INSTAL_EXPORT, "interval": interval})).json()["result"]
        file = visitor.ask("GET", stored)
        assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert len({row["time"] for row in csv.DictReader(file.body.decode().splitlines())}) == times
    assert file.lines()[1:] == list(expected_rows(EXPORT, {**INSTAL_EXPORT, "interval": "hourly"}, ROWS))


def test_an_unknown_task_of_instal_is_pending_for_ever(visitor: Visitor) -> None:
    assert [task(visitor, "unknown").json()["state"] for _ in range(5)] == ["PENDING"] * 5


def test_an_expired_link_stays_dead_until_the_task_is_asked_again(sandbox: Sandbox, visitor: Visitor) -> None:
    task_id = visitor.instal_task(INSTAL_EXPORT)
    first = task(visitor, task_id).json()["result"]
    sandbox.remote.turn({"vendor": "instal", "kind": "link_expires", "args": {"code": 410}, "times": 1})
    assert [visitor.ask("GET", first).status for _ in range(2)] == [410, 403]
    assert visitor.ask("GET", task(visitor, task_id).json()["result"]).status == 200
    assert visitor.ask("GET", first.replace("/instal/", "/instal/x")).status == 404


# ---------------------------------------------------------------- what they refuse

KNOWN: dict[str, str] = {}
"""In place of headers: those of the logged-in client."""
WRONG = {"Authorization": "Bearer wrong"}
REFUSED: list[tuple[str, str, str, dict[str, str], Any, int]] = [
    ("kargo", "POST", "/authenticate", basic("sandbox@kargo.invalid", "wrong"), None, 401),
    ("kargo", "GET", "/authenticate", KNOWN, None, 405),
    ("kargo", "GET", "/reports", WRONG, None, 401),
    ("kargo", "GET", "/nothing", KNOWN, None, 404),
    ("kargo", "GET", "/reports/", KNOWN, None, 404),
    ("kargo", "GET", "/report-definitions", KNOWN, None, 404),
    ("kargo", "DELETE", "/reports", KNOWN, None, 405),
    ("kargo", "POST", "/reports", TEXT, b"{}", 415),
    ("kargo", "POST", "/reports", JSON, b"{", 400),
    ("kargo", "POST", "/reports", JSON, {"report_definition_id": "x"}, 400),
    ("mediamath", "POST", "/performance", WRONG, MEDIAMATH_QUERY, 401),
    ("mediamath", "POST", "/nothing", KNOWN, MEDIAMATH_QUERY, 404),
    ("mediamath", "POST", "/performance/", KNOWN, MEDIAMATH_QUERY, 404),
    ("mediamath", "GET", "/performance", KNOWN, None, 405),
    ("mediamath", "POST", "/performance", TEXT, b"{}", 400),
    ("mediamath", "POST", "/performance", JSON, b"{", 400),
    ("mediamath", "POST", "/performance", JSON, {**MEDIAMATH_QUERY, "fields": ["campaign_id_test"]}, 400),
    ("rokt", "GET", "/v1/query/accounts", WRONG, None, 403),
    ("rokt", "GET", "/auth/oauth2/token", KNOWN, None, 405),
    ("rokt", "GET", f"/reporting/accounts/abc/summary?{urlencode(ROKT_ASK)}", KNOWN, None, 404),
    ("rokt", "GET", f"/reporting/accounts/{ACCOUNT}/summary/?{urlencode(ROKT_ASK)}", KNOWN, None, 404),
    ("rokt", "GET", f"{BREAKDOWN}?{urlencode({**ROKT_ASK, 'groupby': 'moon'})}", KNOWN, None, 400),
    ("rokt", "POST", BREAKDOWN, JSON, {}, 405),
    ("rokt", "POST", CAMPAIGNS, JSON, {**ROKT_QUERY, "orderBys": [{"column": "datetime"}]}, 400),
    ("rokt", "POST", CAMPAIGNS[:-1], JSON, ROKT_QUERY, 404),
    ("rokt", "POST", CAMPAIGNS, TEXT, b"{}", 400),
    ("rokt", "POST", CAMPAIGNS, JSON, b"{", 400),
    ("instal", "GET", "/reports/exports/x", {"Authorization": "Bearer not-a-secret-instal"}, None, 401),
    ("instal", "POST", "/reports/exports", JSON, INSTAL_EXPORT, 404),
    ("instal", "GET", "/reports/exports/", KNOWN, None, 405),
    ("instal", "POST", "/reports/exports/", TEXT, b"{}", 415),
    ("instal", "POST", "/reports/exports/", JSON, b"{", 400),
    ("instal", "POST", "/reports/exports/", JSON, {"start_date": "yesterday"}, 400),
]


@pytest.mark.parametrize(("vendor", "method", "path", "headers", "body", "status"), REFUSED)
def test_wrong_tokens_paths_methods_types_and_bodies_are_refused(
    visitor: Visitor, vendor: str, method: str, path: str, headers: dict[str, str], body: Any, status: int
) -> None:
    sent = headers if "Authorization" in headers else {**visitor.authorization(vendor), **headers}
    assert visitor.ask(method, visitor.urls[vendor] + path, sent, body).status == status


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"password": "wrong"}, 403, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"audience": ""}, 403, "access_denied"),
        ({"grant_type": "client_credentials"}, 403, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, 403, "invalid_grant"),
    ],
)
def test_mediamath_gives_no_token_without_the_right_words(
    visitor: Visitor, changes: dict[str, str], status: int, error: str
) -> None:
    usual = {"grant_type": "password", "audience": "https://api.mediamath.com/", **visitor.credentials["mediamath"]}
    reply = visitor.ask("POST", visitor.urls["mediamath_auth"], body={**usual, **changes})
    assert (reply.status, reply.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("password", "headers", "body"),
    [
        ("wrong", FORM, b"grant_type=client_credentials"),
        (None, FORM, b"grant_type=authorization_code"),
        (None, FORM, b""),
        (None, JSON, b'{"grant_type": "client_credentials"}'),
    ],
)
def test_rokt_gives_no_token_without_the_right_words_in_a_form(
    visitor: Visitor, password: str | None, headers: dict[str, str], body: bytes
) -> None:
    known = visitor.credentials["rokt"]
    sent = {**basic(known["app_id"], password or known["app_secret"]), **headers}
    assert visitor.ask("POST", visitor.urls["rokt"] + "/auth/oauth2/token", sent, body).status == 400
