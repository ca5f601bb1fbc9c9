"""MediaMath's Reporting API V2: queries, each answered with a stream of lines or a page."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.dial import Place
from sandbox.exchange import Exchange
from sandbox.faults.counts import is_refused_past_end, shift_start, shorten, state_total
from sandbox.http.message import Answer, Request, as_json, as_list, dumps, streamed
from sandbox.rows import RowPlan
from sandbox.vendors.mediamath.query import Query, datasets, read_query
from sandbox.vendors.mediamath.rows import buckets, header, plan
from sandbox.vendors.tokens import CREDENTIALS, token_answer
from sandbox.vendors.vendor import Endpoint, Refusal, Vendor

TOKEN_SECONDS = 86_400
AUDIENCE = "https://api.mediamath.com/"

_ERROR_CODES = {400: "BadRequest", 401: "Unauthorized", 404: "NotFound", 405: "MethodNotAllowed"}


class MediaMath(Vendor):
    """One MediaMath user."""

    name = "mediamath"
    prefix = "/mediamath"

    def __init__(self) -> None:
        super().__init__()
        self._refresh_tokens: set[str] = set()

    def list_endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("POST", "/oauth/token", "token", "token", self.token),
            Endpoint("POST", "/reporting/v2/{dataset}", "stream", "stream", self.query),
        )

    def locate(self, place: Place, request: Request, parts: Mapping[str, str]) -> Place:
        if place.role == "token":
            return place
        body = request.json()
        pagination = body.get("pagination") if isinstance(body, dict) else None
        place = replace(place, names=(parts["dataset"],))
        if not isinstance(pagination, dict):
            return place
        return replace(place, endpoint="page", role="page", page=pagination.get("page_index"))

    def admit(self, exchange: Exchange) -> None:
        if exchange.request.headers.get("authorization") != f"Bearer {CREDENTIALS['mediamath']['token']}":
            super().admit(exchange)

    def refuse(self, status: int, text: str) -> Answer:
        code = _ERROR_CODES.get(status, "InternalError")
        return as_json(status, {"error_code": code, "request_id": secrets.token_hex(16), "message": text})

    def token(self, exchange: Exchange) -> Answer:
        """Issue a token for a password or refresh token, sent as a form or as JSON."""
        request, known = exchange.request, CREDENTIALS["mediamath"]
        form: Any = request.json() if request.media_type == "application/json" else None
        if request.media_type == "application/x-www-form-urlencoded":
            form = request.form()
        if not isinstance(form, dict):
            return _auth0_refusal(400, "invalid_request", "send a form or JSON")
        if any(form.get(name) != known[name] for name in ("client_id", "client_secret")):
            return _auth0_refusal(401, "access_denied", "Unauthorized")
        more = {}
        if form.get("grant_type") == "password":
            if any(form.get(name) != known[name] for name in ("username", "password")):
                return _auth0_refusal(403, "invalid_grant", "Wrong email or password.")
            if form.get("audience") != AUDIENCE:
                return _auth0_refusal(403, "access_denied", f"audience must be {AUDIENCE}")
            if "offline_access" in str(form.get("scope", "")).split():
                more["refresh_token"] = f"sandbox-refresh-{secrets.token_urlsafe(16)}"
                self._refresh_tokens.add(more["refresh_token"])
        elif form.get("grant_type") != "refresh_token":
            return _auth0_refusal(403, "unsupported_grant_type", f"grant_type {form.get('grant_type')!r}")
        elif form.get("refresh_token") not in self._refresh_tokens:
            return _auth0_refusal(403, "invalid_grant", "Unknown or invalid refresh token.")
        return token_answer(exchange, self.tokens, TOKEN_SECONDS, **more)

    def query(self, exchange: Exchange) -> Answer:
        """The rows of a query, as a stream or as a page."""
        dataset = datasets().get(exchange.parts["dataset"])
        if dataset is None:
            raise Refusal(404, "The requested resource could not be found")
        query = read_query(dataset, self.json_body(exchange))
        report = f"mediamath.{dataset.name}"
        rows_there = exchange.settings.rows_of("mediamath", dataset.name)
        rendering = exchange.rendering(report, rows_there, is_start=query.page_index == 0)
        rows = plan(query, rendering, buckets(query.body, exchange.settings.today))
        return _stream(exchange, query, rows) if query.page_size is None else _page(exchange, query, rows)


def _stream(exchange: Exchange, query: Query, rows: RowPlan) -> Answer:
    sent = min(rows.total, query.max_results or rows.total)
    total = rows.total if exchange.has("uncapped_total") else sent
    first = header(query, state_total(exchange, total))
    return streamed(exchange.lines(exchange.blocks(rows, 0, sent, header=first)), "application/jsonl")


def _page(exchange: Exchange, query: Query, rows: RowPlan) -> Answer:
    size = shorten(exchange, query.page_size or 1)
    start = query.page_index * size
    if is_refused_past_end(exchange, start, rows.total):
        raise Refusal(400, f"page_index {query.page_index} is past the end")
    total = state_total(exchange, rows.total, page=query.page_index)
    # If a fault makes the stated total something other than a count, the pages are counted by the true one.
    counted = total if isinstance(total, int) and total >= 0 else rows.total
    meta = {
        "page_index": query.page_index,
        "total_pages": -(-counted // size),
        "items_count": max(0, min(size, rows.total - start)),
        "total_items_count": total,
        "status": "OK",
    }
    before = b'{"meta":' + dumps(meta) + b',"results":['
    start = shift_start(exchange, start, page=query.page_index)
    return streamed(as_list(before, exchange.blocks(rows, start, start + size), b"]}"), "application/json")


def _auth0_refusal(status: int, error: str, description: str) -> Answer:
    return as_json(status, {"error": error, "error_description": description})
