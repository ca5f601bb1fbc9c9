"""The rows of Rokt's reports, legacy and Query, from what was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import dumps
from sandbox.rows import FixedRows, Rendering, RowPlan, plan_rows
from sandbox.vendors.dates import between, read_date
from sandbox.vendors.rokt.legacy import LegacyRequest
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


def legacy_plan(report: str, asked: LegacyRequest, rendering: Rendering, *, audiences: str = "Audiences") -> RowPlan:
    """The rows of a legacy report."""
    shape = SHAPE_BY_REPORT[report]
    columns = shape.columns(asked.group, audiences=audiences)
    return plan_rows(f"rokt.{report}", columns, rendering, asked.days())


def summary(asked: LegacyRequest, rendering: Rendering) -> FixedRows:
    """The account summary: two objects in one row."""
    parts = [dumps(name) + b":" + legacy_plan(report, asked, rendering).row(1) for name, report in SUMMARY_PARTS]
    return FixedRows((b"{" + b",".join(parts) + b"}",))


def metadata(report: str, ids: Mapping[str, str]) -> FixedRows:
    """The metadata of a campaign, an audience or a creative."""
    found: dict[str, Any] = {"accountId": ids["account"], "campaignId": ids["campaign"]}
    if report == "campaign-metadata":
        found |= {"campaignName": "Blue Heron Bank Spring 2026", "campaignType": "standard"}
        found |= {"campaignObjective": "acquisition", "countryCode": "US", "status": "active"}
    elif report == "audience-metadata":
        found |= {"audienceId": ids["audience"], "name": "Zoë & Finn, returning", "ageRange": {"min": 25, "max": 54}}
        found |= {"device": {"desktop": True, "tablet": False, "mobile": True}, "gender": "all"}
    else:
        found |= {"creativeId": ids["creative"], "name": "Spring offer", "title": 'A "quiet" week', "subtitle": ""}
        found |= {"text": "Two nights, one price.", "responses": ["Yes please", "No thanks"], "status": "active"}
    return FixedRows((dumps(found),))


def account_plan(rendering: Rendering) -> RowPlan:
    """The accounts the credentials can see."""
    return plan_rows("rokt.query-accounts", tuple(Column(*column) for column in _ACCOUNT_COLUMNS), rendering)


def query_plan(report: str, body: Mapping[str, Any], rendering: Rendering) -> RowPlan:
    """The rows of a query: datetime where asked for, then dimensions, then metrics."""
    columns = [Column("datetime", "time")] if body.get("interval") else []
    columns += [Column(name, "big_id" if name.endswith("_id") else "text") for name in body.get("dimensions", [])]
    columns += [Column(name, "decimal" if _DECIMAL_METRIC.search(name) else "count") for name in body["metrics"]]
    begin, end = read_date(body["startDate"]), read_date(body["endDate"])
    days = between(begin, end, "day") if begin and end else []
    return plan_rows(f"rokt.{report}", tuple(columns), rendering, tuple(f"{day:%Y-%m-%dT00:00:00.000}" for day in days))
