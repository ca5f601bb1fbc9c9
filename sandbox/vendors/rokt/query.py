"""Rokt's Query API: the names that an account can use, what a request may contain, and the rows of its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.columns import Column
from sandbox.rows import Rendering, RowPlan
from sandbox.vendors.dates import between
from sandbox.vendors.schema import BadRequest, Schema, read_json

ACCOUNTS = 3
_DECIMAL_METRIC = re.compile(r"rate|cost|cp[ar]|copi|roas|aov|value|per_")
_FACTS = read_json("sandbox.vendors.rokt", "reports.json")
NAMES: dict[str, dict[str, list[str]]] = _FACTS["query"]
_BODIES = {
    report: Schema(
        "sandbox.vendors.rokt", "query.json", metric={"enum": names["metrics"]}, dimension={"enum": names["dimensions"]}
    )
    for report, names in NAMES.items()
}


def read_body(report: str, body: Any) -> dict[str, Any]:
    """The query in this JSON body. Raises BadRequest if a field is missing, unknown or wrong."""
    _BODIES[report].check(body)
    begin, end = datetime.fromisoformat(body["startDate"]), datetime.fromisoformat(body["endDate"])
    if end <= begin:
        raise BadRequest("endDate is not part of the range, so it must be after startDate")
    asked = [*body["metrics"], *body.get("dimensions", [])]
    for order in body.get("orderBys", []):
        if order["column"] not in asked:
            raise BadRequest(f"unknown column {order['column']}")
    return dict(body)


def capabilities(report: str) -> dict[str, list[dict[str, str]]]:
    """The metrics and dimensions of an account; one metric has no slug, as in real answers."""
    found = {
        kind: [{"slug": name, "description": name.replace("_", " ")} for name in names]
        for kind, names in NAMES[report].items()
    }
    # Clients must not expect every metric to have a slug.
    found["metrics"].append({"description": "a metric without a slug"})
    return found


def account_plan(rendering: Rendering) -> RowPlan:
    """The accounts that the credentials may see."""
    return RowPlan("rokt.query-accounts", tuple(Column(*column) for column in _FACTS["accounts"].items()), rendering)


def query_plan(report: str, body: Mapping[str, Any], rendering: Rendering) -> RowPlan:
    """The rows of a query: datetime if requested, then dimensions, then metrics."""
    columns = [Column("datetime", "time")] if body.get("interval") else []
    columns += [Column(name, "big_id" if name.endswith("_id") else "text") for name in body.get("dimensions", [])]
    columns += [Column(name, "decimal" if _DECIMAL_METRIC.search(name) else "count") for name in body["metrics"]]
    days = between(datetime.fromisoformat(body["startDate"]), datetime.fromisoformat(body["endDate"]), "day")
    return RowPlan(f"rokt.{report}", tuple(columns), rendering, tuple(f"{day:%Y-%m-%dT00:00:00.000}" for day in days))
