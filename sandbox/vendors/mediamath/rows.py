"""The rows of a MediaMath query: their columns, their times, and the header line before them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import Json, dumps
from sandbox.rows import Rendering, RowPlan
from sandbox.vendors.dates import MOST_BUCKETS, next_bucket
from sandbox.vendors.mediamath.query import Query, moment

_LAST = re.compile(r"last_([1-9]\d{0,3})_(hours|days)")
_CAMPAIGN_DAYS = 90
_DECIMAL_METRIC = re.compile(r"rate|ctr|ctc|cp[acm]|cpcv|roi|aov|spend|revenue|cost|amount|rr_per")
_DIMENSION_KINDS: tuple[tuple[re.Pattern[str], ColumnKind], ...] = (
    (re.compile(r"_on$|_date$|_date_campaign_tz$|^agg_timestamp$"), "time"),
    (re.compile(r"_id$|^index$|^position$|^frequency$"), "id"),
    (re.compile(r"_(is|has|use)_|archived|political|eligible|is_numeric"), "flag"),
    (re.compile(r"_amount$|budget$|_value$|_pct$|_bid$|^mean$|impact$|_cpm$|target$"), "decimal"),
    (re.compile(r"_minutes$"), "count"),
)


def plan(query: Query, rendering: Rendering, times: tuple[str, ...]) -> RowPlan:
    """The rows: the requested fields in order, but agg_timestamp last, although the header has it first."""
    columns = []
    for name in _fields(query, is_time_first=False):
        if name in query.dataset.metrics:
            kind: ColumnKind = "decimal" if _DECIMAL_METRIC.search(name) else "count"
        else:
            kind = next((kind for pattern, kind in _DIMENSION_KINDS if pattern.search(name)), "text")
        columns.append(Column(name, kind))
    return RowPlan(f"mediamath.{query.dataset.name}", tuple(columns), rendering, times)


def header(query: Query, total: Json) -> bytes:
    """The first line of a stream."""
    names = [{"name": name} for name in _fields(query, is_time_first=True)]
    return dumps({"fields": names, "total_items_count": total})


def _fields(query: Query, *, is_time_first: bool) -> list[str]:
    """The requested fields, and agg_timestamp unless the rollup is `all`."""
    names = [name for name in query.fields if name != "agg_timestamp"]
    if query.body["rollup"] == "all":
        return names
    return ["agg_timestamp", *names] if is_time_first else [*names, "agg_timestamp"]


def buckets(body: Json, today: str) -> tuple[str, ...]:
    """The values of agg_timestamp in order: the query's time span, divided by its rollup; at most `MOST_BUCKETS`."""
    begin, end = _span(body, today)
    step = body["rollup"].removeprefix("by_")
    here = begin.replace(minute=0, second=0, microsecond=0, hour=begin.hour if step == "hour" else 0)
    # The first week or month may begin before the requested time.
    if step == "week":
        here -= timedelta(days=here.weekday())
    elif step == "month":
        here = here.replace(day=1)
    found = [begin if step == "all" else here]
    while step != "all" and len(found) < MOST_BUCKETS and (here := next_bucket(here, step)) < end:
        found.append(here)
    return tuple(f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in found)


def _span(body: Json, today: str) -> tuple[datetime, datetime]:
    midnight = datetime.combine(date.fromisoformat(today), time(), UTC)
    day = timedelta(days=1)
    window = body.get("time_window")
    if window is None:
        begin = moment(body["start_time"]) or midnight
        return begin, moment(body.get("end_time")) or max(begin, midnight + day)
    if match := _LAST.fullmatch(window):
        return midnight - timedelta(**{match[2]: int(match[1])}), midnight
    return {
        "yesterday": (midnight - day, midnight),
        "month_to_date": (midnight.replace(day=1), midnight + day),
        "campaign_to_date": (midnight - _CAMPAIGN_DAYS * day, midnight + day),
    }.get(window, (midnight, midnight + day))
