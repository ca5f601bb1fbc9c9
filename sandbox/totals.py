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
        return fault["value"] if fault["is_value"] else total + fault["by"]
    return total
