"""Rokt: the legacy reporting and metadata endpoints, and the Query API, all with the same token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.dial import Place
from sandbox.exchange import Exchange
from sandbox.http.message import Answer, Request, as_json, as_list, dumps, streamed, whole
from sandbox.rows import RowPlan
from sandbox.vendors.rokt.legacy import (
    METADATA_PATHS,
    SHAPES,
    legacy_plan,
    metadata,
    read_legacy_request,
    summary,
)
from sandbox.vendors.rokt.query import ACCOUNTS, account_plan, capabilities, query_plan, read_body
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS, basic, token_answer
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor

TOKEN_SECONDS = 3600
_ACCOUNTS = "/v1/query/accounts"
_ACCOUNT = _ACCOUNTS + "/{account}"

# The envelopes of legacy answers; the documents and working clients disagree about them.
_LISTS = {
    "data.items": (b'{"data":{"items":[', b"]}}"),
    "items": (b'{"items":[', b"]}"),
    "data": (b'{"data":[', b"]}"),
    "bare": (b"[", b"]"),
    "first_row": (b"", b""),
}
_SINGLES = {"data.items": (b'{"data":', b"}"), "data": (b'{"data":', b"}")}


class Rokt(Vendor):
    """One Rokt app. Each of its reports is an endpoint of the same name."""

    name = "rokt"
    prefix = "/rokt"

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        reporting = {f"/reporting{shape.path}": report for report, shape in SHAPES.items()}
        metadata_ = {f"/metadata{path}": report for report, path in METADATA_PATHS.items()}
        # One of the two is documented with a slash at its end, the other without.
        query = {f"{_ACCOUNT}/campaigns/": "query-campaigns", f"{_ACCOUNT}/transactions": "query-transactions"}
        found = [
            Endpoint("POST", "/auth/oauth2/token", "token", "token", self.token),
            Endpoint("GET", "/reporting/accounts/{account}/summary", "account-summary", "single", answer_summary),
            Endpoint("GET", _ACCOUNTS, "query-accounts", "single", answer_accounts),
        ]
        found += [Endpoint("GET", path, report, "single", answer_legacy) for path, report in reporting.items()]
        found += [Endpoint("GET", path, report, "single", answer_metadata) for path, report in metadata_.items()]
        for path, report in query.items():
            found.append(Endpoint("POST", path, report, "single", answer_query))
            found.append(Endpoint("GET", f"{path.rstrip('/')}/help", f"{report}-help", "single", answer_help))
        return tuple(found)

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        return replace(place, names=(place.endpoint,))

    def admit(self, exchange: Exchange) -> None:
        if not self.tokens.accepts(exchange.request):
            raise Refusal(403, "Forbidden")
        if not all(number.isdecimal() and len(number) <= 20 for number in exchange.parts.values()):
            raise Refusal(404, f"no such path: {exchange.request.path}")

    def token(self, exchange: Exchange) -> Answer:
        """Issue a token for the app's id and secret; the request is a form."""
        request, known = exchange.request, CREDENTIALS["rokt"]
        if request.media_type != "application/x-www-form-urlencoded":
            return as_json(400, {"error": "invalid_request"})
        if request.form().get("grant_type") != "client_credentials":
            return as_json(400, {"error": "unsupported_grant_type"})
        if basic(request) != (known["app_id"], known["app_secret"]):
            return as_json(400, {"error": "invalid_client"})
        return token_answer(exchange, self.tokens, TOKEN_SECONDS)


def answer_legacy(exchange: Exchange) -> Answer:
    """A legacy report: one row, or a row for each day of a histogram, or as many as the settings say."""
    shape = SHAPES[exchange.place.endpoint]
    asked, report = read_legacy_request(exchange.request.query, shape), f"rokt.{shape.report}"
    rows = exchange.settings.rows_of("rokt", shape.report) if shape.is_list else 1
    if shape.is_histogram:
        rows = exchange.settings.rows_by_report.get(report, len(asked.days()))
    audiences = exchange.value("audiences", "name", "Audiences")
    plan = legacy_plan(shape.report, asked, exchange.rendering(report, rows), audiences=audiences)
    return wrap_legacy(exchange, plan, is_list=shape.is_list)


def answer_summary(exchange: Exchange) -> Answer:
    """The summary of an account."""
    rows = summary(read_legacy_request(exchange.request.query, None), exchange.rendering("rokt.account-summary", 1))
    return wrap_legacy(exchange, rows, is_list=False)


def answer_metadata(exchange: Exchange) -> Answer:
    """The metadata of a campaign, an audience or a creative."""
    if exchange.request.query:
        raise BadRequest("metadata takes no parameters")
    return wrap_legacy(exchange, metadata(exchange.place.endpoint, exchange.parts), is_list=False)


def answer_accounts(exchange: Exchange) -> Answer:
    """All accounts, as a list without an envelope."""
    rows = exchange.settings.rows_by_report.get("rokt.query-accounts", ACCOUNTS)
    plan = account_plan(exchange.rendering("rokt.query-accounts", rows))
    return streamed(as_list(b"[", exchange.blocks(plan), b"]"), "application/json")


def answer_query(exchange: Exchange) -> Answer:
    """The rows of a query."""
    report, settings = exchange.place.endpoint, exchange.settings
    asked = read_body(report, exchange.vendor.json_body(exchange))
    rendering = exchange.rendering(f"rokt.{report}", settings.rows_of("rokt", report))
    return wrap_query(exchange, query_plan(report, asked, rendering))


def answer_help(exchange: Exchange) -> Answer:
    """The metrics and dimensions of a query."""
    return as_json(200, capabilities(exchange.place.endpoint.removesuffix("-help")))


def wrap_legacy(exchange: Exchange, rows: RowPlan, *, is_list: bool) -> Answer:
    """A legacy answer: rows at data.items, one row at data, unless a fault says otherwise."""
    shape = exchange.value("envelope", "shape", "data.items")
    before, after = (_LISTS if is_list else _SINGLES).get(shape, (b"", b""))
    if exchange.has("comma_joined"):
        before = after = b""
    stop = 1 if shape == "first_row" else exchange.value("round_cap", "rows", None)
    return streamed(as_list(before, exchange.blocks(rows, 0, stop), after), "application/json")


def wrap_query(exchange: Exchange, rows: RowPlan) -> Answer:
    """A Query answer: rows at data, with the account and the duration of the query."""
    head = dumps({"accountId": exchange.parts["account"], "queryTimeMs": 42})
    if exchange.has("no_rows_key"):
        return whole(200, head, "application/json")
    blocks = exchange.blocks(rows, 0, exchange.value("round_cap", "rows", None))
    return streamed(as_list(head[:-1] + b',"data":[', blocks, b"]}"), "application/json")
