"""Kargo's pages: the rows for a limit and an offset, and the envelope with total and links around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.exchange import Exchange
from sandbox.faults.counts import shorten
from sandbox.http.message import dumps
from sandbox.vendors.vendor import Refusal

DOCUMENTED = "https://datasharingapi.dev.kargo.com/v1"
OTHER_HOST = "https://elsewhere.invalid/v1"
DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000

# A placeholder for the rows, at which the envelope is split in two.
_ROWS = "@rows@"
_ENDS: dict[str, Any] = {"empty": "", "null": None, "null_text": "null"}
_USUAL_LINK = {"place": "data.links.next", "leads": "next", "host": "documented", "end": "empty"}


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `offset` to `offset + limit`; `is_bare` if the request had neither."""

    limit: int
    offset: int
    is_bare: bool

    @property
    def number(self) -> int:
        """The number of this page, from 0, if all have the same limit."""
        return self.offset // self.limit


def page_of(exchange: Exchange) -> Page:
    """The requested page. Raises Refusal if limit or offset is not a valid number."""
    query = exchange.request.query
    asked = {"limit": str(DEFAULT_LIMIT), "offset": "0", **query}
    for name, least in (("limit", 1), ("offset", 0)):
        if not (asked[name].isascii() and asked[name].isdecimal()) or int(asked[name]) < least:
            raise Refusal(400, f"{name} must be an integer from {least}")
    # With the fault `link_composition`, links contain `format=json`.
    unknown = query.keys() - {"limit", "offset", "format"}
    if unknown or query.get("format", "json") != "json":
        raise Refusal(400, f"unknown parameters: {', '.join(sorted(unknown)) or 'format'}")
    limit = shorten(exchange, min(int(asked["limit"]), LARGEST_LIMIT))
    return Page(limit, int(asked["offset"]), not {"limit", "offset"} & query.keys())


def envelope(exchange: Exchange, path: str, page: Page, total: int, stated_total: Any) -> tuple[bytes, bytes]:
    """The bytes before and after the rows of a page. `total` is the true count, `stated_total` the one to state."""
    rows_place = exchange.value("rows_place", "place", "data.rows")
    links_place = exchange.value("next_link", "place", "data.links.next").removesuffix(".next")
    at, _, word = links_place.rpartition(".")
    links = {} if page.is_bare and exchange.has("bare_links") else {word: _links(exchange, path, page, total)}
    counted: dict[str, Any] = {"total_rows": stated_total, **(links if at == "data" else {})}
    if rows_place == "data":
        inner: dict[str, Any] = {**counted, "data": _ROWS}
    elif rows_place == "rows":
        inner = {"data": counted, "rows": _ROWS}
    elif exchange.has("totals_last"):
        inner = {"data": {"rows": _ROWS, **counted}}
    else:
        inner = {"data": {**counted, "rows": _ROWS}}
    inner.update(links if at == "" else {})
    before, _, after = dumps(inner).partition(dumps(_ROWS))
    return before + b"[", b"]" + after


def _links(exchange: Exchange, path: str, page: Page, total: int) -> dict[str, Any]:
    fault = exchange.fault("next_link") or _USUAL_LINK
    own = exchange.world.base + exchange.vendor.prefix
    base = {"documented": DOCUMENTED, "own": own, "other": OTHER_HOST, "relative": exchange.vendor.prefix}[
        fault["host"]
    ]

    def link(offset: int) -> str:
        return f"{base}{path}?limit={page.limit}&offset={offset}"

    links: dict[str, Any] = {"prev": link(max(0, page.offset - page.limit)) if page.offset else ""}
    if fault["leads"] == "self":
        links["next"] = link(page.offset)
    elif fault["leads"] == "circle" and page.offset:
        links["next"] = link(0)
    elif page.offset + page.limit < total and fault["leads"] != "nowhere":
        links["next"] = link(page.offset + page.limit)
    elif fault["end"] != "absent":
        links["next"] = _ENDS[fault["end"]]
    return links
