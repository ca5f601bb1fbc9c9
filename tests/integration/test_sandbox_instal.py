"""Instal over real HTTP: the usual dialogue, what it refuses, and its switches."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import INSTAL_EXPORT, Dial, Visitor, dial_of, running, task
from tests.sandbox_client import visitor as visitor

ROWS = 77
HEADER = (
    "aff_sub_id,time,clicks_aggr,campaign,country,creative_id,app_id,campaign_id,cost_aggr,cr,conversions_aggr,"
    "name_os,version_os,lang,publisher_id"
)
EXPECTED = list(expected_rows("instal.advertiser-export", INSTAL_EXPORT, ROWS))
sandbox = running(rows=ROWS)
dial = dial_of("instal")


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


@pytest.mark.parametrize("state", ["STARTED", "RETRY", "FAILURE", "REVOKED", "success"])
def test_task_state_is_any_of_celerys(visitor: Visitor, dial: Dial, state: str) -> None:
    dial("task_state", state=state, text="a reason", polls=1)
    task_id = visitor.instal_task(INSTAL_EXPORT, polls=0)
    told = [task(visitor, task_id).json() for _ in range(3)]
    assert told[0] == {"state": state, "result": "a reason"}
    assert [one["state"] for one in told[1:]] == ["PENDING", "SUCCESS"]


def test_null_result_comes_with_success_for_a_while(visitor: Visitor, dial: Dial) -> None:
    dial("null_result", polls=2)
    task_id = visitor.instal_task(INSTAL_EXPORT)
    told = [task(visitor, task_id).json() for _ in range(3)]
    assert [one["state"] for one in told] == ["SUCCESS"] * 3
    assert [one["result"] is None for one in told] == [True, True, False]


def test_never_ready_is_pending_for_ever(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.turn({"kind": "never_ready"})
    assert task(visitor, visitor.instal_task(INSTAL_EXPORT)).json() == {"state": "PENDING", "result": None}


def test_create_error_comes_with_an_id_or_without(visitor: Visitor, dial: Dial) -> None:
    dial("create_error")
    assert visitor.post("instal", "/reports/exports/", INSTAL_EXPORT).json() == {"result": "ERROR"}
    dial("create_error", with_id=True, code=500)
    made = visitor.post("instal", "/reports/exports/", INSTAL_EXPORT)
    assert (made.status, set(made.json())) == (500, {"result", "task_id"})


def test_task_slash_is_wanted_by_redirect_or_refusal(visitor: Visitor, dial: Dial) -> None:
    task_id = visitor.instal_task(INSTAL_EXPORT, polls=0)
    dial("task_slash")
    moved = task(visitor, task_id)
    assert (moved.status, moved.headers["Location"]) == (301, f"/instal/advertiser/api/v1/reports/exports/{task_id}/")
    assert task(visitor, f"{task_id}/").status == 200
    dial("task_slash", answer="404")
    assert task(visitor, task_id).status == 404


@pytest.mark.parametrize("form", ["own", "relative", "storage"])
def test_download_link_has_three_forms(visitor: Visitor, sandbox: Sandbox, dial: Dial, form: str) -> None:
    dial("download_link", form=form)
    found = link(visitor)
    begin = {"own": sandbox.urls["instal"], "relative": "/instal/", "storage": sandbox.urls["storage"]}[form]
    assert found.startswith(begin)
    url = found if found.startswith("http") else sandbox.world.base + found
    headers = {} if form == "storage" else visitor.authorization("instal")
    assert visitor.ask("GET", url, headers).lines()[1:] == EXPECTED
    if form != "storage":
        assert visitor.ask("GET", url).status == 401


def test_link_expires_until_the_task_is_asked_again(sandbox: Sandbox, visitor: Visitor) -> None:
    task_id = visitor.instal_task(INSTAL_EXPORT)
    first = task(visitor, task_id).json()["result"]
    dial_once = {"vendor": "instal", "kind": "link_expires", "args": {"code": 410}, "times": 1}
    sandbox.remote.turn(dial_once)
    assert [visitor.ask("GET", first).status for _ in range(2)] == [410, 403]
    second = task(visitor, task_id).json()["result"]
    assert second != first
    assert visitor.ask("GET", second).lines()[1:] == EXPECTED


def test_storage_accepts_token_where_told(visitor: Visitor, dial: Dial) -> None:
    stored = link(visitor)
    dial("storage_accepts_token")
    assert visitor.ask("GET", stored, visitor.authorization("instal")).status == 200
