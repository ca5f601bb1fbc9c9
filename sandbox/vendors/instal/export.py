"""Instal's exports: what a request may contain, and the rows, with fifteen columns in the vendor's order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox.columns import Column, ColumnKind
from sandbox.rows import Rendering, RowPlan
from sandbox.vendors.dates import between
from sandbox.vendors.schema import BadRequest, Schema

INTERVALS = {"hourly": "hour", "daily": "day", "monthly": "month"}
DEFAULTS: dict[str, Any] = {"sorting": "campaign_id", "format": "csv", "csv_headers": True, "interval": "daily"}
COLUMNS: dict[str, ColumnKind] = {
    "aff_sub_id": "sub_id", "time": "time", "clicks_aggr": "count", "campaign": "text", "country": "country",
    "creative_id": "text", "app_id": "app", "campaign_id": "id", "cost_aggr": "decimal", "cr": "decimal",
    "conversions_aggr": "count", "name_os": "platform", "version_os": "version", "lang": "language",
    "publisher_id": "id",
}  # fmt: skip
REPORT = "instal.advertiser-export"
_EXPORT = Schema("sandbox.vendors.instal", "export.json")


def read_export(body: Any) -> dict[str, Any]:
    """The request in this JSON body, with all defaults. Raises BadRequest if a field is wrong."""
    _EXPORT.check(body)
    asked = {**DEFAULTS, **body}
    if asked["stop_date"] < asked["start_date"]:
        raise BadRequest("stop_date is before start_date", {"stop_date": ["stop_date is before start_date."]})
    return asked


def plan(asked: dict[str, Any], rendering: Rendering) -> RowPlan:
    """The rows of an export; their times are within the requested days, the last one included."""
    begin, end = datetime.fromisoformat(asked["start_date"]), datetime.fromisoformat(asked["stop_date"])
    times = between(begin, end + timedelta(days=1), INTERVALS[asked["interval"]])
    buckets = tuple(moment.strftime("%Y-%m-%d %H:%M") for moment in times)
    return RowPlan(REPORT, tuple(Column(*column) for column in COLUMNS.items()), rendering, buckets)
