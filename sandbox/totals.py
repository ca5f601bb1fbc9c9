"""The number of rows a vendor names, which a fault may make wrong."""

from __future__ import annotations

from typing import Any

from sandbox.exchange import Exchange


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
