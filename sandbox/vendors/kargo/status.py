"""The status of Kargo's reports: the answers to polls, in four shapes, and the list of requests."""

from __future__ import annotations

import time
from typing import Any

from sandbox.exchange import Exchange
from sandbox.faults.counts import state_total
from sandbox.http.message import Answer, as_json, dumps, whole
from sandbox.vendors.kargo.pages import DOCUMENTED, envelope, page_of
from sandbox.vendors.kargo.reports import Report, Reports
from sandbox.vendors.vendor import Refusal

_FOREIGN_ID = "cgunomk22vhc70c9uaa0"


def poll(reports: Reports, exchange: Exchange) -> Answer:
    """The status of one report: with show_all=1 in a list, as the vendor's example expects it, else with totals."""
    query = exchange.request.query
    if query.keys() - {"report_id", "show_all"} or query.get("show_all", "1") != "1":
        raise Refusal(400, "a report's status takes report_id, and show_all=1")
    report = reports.find(query["report_id"])
    # Counted even if a fault hides the report, because its preparation continues.
    if report is not None:
        polls = report.poll(exchange.settings.polls_until_ready, exchange.settings.report_seconds)
        if polls <= exchange.value("late_listing", "polls", 0):
            report = None
    ours = row(exchange, report) if report else {}
    rows = [ours] if report else []
    if foreign := exchange.fault("foreign_row"):
        other = {**ours, "id": _FOREIGN_ID, "status": "error"}
        rows = [other] if foreign["alone"] else [other, *rows]
    shape = exchange.value("status_shape", "shape", "B" if "show_all" in query else "A")
    if shape == "B":
        return as_json(200, {"data": {"rows": rows, "total_rows": len(rows), "links": {"next": "", "prev": ""}}})
    if report is None:
        raise Refusal(404, f"no report {query['report_id']}")
    # The other shapes have one report: ours, or that of another account if the fault sends it alone.
    last = rows[-1]
    if shape == "C":
        return as_json(200, last)
    if shape == "D":
        return as_json(200, {"status": last["status"]})
    has_next = bool(last["rpt_file_api_link"]) and report.rows > 100
    following = f"{DOCUMENTED}/completed-reports/{report.id}?limit=100&offset=100"
    counted = {"total_rows": last["record_count"], "links": {"prev": "", "next": following if has_next else ""}}
    return as_json(200, {"status": last["status"], "data": counted})


def list_reports(reports: Reports, exchange: Exchange) -> Answer:
    """The requests so far, newest first, in pages."""
    page = page_of(exchange)
    seen = []
    for report in reports.newest_first():
        report.lists += 1
        if report.lists > exchange.value("late_listing", "polls", 0):
            seen.append(report)
    rows = [row(exchange, report) for report in seen[page.offset : page.offset + page.limit]]
    before, after = envelope(exchange, "/reports", page, len(seen), state_total(exchange, len(seen)))
    return whole(200, before + dumps(rows)[1:-1] + after, "application/json")


def row(exchange: Exchange, report: Report) -> dict[str, Any]:
    """The report as a row of an answer."""
    word, is_linked = _state(exchange, report)
    api_link = f"{DOCUMENTED}/completed-reports/{report.id}"
    if composed := exchange.fault("link_composition"):
        api_link = f"/v1/completed-reports/{report.id}" if composed["form"] == "relative" else f"{api_link}?format=json"
    expires_at = report.created_at - 1 if exchange.has("expired_report") else report.expires_at
    asked = report.order.parameters
    found = {
        "id": report.id,
        "report_definition_id": report.order.definition,
        "status": word,
        "created_at": _moment(report.created_at),
        "updated_at": _moment(report.ready_at or report.created_at),
        "rpt_file_expires_at": None if expires_at is None else _moment(expires_at),
        "rpt_file_api_link": api_link if is_linked else "",
        "rpt_file_download_link": f"{exchange.world.storage_base}/kargo/{report.id}.csv" if is_linked else "",
        "record_count": state_total(exchange, report.rows) if is_linked else 0,
        # In the vendor's own order, which differs from that of the request.
        "parameters": {name: asked[name] for name in ("filters", "measures", "dimensions") if name in asked},
    }
    return {**found, "error": report.failure} if report.failure else found


def _state(exchange: Exchange, report: Report) -> tuple[str, bool]:
    """The status word, and whether the report has its links."""
    if failure := exchange.fault("error_status"):
        report.failure = failure["text"] or ""
    if report.failure is not None:
        return "error", False
    if exchange.has("never_ready"):
        return "pending", False
    is_ready = report.ready_at is not None
    word = "complete" if is_ready else ("pending" if report.polls < 2 else "running")
    is_linked = is_ready and not exchange.has("ready_without_link")
    if is_ready and exchange.has("ready_by_link"):
        word = "running"
    if (fault := exchange.fault("status_word")) and report.polls >= fault["from_poll"]:
        word = fault["word"]
        is_linked = {"set": True, "empty": False}.get(fault["link"], is_linked)
    return word, is_linked


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
