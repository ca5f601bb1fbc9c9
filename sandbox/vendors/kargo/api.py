"""Kargo's Data Sharing API: a report is requested, prepared, and read in pages or as a file.

Where its documents are silent or contradict each other, the default is what the vendor's own example program reads.
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.exchange import Exchange
from sandbox.faults.counts import shift_start, state_total
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Refusal, Request, as_json, streamed
from sandbox.http.routing import Mount, route
from sandbox.vendors.csv_file import csv_answer
from sandbox.vendors.kargo import status
from sandbox.vendors.kargo.pages import DOCUMENTED, envelope, page_of
from sandbox.vendors.kargo.reports import Report, Reports
from sandbox.vendors.kargo.request import KNOWN_DEFINITIONS, KNOWN_DIMENSIONS, KNOWN_MEASURES, read_order
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS, Tokens, basic, token_answer

PREFIX = "/kargo/v1"
TOKEN_SECONDS = 3600


def refuse(status: int, text: str) -> Answer:
    """A refusal; the vendor documents no body for it."""
    return as_json(status, {"message": text})


class Kargo:
    """One Kargo account."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._reports = Reports()

    def mount(self) -> Mount:
        """Its endpoints."""
        place = self._place
        routes = (
            route("POST", "/authenticate", "authenticate", "token", self._authenticate),
            route("POST", "/reports", "reports", "submit", self._submit, place=_name_definition),
            route("GET", "/reports", "status", "status", self._poll, place=place, needs_query="report_id"),
            route("GET", "/reports", "list", "list", self._list),
            route("GET", "/report-definitions/", "report-definitions", "list", self._definitions),
            route("GET", "/completed-reports/{id}", "completed-reports", "page", self._page, place=place),
            route("GET", "/completed-reports/{id}/data", "csv-link", "link", self._csv_link, place=place),
            route("GET", "/completed-reports/{id}/{file}", "csv", "csv", self._csv, place=place),
        )
        return Mount("kargo", PREFIX, routes, refuse)

    def _authenticate(self, exchange: Exchange) -> Answer:
        known = CREDENTIALS["kargo"]
        if basic(exchange.request) != (known["username"], known["password"]):
            raise Refusal(refuse(401, "Authentication information is missing or invalid."))
        return token_answer(exchange, self._tokens, TOKEN_SECONDS)

    def _admit(self, exchange: Exchange) -> None:
        if not self._tokens.accepts(exchange.request):
            raise Refusal(refuse(401, "Authentication information is missing or invalid."))

    def _submit(self, exchange: Exchange) -> Answer:
        self._admit(exchange)
        if exchange.request.media_type != "application/json":
            raise Refusal(refuse(415, "send application/json"))
        strict = exchange.fault("strict_names")
        failure = None
        try:
            order = read_order(exchange.request.json())
            if strict is not None:
                order.check_known()
        except BadRequest as reason:
            if strict is None or strict["answer"] == "400":
                raise Refusal(refuse(400, str(reason))) from None
            failure = str(reason)
        except ValueError:
            raise Refusal(refuse(400, "the body is no JSON")) from None
        report = self._reports.create(order, exchange.settings.rows_of("kargo", order.definition))
        # A request that is accepted in spite of its mistake fails while it is prepared.
        report.failure = failure
        report.has_extra_measure = exchange.fault("extra_measure") is not None
        return as_json(200, status.row(exchange, report))

    def _poll(self, exchange: Exchange) -> Answer:
        self._admit(exchange)
        return status.poll(exchange, self._reports, refuse)

    def _list(self, exchange: Exchange) -> Answer:
        self._admit(exchange)
        return status.list_reports(exchange, self._reports, refuse)

    def _definitions(self, exchange: Exchange) -> Answer:
        self._admit(exchange)
        names = {"dimensions": list(KNOWN_DIMENSIONS), "measures": list(KNOWN_MEASURES)}
        rows = [{"id": definition, **names} for definition in KNOWN_DEFINITIONS]
        return as_json(200, {"data": {"links": {"next": "", "prev": ""}, "rows": rows, "total_rows": len(rows)}})

    def _page(self, exchange: Exchange) -> Answer:
        report = self._find_ready(exchange)
        page = page_of(exchange, refuse)
        past = exchange.fault("past_end")
        if past is not None and past["answer"] == "400" and page.offset and page.offset >= report.rows:
            raise Refusal(refuse(400, f"offset {page.offset} is past the end"))
        rendering = exchange.rendering(report.name, report.rows, usual="strings", is_start=page.offset == 0)
        plan = report.plan(rendering)
        total = state_total(exchange, report.rows, page=page.number)
        before, after = envelope(exchange, f"/completed-reports/{report.id}", page, report.rows, total)
        start = shift_start(exchange, page.offset, page=page.number)
        blocks = exchange.blocks(report.name, plan, start, start + page.limit)
        return streamed(exchange.as_list(before, blocks, after), "application/json")

    def _csv_link(self, exchange: Exchange) -> Answer:
        report = self._find_ready(exchange)
        total = state_total(exchange, report.rows)
        link = f"{DOCUMENTED}/completed-reports/{report.id}/{report.id}"
        return as_json(200, {"data": {"total_rows": total, "links": {"prev": "", "next": ""}}, "csv_link": link})

    def _csv(self, exchange: Exchange) -> Answer:
        report = self._find_ready(exchange)
        if exchange.parts["file"] != report.id:
            raise Refusal(refuse(404, f"no file {exchange.parts['file']}"))
        return self.file(exchange, report)

    def file(self, exchange: Exchange, report: Report) -> Answer:
        """The report as a file, from here or from storage."""
        rendering = replace(exchange.rendering(report.name, report.rows), form="csv", style="numbers")
        return csv_answer(exchange, report.name, report.plan, rendering, header=True)

    def find(self, report_id: str) -> Report | None:
        """The report of this id, for storage."""
        return self._reports.find(report_id)

    def _find_ready(self, exchange: Exchange) -> Report:
        """The report of an exchange; refused if it is unknown, not ready or expired."""
        self._admit(exchange)
        report = self._reports.find(exchange.parts["id"])
        if report is None or report.ready_at is None or report.failure is not None:
            raise Refusal(refuse(404, "no such completed report"))
        if fault := exchange.fault("expired_report"):
            raise Refusal(refuse(fault["code"], "the report has expired"))
        if report.is_expired:
            raise Refusal(refuse(410, "the report has expired"))
        return report

    def _place(self, request: Request, place: Place) -> Place:
        below = request.path.removeprefix(f"{PREFIX}/completed-reports/").partition("/")[0]
        report_id = request.query.get("report_id", below)
        report = self._reports.find(report_id)
        names = (report_id, report.order.definition) if report else (report_id,)
        offset = request.query.get("offset", "0")
        return replace(place, names=names, offset=int(offset) if offset.isdecimal() else None)


def _name_definition(request: Request, place: Place) -> Place:
    """The place of a submit, with its report definition as far as the body can be read."""
    try:
        name = request.json()["report_definition_id"]
    except (ValueError, KeyError, TypeError):
        return place
    return replace(place, names=(str(name),))
