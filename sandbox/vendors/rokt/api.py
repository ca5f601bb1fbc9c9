"""Rokt: the legacy reporting and metadata endpoints, and the Query API, behind one token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs

from sandbox.exchange import Exchange
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Refusal, Request, as_json, streamed
from sandbox.http.routing import Mount, Route, route
from sandbox.vendors.rokt import envelopes
from sandbox.vendors.rokt.legacy import read_legacy_request
from sandbox.vendors.rokt.query import capabilities, read_body
from sandbox.vendors.rokt.rows import ACCOUNTS, account_plan, legacy_plan, metadata, query_plan, summary
from sandbox.vendors.rokt.shapes import METADATA_PATHS, SHAPES, SUMMARY_PATH, Shape
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS, Tokens, basic, token_answer

PREFIX = "/rokt"
TOKEN_SECONDS = 3600
_QUERY = "/v1/query/accounts"
# Documented with a slash at its end, and without one: each path exactly as it is.
_QUERY_PATHS = {"query-campaigns": "/{account}/campaigns/", "query-transactions": "/{account}/transactions"}


def refuse(status: int, text: str) -> Answer:
    """A refusal; the vendor documents no body for it."""
    return as_json(status, {"message": text})


class Rokt:
    """One Rokt app."""

    def __init__(self) -> None:
        self._tokens = Tokens()

    def mount(self) -> Mount:
        """Its endpoints."""
        token = route("POST", "/auth/oauth2/token", "token", "token", self._token)
        return Mount("rokt", PREFIX, (token, *self._legacy_routes(), *self._query_routes()), refuse)

    def _legacy_routes(self) -> tuple[Route, ...]:
        found = [
            self._single("GET", f"/reporting{shape.path}", shape.report, _answer_legacy(shape)) for shape in SHAPES
        ]
        found.append(self._single("GET", f"/reporting{SUMMARY_PATH}", "account-summary", _summary))
        found += [
            self._single("GET", f"/metadata{path}", report, _answer_metadata(report))
            for report, path in METADATA_PATHS.items()
        ]
        return tuple(found)

    def _query_routes(self) -> tuple[Route, ...]:
        found = [
            self._single("GET", _QUERY, "query-accounts", _accounts),
            self._single("GET", _QUERY + "/{account}", "query-account", _account),
        ]
        for report, below in _QUERY_PATHS.items():
            act, path = _answer_query(report), _QUERY + below
            other = path[:-1] if path.endswith("/") else path + "/"
            found.append(self._single("POST", path, report, act))
            found.append(self._single("POST", other, report, _answer_other_slash(act, path)))
            found.append(self._single("GET", path.rstrip("/") + "/help", f"{report}-help", partial(_help, report)))
        return tuple(found)

    def _single(self, method: str, path: str, report: str, act: Callable[[Exchange], Answer]) -> Route:
        """A route that requires a token and numeric ids, and has the name of its report."""
        digits = path.replace("{account}", r"(?P<account>\d{1,20})")
        for name in ("campaign", "creative", "audience"):
            digits = digits.replace("{" + name + "}", rf"(?P<{name}>\d{{1,20}})")

        def admitted(exchange: Exchange) -> Answer:
            if not self._tokens.accepts(exchange.request):
                raise Refusal(refuse(403, "Forbidden"))
            try:
                return act(exchange)
            except BadRequest as reason:
                raise Refusal(refuse(400, str(reason))) from None

        def named(_request: Request, place: Place) -> Place:
            return replace(place, names=(report,))

        return route(method, digits, report, "single", admitted, place=named)

    def _token(self, exchange: Exchange) -> Answer:
        request, known = exchange.request, CREDENTIALS["rokt"]
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if request.media_type != "application/x-www-form-urlencoded":
            raise Refusal(as_json(400, {"error": "invalid_request"}))
        if form.get("grant_type") != ["client_credentials"]:
            raise Refusal(as_json(400, {"error": "unsupported_grant_type"}))
        if basic(request) != (known["app_id"], known["app_secret"]):
            raise Refusal(as_json(400, {"error": "invalid_client"}))
        return token_answer(exchange, self._tokens, TOKEN_SECONDS)


def _answer_legacy(shape: Shape) -> Callable[[Exchange], Answer]:
    def act(exchange: Exchange) -> Answer:
        spellings = ("groupby", "groupBy") if exchange.fault("group_spelling") is not None else ("groupby",)
        is_strict = exchange.fault("strict_zones") is not None
        asked = read_legacy_request(exchange.request.query, shape, spellings=spellings, is_strict=is_strict)
        report = f"rokt.{shape.report}"
        spelling = exchange.fault("audiences")
        rendering = exchange.rendering(report, _rows(exchange, shape, len(asked.days())))
        plan = legacy_plan(shape.report, asked, rendering, audiences=spelling["name"] if spelling else "Audiences")
        return envelopes.legacy(exchange, report, plan, is_list=shape.is_list)

    return act


def _rows(exchange: Exchange, shape: Shape, days: int) -> int:
    """One row for a single, one for each day for a histogram, else as many as set."""
    if not shape.is_list:
        return 1
    settings = exchange.settings
    if shape.is_histogram:
        return settings.rows_by_report.get(f"rokt.{shape.report}", days)
    return settings.rows_of("rokt", shape.report)


def _summary(exchange: Exchange) -> Answer:
    is_strict = exchange.fault("strict_zones") is not None
    asked = read_legacy_request(exchange.request.query, None, is_strict=is_strict)
    rows = summary(asked, exchange.rendering("rokt.account-summary", 1))
    return envelopes.legacy(exchange, "rokt.account-summary", rows, is_list=False)


def _answer_metadata(report: str) -> Callable[[Exchange], Answer]:
    def act(exchange: Exchange) -> Answer:
        if exchange.request.query:
            raise BadRequest("metadata takes no parameters")
        rows = metadata(report, exchange.parts)
        return envelopes.legacy(exchange, f"rokt.{report}", rows, is_list=False)

    return act


def _accounts(exchange: Exchange) -> Answer:
    """Every account, as a bare list."""
    rows = exchange.settings.rows_by_report.get("rokt.query-accounts", ACCOUNTS)
    plan = account_plan(exchange.rendering("rokt.query-accounts", rows))
    blocks = exchange.blocks("rokt.query-accounts", plan)
    return streamed(exchange.as_list(b"[", blocks, b"]"), "application/json")


def _account(exchange: Exchange) -> Answer:
    plan = account_plan(exchange.rendering("rokt.query-accounts", ACCOUNTS))
    wanted = exchange.parts["account"].encode()
    for row in plan.rows():
        if wanted in row:
            return Answer(200, (row,), len(row), {"Content-Type": "application/json"})
    raise Refusal(refuse(404, "no such account"))


def _answer_query(report: str) -> Callable[[Exchange], Answer]:
    def act(exchange: Exchange) -> Answer:
        request = exchange.request
        if request.media_type != "application/json":
            raise BadRequest("send application/json")
        latest = exchange.settings.today if exchange.fault("future_refused") is not None else None
        try:
            body = read_body(report, request.json(), latest_end=latest)
        except BadRequest:
            raise
        except ValueError:
            raise BadRequest("the body is no JSON") from None
        rendering = exchange.rendering(f"rokt.{report}", exchange.settings.rows_of("rokt", report))
        plan = query_plan(report, body, rendering)
        return envelopes.query(exchange, f"rokt.{report}", plan, exchange.parts["account"])

    return act


def _answer_other_slash(act: Callable[[Exchange], Answer], path: str) -> Callable[[Exchange], Answer]:
    """The answer to a path with or without the slash that it should not or should have."""

    def other(exchange: Exchange) -> Answer:
        fault = exchange.fault("slash")
        if fault is None or fault["answer"] == "404":
            raise Refusal(refuse(404, f"no such path: {exchange.request.path}"))
        if fault["answer"] == "accepted":
            return act(exchange)
        right = exchange.request.path.rstrip("/") + ("/" if path.endswith("/") else "")
        return Answer(301, headers={"Location": right})

    return other


def _help(report: str, _exchange: Exchange) -> Answer:
    return as_json(200, capabilities(report))
