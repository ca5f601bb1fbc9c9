"""The rows of Rokt's reports, legacy and Query, from what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import dumps
from sandbox.rows import FixedRows, RowPlan, Telling, planned
from sandbox.vendors.dates import between, read_date
from sandbox.vendors.rokt.legacy import Asked
from sandbox.vendors.rokt.shapes import SHAPE_BY_REPORT, SUMMARY_PARTS

ACCOUNTS = 3
_ACCOUNT_COLUMNS: tuple[tuple[str, ColumnKind], ...] = (
    ("accountId", "big_id"),
    ("accountName", "text"),
    ("countryCode", "country"),
    ("accountOwner", "text"),
    ("accountCurrencyCode", "currency"),
    ("accountTimezone", "zone"),
    ("accountTimezoneOffset", "minutes"),
)
_DECIMAL_METRIC = re.compile(r"rate|cost|cp[ar]|copi|roas|aov|value|per_")


def legacy_plan(report: str, asked: Asked, telling: Telling, *, audiences: str = "Audiences") -> RowPlan:
    """The rows of a legacy report."""
    shape = SHAPE_BY_REPORT[report]
    columns = shape.columns(asked.group, audiences=audiences)
    return planned(f"rokt.{report}", columns, telling, asked.days())


def summary(asked: Asked, telling: Telling) -> FixedRows:
    """The account summary: two objects in one row."""
    parts = [dumps(name) + b":" + legacy_plan(report, asked, telling).row(1) for name, report in SUMMARY_PARTS]
    return FixedRows((b"{" + b",".join(parts) + b"}",))


def metadata(report: str, ids: Mapping[str, str]) -> FixedRows:
    """The metadata of a campaign, an audience or a creative."""
    told: dict[str, Any] = {"accountId": ids["account"], "campaignId": ids["campaign"]}
    if report == "campaign-metadata":
        told |= {"campaignName": "Blue Heron Bank Spring 2026", "campaignType": "standard"}
        told |= {"campaignObjective": "acquisition", "countryCode": "US", "status": "active"}
    elif report == "audience-metadata":
        told |= {"audienceId": ids["audience"], "name": "Zoë & Finn, returning", "ageRange": {"min": 25, "max": 54}}
        told |= {"device": {"desktop": True, "tablet": False, "mobile": True}, "gender": "all"}
    else:
        told |= {"creativeId": ids["creative"], "name": "Spring offer", "title": 'A "quiet" week', "subtitle": ""}
        told |= {"text": "Two nights, one price.", "responses": ["Yes please", "No thanks"], "status": "active"}
    return FixedRows((dumps(told),))


def account_plan(telling: Telling) -> RowPlan:
    """The accounts the credentials can see."""
    return planned("rokt.query-accounts", tuple(Column(*column) for column in _ACCOUNT_COLUMNS), telling)


def query_plan(report: str, body: Mapping[str, Any], telling: Telling) -> RowPlan:
    """The rows of a query: datetime where asked for, then dimensions, then metrics."""
    columns = [Column("datetime", "time")] if body.get("interval") else []
    columns += [Column(name, "big_id" if name.endswith("_id") else "text") for name in body.get("dimensions", [])]
    columns += [Column(name, "decimal" if _DECIMAL_METRIC.search(name) else "count") for name in body["metrics"]]
    begin, end = read_date(body["startDate"]), read_date(body["endDate"])
    days = between(begin, end, "day") if begin and end else []
    return planned(f"rokt.{report}", tuple(columns), telling, tuple(f"{day:%Y-%m-%dT00:00:00.000}" for day in days))
