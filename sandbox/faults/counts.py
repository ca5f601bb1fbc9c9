"""Faults in the number of rows a vendor names, and in how long its pages are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.faults.kind import Arg, Kinds, choice, roles

if TYPE_CHECKING:
    from sandbox.exchange import Exchange


def state_total(exchange: Exchange, total: int, *, page: int = 0) -> Any:
    """The total that the vendor states on page number `page`, counted from 0."""
    if fault := exchange.fault("drifting_total"):
        total += int(fault["by"]) * page
    if fault := exchange.fault("capped_total"):
        total = min(total, fault["at"])
    if fault := exchange.fault("wrong_total"):
        total += int(fault["by"])
    fault = exchange.fault("named_total")
    return fault["value"] if fault else total


def shift_start(exchange: Exchange, start: int, *, page: int) -> int:
    """Where page number `page`, counted from 0, begins: too early if rows were put in front."""
    fault = exchange.fault("drifting_total")
    return max(0, start - int(fault["by"]) * page) if fault and fault["shifts"] else start


COUNTS = Kinds("kargo", "mediamath")
COUNTS.switch(
    "wrong_total",
    roles("status", "list", "link", "page", "stream"),
    "The number of rows the vendor names is off by this much.",
    by=Arg(int, 1),
)
COUNTS.switch(
    "named_total",
    roles("status", "list", "link", "page", "stream"),
    "The vendor names this as the number of rows: -1, null, text, anything.",
    value=Arg(object),
)
COUNTS.switch(
    "drifting_total",
    roles("page"),
    (
        "The number of rows grows by this much with every page asked for beyond the first. `shifts`: as rows "
        "do that are put in front, so that each page repeats the end of the one before."
    ),
    by=Arg(int, 1),
    shifts=Arg(bool, False),
)
COUNTS.switch(
    "short_page", roles("list", "page"), "No page has more rows than this, whatever was asked.", rows=Arg(int)
)
COUNTS.switch(
    "past_end",
    roles("page"),
    "What a page past the end is: empty, or refused.",
    answer=choice("empty", "400", default="400"),
)
