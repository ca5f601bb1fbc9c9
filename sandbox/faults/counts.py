"""Faults in the number of rows a vendor names, and in how long its pages are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.faults.kind import Arg, Kind, choice, roles

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

_PAGE = roles("page")
_PAGED = roles("page", "list")
_KARGO = frozenset({"kargo"})
_MEDIAMATH = frozenset({"mediamath"})
_COUNTED = roles("status", "page", "stream", "link", "list")


def told(exchange: Exchange, total: int, *, page: int = 0) -> Any:
    """The total as the vendor tells it on page number `page`, from 0."""
    if fault := exchange.fault("drifting_total"):
        total += int(fault["by"]) * page
    if fault := exchange.fault("capped_total"):
        total = min(total, fault["at"])
    if fault := exchange.fault("wrong_total"):
        total += int(fault["by"])
    fault = exchange.fault("named_total")
    return fault["value"] if fault else total


def shifted(exchange: Exchange, start: int, *, page: int) -> int:
    """Where page number `page`, from 0, begins: too early where rows were put in front."""
    fault = exchange.fault("drifting_total")
    return max(0, start - int(fault["by"]) * page) if fault and fault["shifts"] else start


COUNT_KINDS: tuple[Kind, ...] = (
    Kind(
        "wrong_total",
        _COUNTED,
        "The number of rows the vendor names is off by this much.",
        {"by": Arg(int, 1)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "named_total",
        _COUNTED,
        "The vendor names this as the number of rows: -1, null, text, anything.",
        {"value": Arg(object)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "drifting_total",
        _PAGE,
        "The number of rows grows by this much with every page asked for beyond the first. `shifts`: as rows do that "
        "are put in front, so that each page repeats the end of the one before.",
        {"by": Arg(int, 1), "shifts": Arg(bool, False)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "short_page",
        _PAGED,
        "No page has more rows than this, whatever was asked.",
        {"rows": Arg(int)},
        _KARGO | _MEDIAMATH,
    ),
    Kind(
        "past_end",
        _PAGE,
        "What a page past the end is: empty, or refused.",
        {"answer": choice("empty", "400", default="400")},
        _KARGO | _MEDIAMATH,
    ),
)
