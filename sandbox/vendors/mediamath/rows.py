"""The rows of a MediaMath query, and the header that goes before them."""

from __future__ import annotations

import re

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import Json, dumps
from sandbox.rows import Rendering, RowPlan, plan_rows
from sandbox.vendors.mediamath.query import Query

_DECIMAL_METRIC = re.compile(r"rate|ctr|ctc|cp[acm]|cpcv|roi|aov|spend|revenue|cost|amount|rr_per")
_DIMENSION_KINDS: tuple[tuple[re.Pattern[str], ColumnKind], ...] = (
    (re.compile(r"_on$|_date$|_date_campaign_tz$|^agg_timestamp$"), "time"),
    (re.compile(r"_id$|^index$|^position$|^frequency$"), "id"),
    (re.compile(r"_(is|has|use)_|archived|political|eligible|is_numeric"), "flag"),
    (re.compile(r"_amount$|budget$|_value$|_pct$|_bid$|^mean$|impact$|_cpm$|target$"), "decimal"),
    (re.compile(r"_minutes$"), "count"),
)


def plan(query: Query, rendering: Rendering, times: tuple[str, ...], *, is_time_first: bool = False) -> RowPlan:
    """The rows: fields as asked for, agg_timestamp last although the header has it first."""
    names = [name for name in query.fields if name != "agg_timestamp"]
    columns = [Column(name, _kind(query, name)) for name in names]
    if query.rollup != "all":
        time = Column("agg_timestamp", "time")
        columns = [time, *columns] if is_time_first else [*columns, time]
    return plan_rows(f"mediamath.{query.dataset.name}", tuple(columns), rendering, times)


def _kind(query: Query, name: str) -> ColumnKind:
    if name in query.dataset.metrics:
        return "decimal" if _DECIMAL_METRIC.search(name) else "count"
    return next((kind for pattern, kind in _DIMENSION_KINDS if pattern.search(name)), "text")


def header(query: Query, total: Json) -> bytes:
    """The first line of a stream."""
    names = [name for name in query.fields if name != "agg_timestamp"]
    if query.rollup != "all":
        names.insert(0, "agg_timestamp")
    return dumps({"fields": [{"name": name} for name in names], "total_items_count": total})
