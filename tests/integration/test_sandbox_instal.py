"""Instal over real HTTP: the usual dialogue, what it refuses, and its switches."""

from __future__ import annotations

import csv
from typing import Any

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import INSTAL_EXPORT, Visitor, running, task
from tests.sandbox_client import visitor as visitor

ROWS = 77
HEADER = (
    "aff_sub_id,time,clicks_aggr,campaign,country,creative_id,app_id,campaign_id,cost_aggr,cr,conversions_aggr,"
    "name_os,version_os,lang,publisher_id"
)
EXPECTED = list(expected_rows("instal.advertiser-export", INSTAL_EXPORT, ROWS))
sandbox = running(rows=ROWS)


def link(visitor: Visitor, **changes: Any) -> str:
    return str(task(visitor, visitor.instal_task({**INSTAL_EXPORT, **changes})).json()["result"])


def test_an_export_is_queued_pending_and_then_a_file(visitor: Visitor, sandbox: Sandbox) -> None:
    made = visitor.post("instal", "/reports/exports/", INSTAL_EXPORT)
    assert (made.status, made.json()["result"]) == (200, "QUEUED")
    told = [task(visitor, made.json()["task_id"]).json() for _ in range(3)]
    assert told[:2] == [{"state": "PENDING", "result": None}] * 2
    assert told[2]["state"] == "SUCCESS"
    assert told[2]["result"].startswith(sandbox.urls["storage"])
    file = visitor.ask("GET", told[2]["result"])
    assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert file.lines() == [HEADER.encode(), *EXPECTED]
    rows = list(csv.DictReader(file.body.decode().splitlines()))
    assert {row["time"] for row in rows} == {f"2026-01-0{day} 00:00" for day in (1, 2, 3)}


def test_a_file_may_have_no_header_and_other_times(visitor: Visitor) -> None:
    assert visitor.ask("GET", link(visitor, csv_headers=False)).lines() == EXPECTED
    monthly = visitor.ask("GET", link(visitor, interval="monthly")).lines()[1:]
    assert {row.split(b",")[1] for row in monthly} == {b"2026-01-01 00:00"}
    hourly = visitor.ask("GET", link(visitor, interval="hourly")).lines()[1:]
    assert len({row.split(b",")[1] for row in hourly}) == 72


def test_a_task_nobody_asked_for_is_pending_for_ever(visitor: Visitor) -> None:
    assert [task(visitor, "unknown").json()["state"] for _ in range(5)] == ["PENDING"] * 5


def test_credentials_are_wanted_by_the_api_and_refused_by_storage(visitor: Visitor) -> None:
    stored = link(visitor)
    known = visitor.authorization("instal")
    assert visitor.ask("GET", stored, known).status == 403
    assert visitor.ask("GET", f"{visitor.urls['instal']}/reports/exports/x").status == 401
    wrong = {"Authorization": "Bearer not-a-secret-instal"}
    assert visitor.ask("GET", f"{visitor.urls['instal']}/reports/exports/x", wrong).status == 401
    assert visitor.ask("GET", stored.replace("/instal/", "/instal/x")).status == 404


def test_wrong_paths_methods_types_and_fields_are_refused(visitor: Visitor) -> None:
    url = visitor.urls["instal"] + "/reports/exports/"
    known = visitor.authorization("instal")
    assert visitor.post("instal", "/reports/exports", INSTAL_EXPORT).status == 404
    assert visitor.ask("GET", url, known).status == 405
    assert visitor.ask("POST", url, {**known, "Content-Type": "text/plain"}, b"{}").status == 415
    assert visitor.ask("POST", url, {**known, "Content-Type": "application/json"}, b"{").status == 400
    refused = visitor.post("instal", "/reports/exports/", {"start_date": "yesterday"})
    assert (refused.status, set(refused.json())) == (400, {"start_date", "stop_date"})
