"""Kargo's Data Sharing API: clients request a report, wait for it, and read it in pages or as a file.

If its documents are silent or contradict each other, the default is what the vendor's own example program expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from sandbox.dial import Place
from sandbox.exchange import Exchange
from sandbox.faults.counts import is_refused_past_end, shift_start, state_total
from sandbox.http.message import Answer, Request, as_json, as_list, streamed
from sandbox.vendors.kargo import status
from sandbox.vendors.kargo.pages import DOCUMENTED, envelope, page_of
from sandbox.vendors.kargo.reports import (
    KNOWN_DEFINITIONS,
    KNOWN_DIMENSIONS,
    KNOWN_MEASURES,
    Report,
    Reports,
    read_order,
)
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS, basic, token_answer
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor, csv_answer

TOKEN_SECONDS = 3600


class Kargo(Vendor):
    """One Kargo account."""

    name = "kargo"
    prefix = "/kargo/v1"

    def __init__(self) -> None:
        self._reports = Reports()
        super().__init__()

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("POST", "/authenticate", "authenticate", "token", self.authenticate),
            Endpoint("POST", "/reports", "reports", "submit", self.submit),
            Endpoint(
                "GET", "/reports", "status", "status", partial(status.poll, self._reports), needs_query="report_id"
            ),
            Endpoint("GET", "/reports", "list", "list", partial(status.list_reports, self._reports)),
            Endpoint("GET", "/report-definitions/", "report-definitions", "list", self.list_definitions),
            Endpoint("GET", "/completed-reports/{id}", "completed-reports", "page", self.page),
            Endpoint("GET", "/completed-reports/{id}/data", "csv-link", "link", self.csv_link),
            Endpoint("GET", "/completed-reports/{id}/{file}", "csv", "csv", self.csv),
        )

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        if place.role == "submit":
            body = request.json()
            return replace(place, names=(str(body.get("report_definition_id")),)) if isinstance(body, dict) else place
        if place.role in ("token", "list"):
            return place
        report_id = parts.get("id") or request.query["report_id"]
        report = self._reports.find(report_id)
        offset = request.query.get("offset", "0")
        return replace(
            place,
            names=(report_id, report.order.definition) if report else (report_id,),
            offset=int(offset) if offset.isdecimal() else None,
        )

    def authenticate(self, exchange: Exchange) -> Answer:
        """Issue a token for user and password."""
        known = CREDENTIALS["kargo"]
        if basic(exchange.request) != (known["username"], known["password"]):
            raise Refusal(401, "Authentication information is missing or invalid.")
        return token_answer(exchange, self.tokens, TOKEN_SECONDS)

    def submit(self, exchange: Exchange) -> Answer:
        """Take a request for a report; the answer is its row, still without links."""
        order, failure = read_order(self.json_body(exchange, other_type=415)), None
        strict = exchange.fault("strict_names")
        try:
            if strict:
                order.check_known()
        except BadRequest as reason:
            if strict and strict["answer"] == "400":
                raise
            # The request is accepted despite its mistake, and the report then fails.
            failure = str(reason)
        report = self._reports.create(order, exchange.settings.rows_of("kargo", order.definition))
        report.failure = failure
        return as_json(200, status.row(exchange, report))

    def list_definitions(self, exchange: Exchange) -> Answer:
        """The report definitions, with their dimensions and measures."""
        names = {"dimensions": list(KNOWN_DIMENSIONS), "measures": list(KNOWN_MEASURES)}
        rows = [{"id": definition, **names} for definition in KNOWN_DEFINITIONS]
        return as_json(200, {"data": {"links": {"next": "", "prev": ""}, "rows": rows, "total_rows": len(rows)}})

    def page(self, exchange: Exchange) -> Answer:
        """One page of a report, as JSON."""
        report, page = self._find_ready(exchange), page_of(exchange)
        if is_refused_past_end(exchange, page.offset, report.rows):
            raise Refusal(400, f"offset {page.offset} is past the end")
        rendering = exchange.rendering(report.name, report.rows, usual="strings", is_start=page.offset == 0)
        total = state_total(exchange, report.rows, page=page.number)
        before, after = envelope(exchange, f"/completed-reports/{report.id}", page, report.rows, total)
        start = shift_start(exchange, page.offset, page=page.number)
        blocks = exchange.blocks(report.plan(rendering), start, start + page.limit)
        return streamed(as_list(before, blocks, after), "application/json")

    def csv_link(self, exchange: Exchange) -> Answer:
        """The link to the report as a file."""
        report = self._find_ready(exchange)
        total = state_total(exchange, report.rows)
        link = f"{DOCUMENTED}/completed-reports/{report.id}/{report.id}"
        return as_json(200, {"data": {"total_rows": total, "links": {"prev": "", "next": ""}}, "csv_link": link})

    def csv(self, exchange: Exchange) -> Answer:
        """The report as a file."""
        report = self._find_ready(exchange)
        if exchange.parts["file"] != report.id:
            raise Refusal(404, f"no file {exchange.parts['file']}")
        return csv_answer(exchange, report.plan(exchange.rendering(report.name, report.rows)))

    def file(self, exchange: Exchange) -> Answer:
        """The same file, from storage."""
        report = self._reports.find(exchange.parts["id"])
        if report is None or report.ready_at is None:
            raise Refusal(404, "NoSuchKey")
        gone = exchange.fault("expired_report") or exchange.fault("link_expires")
        if gone or report.is_expired:
            raise Refusal(gone["code"] if gone else 403, "Request has expired")
        return csv_answer(exchange, report.plan(exchange.rendering(report.name, report.rows)))

    def _find_ready(self, exchange: Exchange) -> Report:
        """The report of an exchange. Raises Refusal if it is unknown, not ready or expired."""
        report = self._reports.find(exchange.parts["id"])
        if report is None or report.ready_at is None or report.failure is not None:
            raise Refusal(404, "no such completed report")
        if exchange.has("expired_report") or report.is_expired:
            raise Refusal(exchange.value("expired_report", "code", 410), "the report has expired")
        return report
