"""What Kargo says about a report in preparation: the poll's four shapes, and the list of requests."""

from __future__ import annotations

from typing import Any

from sandbox.exchange import Exchange
from sandbox.faults.counts import state_total
from sandbox.http.message import Answer, Refusal, as_json
from sandbox.vendors.kargo.pages import DOCUMENTED, Refuse, envelope, page_of
from sandbox.vendors.kargo.reports import Report, Reports, moment, parameters_in_reply

_FOREIGN_ID = "cgunomk22vhc70c9uaa0"


def poll(exchange: Exchange, reports: Reports, refuse: Refuse) -> Answer:
    """The status of one report: with show_all=1 as rows, as the vendor's example reads it, else with totals."""
    query = exchange.request.query
    if query.keys() - {"report_id", "show_all"} or query.get("show_all", "1") != "1":
        raise Refusal(refuse(400, "a report's status takes report_id, and show_all=1"))
    report = reports.find(query["report_id"])
    if report is not None:
        polls = report.poll(exchange.settings.polls_until_ready, exchange.settings.report_seconds)
        if (late := exchange.fault("late_listing")) and polls <= late["polls"]:
            report = None
    fault = exchange.fault("status_shape")
    shape = fault["shape"] if fault else ("B" if query.get("show_all") == "1" else "A")
    if report is None and shape != "B":
        raise Refusal(refuse(404, f"no report {query['report_id']}"))
    rows = [row(exchange, report)] if report else []
    if foreign := exchange.fault("foreign_row"):
        other = {**(rows[0] if rows else {}), "id": _FOREIGN_ID, "status": "error"}
        rows = [other] if foreign["alone"] else [other, *rows]
    return as_json(200, _shape_answer(exchange, shape, report, rows))


def _shape_answer(exchange: Exchange, shape: str, report: Report | None, rows: list[dict[str, Any]]) -> Any:
    if shape == "B" or report is None:
        return {"data": {"rows": rows, "total_rows": len(rows), "links": {"next": "", "prev": ""}}}
    # A foreign row comes before ours.
    ours = rows[-1]
    if shape == "C":
        return ours
    if shape == "D":
        return {"status": ours["status"]}
    is_ready = bool(ours["rpt_file_api_link"])
    total = ours["record_count"]
    following = f"{DOCUMENTED}/completed-reports/{report.id}?limit=100&offset=100"
    links = {"prev": "", "next": following if is_ready and report.rows > 100 else ""}
    return {"status": ours["status"], "data": {"total_rows": total, "links": links}}


def row(exchange: Exchange, report: Report) -> dict[str, Any]:
    """The report as a row of Kargo's answers."""
    word, is_linked = _state(exchange, report)
    expires_at = report.expires_at
    if exchange.fault("expired_report") is not None:
        expires_at = report.created_at - 1
    composed = exchange.fault("link_composition")
    if composed and composed["form"] == "relative":
        api_link = f"/v1/completed-reports/{report.id}"
    else:
        api_link = f"{DOCUMENTED}/completed-reports/{report.id}{'?format=json' if composed else ''}"
    found = {
        "id": report.id,
        "report_definition_id": report.order.definition,
        "status": word,
        "created_at": moment(report.created_at),
        "updated_at": moment(report.ready_at or report.created_at),
        "rpt_file_expires_at": moment(expires_at),
        "rpt_file_api_link": api_link if is_linked else "",
        "rpt_file_download_link": f"{exchange.world.storage_base}/kargo/{report.id}.csv" if is_linked else "",
        "record_count": state_total(exchange, report.rows) if is_linked else 0,
        "parameters": parameters_in_reply(report.order),
    }
    if report.failure:
        found["error"] = report.failure
    return found


def _state(exchange: Exchange, report: Report) -> tuple[str, bool]:
    """The status word, and whether the links stand beside it."""
    if failure := exchange.fault("error_status"):
        report.failure = failure["text"] or ""
    if report.failure is not None:
        return "error", False
    if exchange.fault("never_ready") is not None:
        return "pending", False
    is_ready = report.ready_at is not None
    word = "complete" if is_ready else ("pending" if report.polls < 2 else "running")
    is_linked = is_ready and exchange.fault("ready_without_link") is None
    if is_ready and exchange.fault("ready_by_link") is not None:
        word = "running"
    if (fault := exchange.fault("status_word")) and report.polls >= fault["from_poll"]:
        word = fault["word"]
        is_linked = {"set": True, "empty": False}.get(fault["link"], is_linked)
    return word, is_linked


def list_reports(exchange: Exchange, reports: Reports, refuse: Refuse) -> Answer:
    """The requests so far, newest first, in pages."""
    page = page_of(exchange, refuse)
    late = exchange.fault("late_listing")
    seen = []
    for report in reports.newest_first():
        report.lists += 1
        if late is None or report.lists > late["polls"]:
            seen.append(report)
    rows = [row(exchange, report) for report in seen[page.offset : page.offset + page.limit]]
    before, after = envelope(exchange, "/reports", page, len(seen), state_total(exchange, len(seen)))
    text = as_json(200, rows)
    body = before + b"".join(text.body)[1:-1] + after
    return Answer(200, (body,), len(body), text.headers)
