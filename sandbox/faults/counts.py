"""Faults in the number of rows that a vendor states, and in the size of its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sandbox.faults.kind import Kinds, Role

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

COUNTS = Kinds("kargo", "mediamath")
_COUNTED: set[Role] = {"status", "list", "link", "page", "stream"}

COUNTS.switch("wrong_total", _COUNTED, "The number of rows that the vendor states is wrong by this much.", by=(int, 1))
COUNTS.switch(
    "named_total", _COUNTED, "The vendor states this as the number of rows: -1, null, text, anything.", value=Any
)
COUNTS.switch(
    "drifting_total",
    {"page"},
    "The number of rows grows by this much with every requested page after the first. `shifts`: new rows come "
    "first, so that each page repeats the end of the one before.",
    by=(int, 1),
    shifts=(bool, False),
)
COUNTS.switch("short_page", {"list", "page"}, "No page has more rows than this, even if more were requested.", rows=int)
COUNTS.switch(
    "past_end",
    {"page"},
    "The answer to a page past the end: an empty page, or a refusal.",
    answer=(Literal["empty", "400"], "400"),
)


def state_total(exchange: Exchange, total: int, *, page: int = 0) -> Any:
    """The total that the vendor states on page number `page`, counted from 0."""
    total += int(exchange.value("drifting_total", "by", 0)) * page
    total = min(total, exchange.value("capped_total", "at", total))
    return exchange.value("named_total", "value", total + int(exchange.value("wrong_total", "by", 0)))


def shift_start(exchange: Exchange, start: int, *, page: int) -> int:
    """The first row of page number `page`, counted from 0: too early if new rows came first."""
    drift = exchange.fault("drifting_total")
    return max(0, start - int(drift["by"]) * page) if drift and drift["shifts"] else start


def shorten(exchange: Exchange, rows: int) -> int:
    """The number of rows on a page for which `rows` were requested."""
    return max(1, min(rows, int(exchange.value("short_page", "rows", rows))))


def is_refused_past_end(exchange: Exchange, start: int, total: int) -> bool:
    """Does the vendor refuse a page that begins here? It never refuses the first one."""
    return bool(start and start >= total and exchange.value("past_end", "answer", "empty") == "400")
