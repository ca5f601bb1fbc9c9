"""Kargo's reports: what a request may contain, and those that were requested from one sandbox."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.columns import Column
from sandbox.rows import Rendering, RowPlan
from sandbox.vendors.schema import BadRequest, Schema

KNOWN_DIMENSIONS = ("campaign_name", "publisher_name", "advertiser_name", "day_time_id")
KNOWN_MEASURES = ("clicks_sum", "advertiser_impressions_sum", "media_delivery_sum")
KNOWN_DEFINITIONS = ("campaign-performance-metrics",)

_REQUEST = Schema("sandbox.vendors.kargo", "request.json")
_XID_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_DECIMAL_PARTS = {"rate", "ctr", "cpm", "cpc", "spend", "cost", "revenue", "avg", "pct"}


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request for a report."""

    definition: str
    dimensions: tuple[str, ...]
    measures: tuple[str, ...]
    parameters: dict[str, Any]

    def check_known(self) -> None:
        """Raise BadRequest unless every name is in the samples of the vendor's documents."""
        unknown = {self.definition} - set(KNOWN_DEFINITIONS)
        unknown |= set(self.dimensions) - set(KNOWN_DIMENSIONS)
        unknown |= set(self.measures) - set(KNOWN_MEASURES)
        if unknown:
            raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")


def read_order(body: Any) -> Order:
    """The request in this JSON body. Raises BadRequest if a field is missing, unknown or wrong."""
    _REQUEST.check(body)
    parameters = body["parameters"]
    names = tuple(parameters["dimensions"]), tuple(parameters["measures"])
    return Order(body["report_definition_id"], *names, parameters)


@dataclass(slots=True)
class Report:
    """A report in preparation or ready. `rows` is fixed when it is requested."""

    id: str
    order: Order
    rows: int
    created_at: float
    ready_at: float | None = None
    expires_at: float | None = None
    polls: int = 0
    lists: int = 0
    failure: str | None = None
    guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def name(self) -> str:
        """Its name in counters and rules."""
        return f"kargo.{self.order.definition}"

    @property
    def is_expired(self) -> bool:
        """Has it expired?"""
        return self.expires_at is not None and self.expires_at <= time.time()

    def poll(self, polls_until_ready: int, keep_seconds: float) -> int:
        """Count a poll; the report becomes ready with the first one after `polls_until_ready`."""
        with self.guard:
            self.polls += 1
            if self.ready_at is None and self.polls > polls_until_ready:
                self.ready_at = time.time()
                self.expires_at = self.ready_at + keep_seconds
            return self.polls

    def plan(self, rendering: Rendering) -> RowPlan:
        """The plan of its rows."""
        return plan(self.order.definition, self.order.dimensions, self.order.measures, rendering)


def plan(definition: str, dimensions: tuple[str, ...], measures: tuple[str, ...], rendering: Rendering) -> RowPlan:
    """The rows of a report of this definition: the requested dimensions, then the measures."""
    # The API states no types; these follow from the names in its samples.
    columns = [Column(name, "id" if name.endswith("_id") else "text") for name in dimensions]
    columns = [Column("day_time_id", "hour") if column.name == "day_time_id" else column for column in columns]
    columns += [Column(name, "decimal" if _DECIMAL_PARTS & {*name.split("_")} else "count") for name in measures]
    return RowPlan(f"kargo.{definition}", tuple(columns), rendering)


class Reports:
    """All requested reports, in the order of the requests."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._reports: dict[str, Report] = {}

    def create(self, order: Order, rows: int) -> Report:
        """Add a report, with an id like the vendor's: 20 digits of base 32, which begin with the time."""
        with self._guard:
            now = time.time()
            # 96 bits, and 4 to fill the last digit; in the vendor's ids, the middle bits are machine and process.
            bits = (int(now) << 64 | 0x5A4DB0 << 40 | len(self._reports)) << 4
            xid = "".join(_XID_DIGITS[bits >> shift & 31] for shift in range(95, -1, -5))
            report = self._reports[xid] = Report(xid, order, rows, now)
        return report

    def find(self, report_id: str) -> Report | None:
        """The report with this id; None if there is none."""
        with self._guard:
            return self._reports.get(report_id)

    def newest_first(self) -> list[Report]:
        """All reports, the latest request first."""
        with self._guard:
            return list(reversed(self._reports.values()))
