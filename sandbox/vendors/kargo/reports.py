"""The reports one sandbox has been asked for, and what Kargo says about each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.columns import Column
from sandbox.rows import Rendering, RowPlan, plan_rows
from sandbox.vendors.kargo.request import Order

_XID_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_DECIMAL_PARTS = ("rate", "ctr", "cpm", "cpc", "spend", "cost", "revenue", "avg", "pct")


@dataclass(slots=True)
class Report:
    """A report in preparation or prepared. `rows` is fixed when it is asked for."""

    id: str
    order: Order
    rows: int
    created_at: float
    ready_at: float | None = None
    expires_at: float | None = None
    polls: int = 0
    lists: int = 0
    failure: str | None = None
    has_extra_measure: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def name(self) -> str:
        """What counters and rules call it."""
        return f"kargo.{self.order.definition}"

    @property
    def is_expired(self) -> bool:
        """Is its time over?"""
        return self.expires_at is not None and self.expires_at <= time.time()

    def poll(self, polls_until_ready: int, keep_seconds: float) -> int:
        """Count a poll, and let the report become ready with the one after `polls_until_ready`."""
        with self.guard:
            self.polls += 1
            if self.ready_at is None and self.polls > polls_until_ready:
                self.ready_at = time.time()
                self.expires_at = self.ready_at + keep_seconds
            return self.polls

    def plan(self, rendering: Rendering) -> RowPlan:
        """Its rows."""
        measures = self.order.measures
        if self.has_extra_measure and "media_delivery_sum" not in measures:
            measures = (*measures, "media_delivery_sum")
        return plan(self.order.definition, self.order.dimensions, measures, rendering)


def plan(definition: str, dimensions: tuple[str, ...], measures: tuple[str, ...], rendering: Rendering) -> RowPlan:
    """The rows of a report of this definition: dimensions, then measures, as asked for."""
    columns = [Column(name, "id" if name.endswith("_id") else "text") for name in dimensions]
    columns = [Column("day_time_id", "hour") if column.name == "day_time_id" else column for column in columns]
    columns += [
        Column(name, "decimal" if any(part in _DECIMAL_PARTS for part in name.split("_")) else "count")
        for name in measures
    ]
    return plan_rows(f"kargo.{definition}", tuple(columns), rendering)


class Reports:
    """Every report asked for, in the order of asking."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._reports: dict[str, Report] = {}

    def create(self, order: Order, rows: int) -> Report:
        """A new report with an id of its own."""
        with self._guard:
            now = time.time()
            report = Report(_xid(int(now), len(self._reports)), order, rows, now)
            self._reports[report.id] = report
        return report

    def find(self, report_id: str) -> Report | None:
        """The report of this id."""
        with self._guard:
            return self._reports.get(report_id)

    def newest_first(self) -> list[Report]:
        """All of them, the last one asked for in front."""
        with self._guard:
            return list(reversed(self._reports.values()))


def _xid(seconds: int, number: int) -> str:
    """An id as in the vendor's samples: 12 bytes, the first four the time, in 20 digits of base 32."""
    # 96 bits, and 4 to fill the last digit; in the vendor's ids the middle ones are machine and process.
    bits = (seconds << 64 | 0x5A4DB0 << 40 | number & 0xFFFFFFFFFF) << 4
    return "".join(_XID_DIGITS[bits >> shift & 31] for shift in range(95, -1, -5))


def moment(seconds: float | None) -> str | None:
    """A time as Kargo writes it."""
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def parameters_in_reply(order: Order) -> dict[str, Any]:
    """The request's parameters in Kargo's own order, which is not the one they were sent in."""
    return {name: order.parameters[name] for name in ("filters", "measures", "dimensions") if name in order.parameters}
