"""Switches of each vendor that no scenario shows, for what its documents leave open."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox_client import (
    ACCOUNT,
    INSTAL_EXPORT,
    KARGO_ASKED,
    KARGO_DOCUMENTED,
    MEDIAMATH_QUERY,
    ROKT_ASK,
    Visitor,
    breakdown,
    poll,
    report_row,
    rows_of,
    running,
    task,
)
from tests.sandbox_client import visitor as visitor
from worker.model import Json

ROWS = 605
sandbox = running(rows=ROWS)

Look = Callable[[Visitor, str], Any]
"""What is looked at, given a client and the id of a report (Kargo) or of a task (Instal) that is ready."""


def page(visitor: Visitor, report: str, **query: Any) -> Any:
    return rows_of(visitor, report, **{"limit": 10, **query}).json()


def next_link(visitor: Visitor, report: str) -> Any:
    return page(visitor, report)["data"]["links"].get("next", "absent")


def api_link(visitor: Visitor, report: str) -> Any:
    return report_row(visitor, report)["rpt_file_api_link"]


def query(visitor: Visitor, **changes: Any) -> Any:
    return visitor.post("mediamath", "/performance", {**MEDIAMATH_QUERY, **changes})


def numbered(visitor: Visitor, index: int, size: int) -> Any:
    return query(visitor, pagination={"page_index": index, "page_size": size})


def items(visitor: Visitor) -> Any:
    return breakdown(visitor).json()["data"]["items"]


LINK = f"{KARGO_DOCUMENTED}/completed-reports/ID"
ELSEWHERE = "https://elsewhere.invalid/v1/completed-reports/ID"
BY_CAMPAIGN = f"/reporting/accounts/{ACCOUNT}/campaigns/breakdown"

KARGO: list[tuple[str, Json, Look, Any]] = [
    ("status_shape", {"shape": "A"}, lambda v, r: poll(v, r, show_all=1)["data"]["total_rows"], ROWS),
    ("status_shape", {"shape": "B"}, lambda v, r: poll(v, r)["data"]["rows"][0]["id"], "ID"),
    ("status_shape", {"shape": "C"}, lambda v, r: poll(v, r)["id"], "ID"),
    ("status_shape", {"shape": "D"}, poll, {"status": "complete"}),
    ("ready_by_link", {}, lambda v, r: (report_row(v, r)["status"], api_link(v, r)), ["running", LINK]),
    ("ready_without_link", {}, api_link, ""),
    ("foreign_row", {}, lambda v, r: [one["id"] == r for one in poll(v, r, show_all=1)["data"]["rows"]], [False, True]),
    ("link_composition", {}, api_link, LINK + "?format=json"),
    ("link_composition", {"form": "relative"}, api_link, "/v1/completed-reports/ID"),
    ("next_link", {"place": "link.next"}, lambda v, r: page(v, r)["link"]["next"], LINK + "?limit=10&offset=10"),
    ("next_link", {"leads": "nowhere", "end": "null"}, next_link, None),
    ("next_link", {"leads": "nowhere", "end": "absent"}, next_link, "absent"),
    ("next_link", {"host": "other"}, next_link, ELSEWHERE + "?limit=10&offset=10"),
    ("bare_links", {}, lambda v, r: "links" in rows_of(v, r).json()["data"], False),
    ("rows_place", {"place": "rows"}, lambda v, r: len(page(v, r)["rows"]), 10),
    ("rows_place", {"place": "data"}, lambda v, r: len(page(v, r)["data"]), 10),
    ("totals_last", {}, lambda v, r: list(page(v, r)["data"]), ["rows", "total_rows", "links"]),
    ("named_total", {"value": "many"},
        lambda v, r: (report_row(v, r)["record_count"], page(v, r)["data"]["total_rows"]), ["many", "many"]),
    ("drifting_total", {"by": 2, "shifts": True},
        lambda v, r: [row["clicks_sum"] for row in page(v, r, limit=5, offset=5)["data"]["rows"]],
        ["4", "5", "6", "7", "8"]),
    ("short_page", {"rows": 7}, lambda v, r: len(page(v, r, limit=100)["data"]["rows"]), 7),
    ("link_expires", {"code": 404}, lambda v, r: v.ask("GET", report_row(v, r)["rpt_file_download_link"]).status, 404),
]  # fmt: skip
MEDIAMATH: list[tuple[str, Json, Look, Any]] = [
    ("uncapped_total", {}, lambda v, _: json.loads(query(v, max_results=10).lines()[0])["total_items_count"], ROWS),
    ("short_page", {"rows": 50}, lambda v, _: numbered(v, 1, 400).json()["meta"]["total_pages"], 13),
    ("past_end", {}, lambda v, _: [numbered(v, index, 100).status for index in (6, 7)], [200, 400]),
]
ROKT: list[tuple[str, Json, Look, Any]] = [
    ("envelope", {"shape": "items"}, lambda v, _: len(breakdown(v).json()["items"]), ROWS),
    ("envelope", {"shape": "data"}, lambda v, _: len(breakdown(v).json()["data"]), ROWS),
    ("envelope", {"shape": "bare"}, lambda v, _: len(breakdown(v).json()), ROWS),
    ("comma_joined", {}, lambda v, _: len(json.loads(b"[" + breakdown(v).body + b"]")), ROWS),
    ("audiences", {}, lambda v, _: "audiences" in v.get("rokt", BY_CAMPAIGN, **ROKT_ASK).json()["data"]["items"][0],
        True),
    ("blank_rows", {"text": "{}"}, lambda v, _: items(v).count({}), 201),
    ("numbers", {"style": "unquoted"}, lambda v, _: type(items(v)[0]["groupByValue"]), int),
]  # fmt: skip
INSTAL: list[tuple[str, Json, Look, Any]] = [
    ("task_state", {"state": "RETRY", "text": "x"}, lambda v, t: task(v, t).json(), {"state": "RETRY", "result": "x"}),
    ("download_link", {"form": "relative"}, lambda v, t: task(v, t).json()["result"].startswith("/instal/"), True),
    ("download_link", {"form": "own"}, lambda v, t: task(v, t).json()["result"].startswith(v.urls["instal"]), True),
    ("storage_accepts_token", {},
        lambda v, t: v.ask("GET", task(v, t).json()["result"], v.authorization("instal")).status, 200),
]  # fmt: skip
SWITCHES = [
    pytest.param(vendor, *switch, id=f"{vendor}-{switch[0]}-{'-'.join(map(str, switch[1].values()))}")
    for vendor, switches in (("kargo", KARGO), ("mediamath", MEDIAMATH), ("rokt", ROKT), ("instal", INSTAL))
    for switch in switches
]


@pytest.mark.parametrize(("vendor", "kind", "args", "look", "expected"), SWITCHES)
def test_a_switch_shows_in_what_the_vendor_says(
    sandbox: Sandbox, visitor: Visitor, vendor: str, kind: str, args: Json, look: Look, expected: Any
) -> None:
    made = {"kargo": lambda: visitor.kargo_report(KARGO_ASKED), "instal": lambda: visitor.instal_task(INSTAL_EXPORT)}
    known = made[vendor]() if vendor in made else ""
    before = None
    with suppress(KeyError):
        before = look(visitor, known)
    sandbox.remote.turn({"vendor": vendor, "kind": kind, "args": args})
    seen = look(visitor, known)
    assert (json.loads(json.dumps(seen).replace(known, "ID")) if known else seen) == expected
    assert seen != before
