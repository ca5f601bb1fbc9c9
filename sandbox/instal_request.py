"""What an Instal export may be asked for, and the rows it has.

The fifteen columns in the vendor's order.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.columns import Column, ColumnKind
from sandbox.dates import between, read_date
from sandbox.plans import Telling, planned
from sandbox.rows import RowPlan

# The default sorting is not among the values the vendor lists for it.
SORTINGS = ("time", "campaign", "aff_sub_id", "cr", "campaign_id")
INTERVALS = {"hourly": "hour", "daily": "day", "monthly": "month"}
DEFAULTS: dict[str, Any] = {"sorting": "campaign_id", "format": "csv", "csv_headers": True, "interval": "daily"}
COLUMNS: tuple[tuple[str, ColumnKind], ...] = (
    ("aff_sub_id", "sub_id"),
    ("time", "time"),
    ("clicks_aggr", "count"),
    ("campaign", "text"),
    ("country", "country"),
    ("creative_id", "text"),
    ("app_id", "app"),
    ("campaign_id", "id"),
    ("cost_aggr", "decimal"),
    ("cr", "decimal"),
    ("conversions_aggr", "count"),
    ("name_os", "platform"),
    ("version_os", "version"),
    ("lang", "language"),
    ("publisher_id", "id"),
)


class BadExport(ValueError):
    """The export is refused; `errors` names each field and what is wrong with it."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(str(errors))


def read_export(body: Any) -> dict[str, Any]:
    """The export in this JSON body, with every default put in.

    BadExport where a field will not do.
    """
    if not isinstance(body, dict):
        raise BadExport({"non_field_errors": ["Invalid data. Expected a dictionary."]})
    errors = {name: ["Unknown field."] for name in body.keys() - {"start_date", "stop_date", *DEFAULTS}}
    for name in ("start_date", "stop_date"):
        if name not in body:
            errors[name] = ["This field is required."]
        elif read_date(body[name], is_time_allowed=False) is None:
            errors[name] = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
    asked = {**DEFAULTS, **body}
    for name, allowed in (("sorting", SORTINGS), ("interval", tuple(INTERVALS)), ("format", ("csv",))):
        if asked[name] not in allowed:
            errors[name] = [f'"{asked[name]}" is not a valid choice.']
    if not isinstance(asked["csv_headers"], bool):
        errors["csv_headers"] = ["Must be a valid boolean."]
    if not errors and asked["stop_date"] < asked["start_date"]:
        errors["stop_date"] = ["stop_date is before start_date."]
    if errors:
        raise BadExport(errors)
    return asked


def plan(asked: dict[str, Any], telling: Telling) -> RowPlan:
    """The rows of an export; their times fall into the days asked for, the last one included."""
    begin, end = read_date(asked["start_date"]), read_date(asked["stop_date"])
    if begin is None or end is None:
        raise BadExport({"start_date": ["Date has wrong format."]})
    times = between(begin, end + timedelta(days=1), INTERVALS[asked["interval"]])
    buckets = tuple(moment.strftime("%Y-%m-%d %H:%M") for moment in times)
    return planned("instal.advertiser-export", tuple(Column(*column) for column in COLUMNS), telling, buckets)
