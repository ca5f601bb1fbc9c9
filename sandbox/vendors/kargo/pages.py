"""Kargo's pages: which rows a limit and an offset mean, and the envelope with total and links around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.exchange import Exchange
from sandbox.http.message import Answer, Refusal, dumps

DOCUMENTED = "https://datasharingapi.dev.kargo.com/v1"
OTHER_HOST = "https://elsewhere.invalid/v1"
DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000

_ROWS = "@rows@"
_ENDS: dict[str, Any] = {"empty": "", "null": None, "null_text": "null"}

Refuse = Callable[[int, str], Answer]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `offset` to `offset + limit`; `is_bare` where neither was asked for."""

    limit: int
    offset: int
    is_bare: bool

    @property
    def number(self) -> int:
        """Which page this is, from 0, if all are as long."""
        return self.offset // self.limit


def page_of(exchange: Exchange, refuse: Refuse) -> Page:
    """The page that is requested; refused if limit or offset is not a sensible number."""
    query = exchange.request.query
    limit = _number(query.get("limit", str(DEFAULT_LIMIT)), "limit", 1, refuse)
    offset = _number(query.get("offset", "0"), "offset", 0, refuse)
    # `format=json` is what a link of fault `link_composition` carries already.
    unknown = query.keys() - {"limit", "offset", "format"}
    if unknown or query.get("format", "json") != "json":
        raise Refusal(refuse(400, f"unknown parameters: {', '.join(sorted(unknown)) or 'format'}"))
    if limit > LARGEST_LIMIT and exchange.fault("limit_refused") is not None:
        raise Refusal(refuse(400, f"limit {limit} is above {LARGEST_LIMIT}"))
    limit = min(limit, LARGEST_LIMIT)
    if short := exchange.fault("short_page"):
        limit = min(limit, max(1, short["rows"]))
    return Page(limit, offset, "limit" not in query and "offset" not in query)


def _number(text: str, name: str, least: int, refuse: Refuse) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) < least:
        raise Refusal(refuse(400, f"{name} must be an integer from {least}"))
    return int(text)


def envelope(exchange: Exchange, path: str, page: Page, total: int, stated_total: Any) -> tuple[bytes, bytes]:
    """The bytes before and after the rows of a page. `total` is the true count, `stated_total` the one to state."""
    place = exchange.fault("rows_place")
    rows_place = place["place"] if place else "data.rows"
    links = _links(exchange, path, page, total)
    fault = exchange.fault("next_link")
    at, _, word = (fault["place"] if fault else "data.links.next").removesuffix(".next").rpartition(".")
    counted: dict[str, Any] = {"total_rows": stated_total}
    if links is not None and at == "data":
        counted[word] = links
    if rows_place == "data":
        inner: dict[str, Any] = {**counted, "data": _ROWS}
    elif rows_place == "rows":
        inner = {"data": counted, "rows": _ROWS}
    elif exchange.fault("totals_last") is not None:
        inner = {"data": {"rows": _ROWS, **counted}}
    else:
        inner = {"data": {**counted, "rows": _ROWS}}
    if links is not None and at == "":
        inner[word] = links
    before, _, after = dumps(inner).partition(dumps(_ROWS))
    return before + b"[", b"]" + after


def _links(exchange: Exchange, path: str, page: Page, total: int) -> dict[str, Any] | None:
    if page.is_bare and exchange.fault("bare_links") is not None:
        return None
    fault = exchange.fault("next_link") or {"leads": "next", "host": "documented", "end": "empty"}
    links: dict[str, Any] = {"prev": ""}
    if page.offset:
        links["prev"] = _link(exchange, fault["host"], path, page.limit, max(0, page.offset - page.limit))
    offset: int | None = page.offset + page.limit
    if fault["leads"] == "self":
        offset = page.offset
    elif fault["leads"] == "circle" and page.offset:
        offset = 0
    elif page.offset + page.limit >= total or fault["leads"] == "nowhere":
        offset = None
    if offset is not None:
        links["next"] = _link(exchange, fault["host"], path, page.limit, offset)
    elif fault["end"] != "absent":
        links["next"] = _ENDS[fault["end"]]
    return links


def _link(exchange: Exchange, host: str, path: str, limit: int, offset: int) -> str:
    bases = {
        "documented": DOCUMENTED,
        "own": f"{exchange.world.base}/kargo/v1",
        "other": OTHER_HOST,
        "relative": "/kargo/v1",
    }
    return f"{bases[host]}{path}?limit={limit}&offset={offset}"
