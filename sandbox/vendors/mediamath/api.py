"""MediaMath's Reporting API V2: one query, answered by a stream of lines or by a page."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from sandbox.exchange import Exchange
from sandbox.faults.counts import shift_start, state_total
from sandbox.faults.dial import Place
from sandbox.http.message import Answer, Refusal, Request, as_json, dumps, streamed
from sandbox.http.routing import Mount, route
from sandbox.rows import RowPlan
from sandbox.vendors.mediamath.datasets import datasets
from sandbox.vendors.mediamath.query import Leniency, Query, read_query
from sandbox.vendors.mediamath.rows import header, plan
from sandbox.vendors.mediamath.times import buckets
from sandbox.vendors.schema import BadRequest
from sandbox.vendors.tokens import CREDENTIALS, Tokens, token_answer

PREFIX = "/mediamath"
TOKEN_SECONDS = 86_400
AUDIENCE = "https://api.mediamath.com/"

_ERROR_CODES = {400: "BadRequest", 401: "Unauthorized", 404: "NotFound", 405: "MethodNotAllowed"}
_ALPHANUMERICS = string.ascii_letters + string.digits


def refuse(status: int, text: str) -> Answer:
    """A refusal in the vendor's form."""
    request_id = "".join(secrets.choice(_ALPHANUMERICS) for _ in range(32))
    code = _ERROR_CODES.get(status, "InternalError")
    return as_json(status, {"error_code": code, "request_id": request_id, "message": text})


class MediaMath:
    """One MediaMath user."""

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._refresh_tokens: set[str] = set()

    def mount(self) -> Mount:
        """Its endpoints."""
        routes = (
            route("POST", "/oauth/token", "token", "token", self._token),
            route("POST", "/reporting/v2/{dataset}", "dataset", "stream", self._query, place=_place),
        )
        return Mount("mediamath", PREFIX, routes, refuse)

    def _token(self, exchange: Exchange) -> Answer:
        """A token by password or refresh token, asked for in a form or in JSON."""
        form = _form(exchange.request)
        known = CREDENTIALS["mediamath"]
        if any(form.get(name) != known[name] for name in ("client_id", "client_secret")):
            raise Refusal(_auth0(401, "access_denied", "Unauthorized"))
        more = {}
        if form.get("grant_type") == "password":
            if any(form.get(name) != known[name] for name in ("username", "password")):
                raise Refusal(_auth0(403, "invalid_grant", "Wrong email or password."))
            if form.get("audience") != AUDIENCE:
                raise Refusal(_auth0(403, "access_denied", f"audience must be {AUDIENCE}"))
            if "offline_access" in str(form.get("scope", "")).split():
                more["refresh_token"] = f"sandbox-refresh-{secrets.token_urlsafe(16)}"
                self._refresh_tokens.add(more["refresh_token"])
        elif form.get("grant_type") != "refresh_token":
            raise Refusal(_auth0(403, "unsupported_grant_type", f"grant_type {form.get('grant_type')!r}"))
        elif form.get("refresh_token") not in self._refresh_tokens:
            raise Refusal(_auth0(403, "invalid_grant", "Unknown or invalid refresh token."))
        return token_answer(exchange, self._tokens, TOKEN_SECONDS, **more)

    def _query(self, exchange: Exchange) -> Answer:
        query = self._read_query(exchange)
        report = f"mediamath.{query.dataset.name}"
        rows_there = exchange.settings.rows_of("mediamath", query.dataset.name)
        rendering = exchange.rendering(report, rows_there, is_start=query.page_index == 0)
        week = exchange.fault("week_start")
        times = buckets(
            query.body,
            exchange.settings.today,
            week_start=week["day"] if week else "monday",
            is_end_inclusive=exchange.fault("end_inclusive") is not None,
        )
        rows = plan(query, rendering, times, is_time_first=exchange.fault("agg_timestamp_first") is not None)
        if query.page_size is None:
            return _stream(exchange, query, report, rows)
        return _page(exchange, query, report, rows)

    def _read_query(self, exchange: Exchange) -> Query:
        """The query of an exchange; refused if the token, the dataset or the body is wrong."""
        request = exchange.request
        static = f"Bearer {CREDENTIALS['mediamath']['token']}"
        if request.headers.get("authorization") != static and not self._tokens.accepts(request):
            raise Refusal(refuse(401, "Unauthorized"))
        dataset = datasets().get(exchange.parts["dataset"])
        if dataset is None:
            raise Refusal(refuse(404, "The requested resource could not be found"))
        if request.media_type != "application/json":
            raise Refusal(refuse(400, "send application/json"))
        bound, word = exchange.fault("page_bound"), exchange.fault("current_date")
        today_words: tuple[str, ...] = ("current_day",)
        if word is not None:
            today_words = ("current_day", "current_date") if word["beside"] else ("current_date",)
        is_conflict_refused = exchange.fault("windows_conflict") is not None
        leniency = Leniency(bound["rows"] if bound else 1000, is_conflict_refused, today_words)
        try:
            return read_query(dataset, request.json(), leniency)
        except BadRequest as reason:
            raise Refusal(refuse(400, str(reason))) from None
        except ValueError:
            raise Refusal(refuse(400, "the body is no JSON")) from None


def _stream(exchange: Exchange, query: Query, report: str, rows: RowPlan) -> Answer:
    sent = min(rows.total, query.max_results or rows.total)
    total = rows.total if exchange.fault("uncapped_total") is not None else sent
    first = header(query, state_total(exchange, total))
    blocks = exchange.blocks(report, rows, 0, sent, header=first)
    return streamed(exchange.as_lines(blocks), "application/jsonl")


def _page(exchange: Exchange, query: Query, report: str, rows: RowPlan) -> Answer:
    size = query.page_size or 1
    if short := exchange.fault("short_page"):
        size = min(size, max(1, short["rows"]))
    start = query.page_index * size
    past = exchange.fault("past_end")
    if past is not None and past["answer"] == "400" and query.page_index and start >= rows.total:
        raise Refusal(refuse(400, f"page_index {query.page_index} is past the end"))
    total = state_total(exchange, rows.total, page=query.page_index)
    # A fault may state a total that is no number; pages are counted by the true one then.
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
    blocks = exchange.blocks(report, rows, start, start + size)
    return streamed(exchange.as_list(before, blocks, b"]}"), "application/json")


def _place(request: Request, place: Place) -> Place:
    """Page or stream, as the body asks."""
    dataset = request.path.rpartition("/")[2]
    try:
        pagination = request.json().get("pagination")
    except (ValueError, AttributeError):
        pagination = None
    if not isinstance(pagination, dict):
        return replace(place, endpoint="stream", names=(dataset,))
    return replace(place, endpoint="page", role="page", names=(dataset,), page=pagination.get("page_index"))


def _form(request: Request) -> dict[str, Any]:
    if request.media_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    try:
        form = request.json()
    except ValueError:
        form = None
    if request.media_type != "application/json" or not isinstance(form, dict):
        raise Refusal(_auth0(400, "invalid_request", "send a form or JSON"))
    return form


def _auth0(status: int, error: str, description: str) -> Answer:
    return as_json(status, {"error": error, "error_description": description})
