"""The switches of each vendor, for what its documents leave open: turned, each shows in what the vendor says."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sandbox import Sandbox
from tests.sandbox_client import (
    ACCOUNT,
    BREAKDOWN,
    CAMPAIGNS,
    INSTAL_EXPORT,
    KARGO_ASKED,
    KARGO_DOCUMENTED,
    MEDIAMATH_QUERY,
    ROKT_ASK,
    ROKT_QUERY,
    TRANSACTIONS,
    Visitor,
    breakdown,
    poll,
    rows_of,
    running,
    task,
    told,
)
from tests.sandbox_client import visitor as visitor

ROWS = 605
sandbox = running(rows=ROWS)

Look = Callable[[Visitor, str], Any]
"""What is looked at, given a client and the id of a report (Kargo) or of a task (Instal) that is ready."""


def order(visitor: Visitor, *measures: str) -> Any:
    asked = {**KARGO_ASKED, "measures": list(measures)}
    return visitor.post(
        "kargo", "/reports", {"report_definition_id": "campaign-performance-metrics", "parameters": asked}
    )


def page(visitor: Visitor, report: str, **query: Any) -> Any:
    return rows_of(visitor, report, **{"limit": 10, **query}).json()


def totals(visitor: Visitor, report: str) -> list[Any]:
    pages = [page(visitor, report, limit=5, offset=offset)["data"]["total_rows"] for offset in (0, 5, 10)]
    return [told(visitor, report)["record_count"], *pages]


def query(visitor: Visitor, **changes: Any) -> Any:
    return visitor.post("mediamath", "/performance", {**MEDIAMATH_QUERY, **changes})


def numbered(visitor: Visitor, index: int, size: int) -> Any:
    return query(visitor, pagination={"page_index": index, "page_size": size})


def days(visitor: Visitor, **changes: Any) -> list[str]:
    span = {"time_window": None, "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
    return sorted({json.loads(row)["agg_timestamp"][:10] for row in query(visitor, **span, **changes).lines()[1:]})


def header(visitor: Visitor, **changes: Any) -> Any:
    return json.loads(query(visitor, **changes).lines()[0])["total_items_count"]


def todays(visitor: Visitor) -> list[int]:
    return [query(visitor, time_window=word).status for word in ("current_day", "current_date")]


def items(visitor: Visitor) -> Any:
    return breakdown(visitor).json()["data"]["items"]


def by_campaign(visitor: Visitor) -> Any:
    path = f"/reporting/accounts/{ACCOUNT}/campaigns/breakdown"
    return visitor.get("rokt", path, **ROKT_ASK).json()["data"]["items"][0]


def export(visitor: Visitor) -> Any:
    reply = visitor.post("instal", "/reports/exports/", INSTAL_EXPORT)
    return reply.status, sorted(reply.json())


LINK = f"{KARGO_DOCUMENTED}/completed-reports/ID"
ELSEWHERE = "https://elsewhere.invalid/v1/completed-reports/ID"

KARGO: list[tuple[str, dict[str, Any], Look, Any]] = [
    ("status_word", {"word": "thinking", "link": "empty"}, lambda v, r: told(v, r)["status"], "thinking"),
    ("status_shape", {"shape": "A"}, lambda v, r: poll(v, r, show_all=1)["data"]["total_rows"], ROWS),
    ("status_shape", {"shape": "B"}, lambda v, r: poll(v, r)["data"]["rows"][0]["id"], "ID"),
    ("status_shape", {"shape": "C"}, lambda v, r: poll(v, r)["id"], "ID"),
    ("status_shape", {"shape": "D"}, poll, {"status": "complete"}),
    ("ready_by_link", {}, lambda v, r: (told(v, r)["status"], told(v, r)["rpt_file_api_link"]), ["running", LINK]),
    ("ready_without_link", {}, lambda v, r: told(v, r)["rpt_file_api_link"], ""),
    ("never_ready", {}, lambda v, r: told(v, r)["status"], "pending"),
    ("error_status", {}, lambda v, r: (told(v, r)["status"], told(v, r).get("error", "")), ["error", ""]),
    ("error_status", {"text": "no such measure"}, lambda v, r: told(v, r)["error"], "no such measure"),
    ("late_listing", {"polls": 99}, lambda v, r: poll(v, r, show_all=1)["data"]["rows"], []),
    (
        "foreign_row",
        {},
        lambda v, r: [row["id"] == r for row in poll(v, r, show_all=1)["data"]["rows"]],
        [False, True],
    ),
    (
        "foreign_row",
        {"alone": True},
        lambda v, r: [row["id"] == r for row in poll(v, r, show_all=1)["data"]["rows"]],
        [False],
    ),
    ("expired_report", {"code": 404}, lambda v, r: rows_of(v, r).status, 404),
    ("link_composition", {}, lambda v, r: told(v, r)["rpt_file_api_link"], LINK + "?format=json"),
    (
        "link_composition",
        {"form": "relative"},
        lambda v, r: told(v, r)["rpt_file_api_link"],
        "/v1/completed-reports/ID",
    ),
    ("next_link", {"place": "link.next"}, lambda v, r: page(v, r)["link"]["next"], LINK + "?limit=10&offset=10"),
    ("next_link", {"leads": "self"}, lambda v, r: page(v, r)["data"]["links"]["next"], LINK + "?limit=10&offset=0"),
    (
        "next_link",
        {"leads": "circle"},
        lambda v, r: page(v, r, offset=10)["data"]["links"]["next"],
        LINK + "?limit=10&offset=0",
    ),
    ("next_link", {"leads": "nowhere", "end": "null"}, lambda v, r: page(v, r)["data"]["links"]["next"], None),
    ("next_link", {"leads": "nowhere", "end": "absent"}, lambda v, r: "next" in page(v, r)["data"]["links"], False),
    (
        "next_link",
        {"host": "other"},
        lambda v, r: page(v, r)["data"]["links"]["next"],
        ELSEWHERE + "?limit=10&offset=10",
    ),
    ("bare_links", {}, lambda v, r: "links" in rows_of(v, r).json()["data"], False),
    ("rows_place", {"place": "rows"}, lambda v, r: len(page(v, r)["rows"]), 10),
    ("rows_place", {"place": "data"}, lambda v, r: len(page(v, r)["data"]), 10),
    ("totals_last", {}, lambda v, r: list(page(v, r)["data"]), ["rows", "total_rows", "links"]),
    (
        "limit_refused",
        {},
        lambda v, r: [rows_of(v, r, limit=limit).status for limit in (10_000, 10_001)],
        [200, 400],
    ),
    ("strict_names", {}, lambda v, r: order(v, "views_sum").status, 400),
    ("strict_names", {"answer": "error_status"}, lambda v, r: order(v, "views_sum").json()["status"], "error"),
    (
        "extra_measure",
        {},
        lambda v, r: list(page(v, v.kargo_report(KARGO_ASKED))["data"]["rows"][0])[-1],
        "media_delivery_sum",
    ),
    ("wrong_total", {"by": -1}, totals, [ROWS - 1] * 4),
    ("named_total", {"value": "many"}, totals, ["many"] * 4),
    ("capped_total", {"at": 600}, totals, [600] * 4),
    ("drifting_total", {"by": 3}, totals, [ROWS, ROWS, ROWS + 3, ROWS + 6]),
    (
        "drifting_total",
        {"by": 2, "shifts": True},
        lambda v, r: [row["clicks_sum"] for row in page(v, r, limit=5, offset=5)["data"]["rows"]],
        ["4", "5", "6", "7", "8"],
    ),
    ("short_page", {"rows": 7}, lambda v, r: len(page(v, r, limit=100)["data"]["rows"]), 7),
    ("past_end", {}, lambda v, r: [rows_of(v, r, offset=at).status for at in (ROWS - 1, ROWS)], [200, 400]),
    (
        "link_expires",
        {"code": 404},
        lambda v, r: v.ask("GET", told(v, r)["rpt_file_download_link"]).status,
        404,
    ),
    (
        "storage_accepts_token",
        {},
        lambda v, r: v.ask("GET", told(v, r)["rpt_file_download_link"], v.authorization("kargo")).status,
        200,
    ),
]
MEDIAMATH: list[tuple[str, dict[str, Any], Look, Any]] = [
    ("page_bound", {}, lambda v, _: len(numbered(v, 0, 10_000).json()["results"]), ROWS),
    ("windows_conflict", {}, lambda v, _: query(v, start_time="2020-01-01T00:00:00Z").status, 400),
    (
        "current_date",
        {},
        lambda v, _: todays(v),
        [400, 200],
    ),
    (
        "current_date",
        {"beside": True},
        lambda v, _: todays(v),
        [200, 200],
    ),
    ("end_inclusive", {}, lambda v, _: days(v), ["2026-01-01", "2026-01-02"]),
    ("week_start", {}, lambda v, _: days(v, rollup="by_week"), ["2025-12-28"]),
    ("uncapped_total", {}, lambda v, _: header(v, max_results=10), ROWS),
    ("agg_timestamp_first", {}, lambda v, _: next(iter(json.loads(query(v).lines()[1]))), "agg_timestamp"),
    ("wrong_total", {}, lambda v, _: header(v), ROWS + 1),
    ("named_total", {"value": -1}, lambda v, _: header(v), -1),
    (
        "drifting_total",
        {"by": 100},
        lambda v, _: numbered(v, 1, 400).json()["meta"]["total_items_count"],
        ROWS + 100,
    ),
    ("short_page", {"rows": 50}, lambda v, _: numbered(v, 1, 400).json()["meta"]["total_pages"], 13),
    ("past_end", {}, lambda v, _: [numbered(v, index, 100).status for index in (6, 7)], [200, 400]),
]
ROKT: list[tuple[str, dict[str, Any], Look, Any]] = [
    ("slash", {}, lambda v, _: v.post("rokt", CAMPAIGNS[:-1], ROKT_QUERY).headers["Location"], "/rokt" + CAMPAIGNS),
    ("slash", {}, lambda v, _: v.post("rokt", TRANSACTIONS + "/", {}).headers["Location"], "/rokt" + TRANSACTIONS),
    ("slash", {"answer": "accepted"}, lambda v, _: v.post("rokt", CAMPAIGNS[:-1], ROKT_QUERY).status, 200),
    ("envelope", {"shape": "items"}, lambda v, _: len(breakdown(v).json()["items"]), ROWS),
    ("envelope", {"shape": "data"}, lambda v, _: len(breakdown(v).json()["data"]), ROWS),
    ("envelope", {"shape": "bare"}, lambda v, _: len(breakdown(v).json()), ROWS),
    ("envelope", {"shape": "first_row"}, lambda v, _: "groupByValue" in breakdown(v).json(), True),
    ("comma_joined", {}, lambda v, _: len(json.loads(b"[" + breakdown(v).body + b"]")), ROWS),
    (
        "audiences",
        {},
        lambda v, _: "audiences" in by_campaign(v),
        True,
    ),
    ("group_spelling", {}, lambda v, _: v.get("rokt", BREAKDOWN, **ROKT_ASK, groupBy="country").status, 200),
    ("strict_zones", {}, lambda v, _: breakdown(v).status, 400),
    ("blank_rows", {"text": "{}"}, lambda v, _: items(v).count({}), 201),
    ("no_rows_key", {}, lambda v, _: "data" in v.post("rokt", CAMPAIGNS, ROKT_QUERY).json(), False),
    ("null_group", {}, lambda v, _: items(v)[0]["groupByValue"], None),
    ("round_cap", {"rows": 10}, lambda v, _: len(items(v)), 10),
    (
        "future_refused",
        {},
        lambda v, _: [v.post("rokt", CAMPAIGNS, {**ROKT_QUERY, "endDate": f"2026-02-0{day}"}).status for day in (2, 3)],
        [200, 400],
    ),
    ("numbers", {"style": "unquoted"}, lambda v, _: type(items(v)[0]["groupByValue"]), int),
]
INSTAL: list[tuple[str, dict[str, Any], Look, Any]] = [
    ("task_state", {"state": "RETRY", "text": "x"}, lambda v, t: task(v, t).json(), {"state": "RETRY", "result": "x"}),
    ("null_result", {}, lambda v, t: task(v, t).json(), {"state": "SUCCESS", "result": None}),
    ("never_ready", {}, lambda v, t: task(v, t).json(), {"state": "PENDING", "result": None}),
    ("create_error", {}, lambda v, _: export(v), [200, ["result"]]),
    ("create_error", {"with_id": True, "code": 500}, lambda v, _: export(v), [500, ["result", "task_id"]]),
    ("task_slash", {}, lambda v, t: (task(v, t).status, task(v, f"{t}/").status), [301, 200]),
    ("task_slash", {"answer": "404"}, lambda v, t: task(v, t).status, 404),
    ("download_link", {"form": "relative"}, lambda v, t: task(v, t).json()["result"].startswith("/instal/"), True),
    ("download_link", {"form": "own"}, lambda v, t: task(v, t).json()["result"].startswith(v.urls["instal"]), True),
    (
        "storage_accepts_token",
        {},
        lambda v, t: v.ask("GET", task(v, t).json()["result"], v.authorization("instal")).status,
        200,
    ),
]
SWITCHES = [
    pytest.param(vendor, *switch, id=f"{vendor}-{switch[0]}-{'-'.join(map(str, switch[1].values()))}")
    for vendor, switches in (("kargo", KARGO), ("mediamath", MEDIAMATH), ("rokt", ROKT), ("instal", INSTAL))
    for switch in switches
]


@pytest.mark.parametrize(("vendor", "kind", "args", "look", "expected"), SWITCHES)
def test_a_switch_shows_in_what_the_vendor_says(
    sandbox: Sandbox, visitor: Visitor, vendor: str, kind: str, args: dict[str, Any], look: Look, expected: Any
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


def test_an_expired_link_stays_dead_until_the_task_is_asked_again(sandbox: Sandbox, visitor: Visitor) -> None:
    task_id = visitor.instal_task(INSTAL_EXPORT)
    first = task(visitor, task_id).json()["result"]
    sandbox.remote.turn({"vendor": "instal", "kind": "link_expires", "args": {"code": 410}, "times": 1})
    assert [visitor.ask("GET", first).status for _ in range(2)] == [410, 403]
    assert visitor.ask("GET", task(visitor, task_id).json()["result"]).status == 200
