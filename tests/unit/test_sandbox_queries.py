"""What MediaMath refuses, by its own definition."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.mediamath_facts import datasets
from sandbox.mediamath_request import BadQuery, Leniency, read_query
from sandbox.mediamath_times import buckets

FILTER = {"field": "organization_id", "value": 1}
QUERY = {"fields": ["campaign_id", "impressions"], "filters": [FILTER], "rollup": "by_day", "time_window": "yesterday"}
RANGE = {"time_window": None, "start_time": "2026-01-01T00:00:00Z"}
PAGED = {"pagination": {"page_index": 0, "page_size": 100}}
SUM = {"rollup": "all"}
DEALS = {"fields": ["deal_id", "bids"], "rollup": "by_day", "time_window": "yesterday"}
DEAL_FILTERS = [FILTER, {"field": "deal_id", "value": ["a", "b"]}]
BOTH = {"op": "and", "filters": [{"field": "campaign_id", "value": 1}, {"field": "campaign_id", "op": "isNull"}]}


def query(dataset: str = "performance", leniency: Leniency | None = None, **changes: Any) -> None:
    read_query(datasets()[dataset], {**QUERY, **changes}, leniency or Leniency())


def test_the_ten_datasets_have_the_fields_the_vendor_publishes() -> None:
    counted = {name: (len(one.dimensions), len(one.metrics)) for name, one in datasets().items()}
    assert counted == {
        "performance": (126, 88),
        "performance-hourly": (110, 71),
        "all-dimensions-and-metrics": (168, 92),
        "day-part": (111, 45),
        "deals": (10, 6),
        "win-loss": (114, 14),
        "pixel-loads": (41, 2),
        "reach-frequency": (106, 11),
        "brain-feature-summary": (13, 0),
        "brain-feature-value": (18, 0),
    }


@pytest.mark.parametrize(
    ("dataset", "changes"),
    [
        ("performance", {}),
        ("performance", {**RANGE, "end_time": "2026-01-02T00:00:00+02:00"}),
        ("performance", {**RANGE, "end_time": None}),
        ("performance", {"start_time": "2026-01-01T00:00:00Z"}),
        ("performance", {"time_window": "last_30_days"}),
        ("performance", {"filters": [BOTH, FILTER]}),
        ("performance", {"filters": [{"field": "campaign_id", "value": [1, 2]}]}),
        ("performance", {"order": [{"field": "agg_timestamp", "desc": True, "nulls_last": True}]}),
        ("performance", {"fields": ["agg_timestamp", "clicks"]}),
        ("performance", {"max_results": 10, "full_entities": ["campaign"]}),
        ("performance", PAGED),
        ("performance", {"pagination": None}),
        ("performance-hourly", {"time_zone": "Australia/Sydney", "time_window": "last_6_hours"}),
        ("deals", {**DEALS, "filters": DEAL_FILTERS}),
        ("deals", {**DEALS, "filters": [{"field": "organization_id", "value": [7]}, DEAL_FILTERS[1]]}),
        ("reach-frequency", {**SUM, "time_window": "last_90_days"}),
        ("brain-feature-value", {"fields": ["feature_value", "mean"]}),
    ],
)
def test_mediamath_takes_what_its_definition_allows(dataset: str, changes: dict[str, Any]) -> None:
    query(dataset, **changes)


@pytest.mark.parametrize(
    ("dataset", "changes", "reason"),
    [
        ("performance", {"fields": []}, "at least one"),
        ("performance", {"fields": ["clicks", "clicks"]}, "twice"),
        ("performance", {"fields": "clicks"}, "list"),
        ("performance", {"fields": ["campaign_id_test"]}, "field does not exist in this dataset: campaign_id_test"),
        ("performance", {"fields": ["bids"]}, "does not exist"),
        ("performance", {"filters": []}, "at least 1"),
        ("performance", {"filters": None}, "missing: filters"),
        ("performance", {"filters": [{"field": "nope", "value": 1}]}, "does not exist"),
        ("performance", {"filters": [{"field": "campaign_id"}]}, "needs a value"),
        ("performance", {"filters": [{"field": "campaign_id", "value": {}}]}, "needs a value"),
        ("performance", {"filters": [{"field": "campaign_id", "op": "in", "value": 1}]}, "unknown op"),
        ("performance", {"filters": [{"field": "campaign_id", "op": ">", "value": [1]}]}, "does not suit"),
        ("performance", {"filters": [{**BOTH, "filters": [FILTER]}]}, "at least 2"),
        ("performance", {"rollup": "by_hour"}, "rollup not supported"),
        ("performance", {"rollup": "by_year"}, "rollup not supported"),
        ("performance", {"time_window": "last_6_hours"}, "time_window not supported"),
        ("performance", {"time_window": "last_0_days"}, "time_window not supported"),
        ("performance", {"time_window": "current_date"}, "time_window not supported"),
        ("performance", {"time_window": None}, "is required"),
        ("performance", {**RANGE, "start_time": "2026-01-01"}, "RFC3339"),
        ("performance", {**RANGE, "start_time": "2026-01-01T00:00:00"}, "RFC3339"),
        ("performance", {**RANGE, "end_time": "2025-01-01T00:00:00Z"}, "before"),
        ("performance", {"order": [{"desc": True}]}, "order needs a field"),
        ("performance", {"order": [{"field": "clicks", "desc": "yes"}]}, "true or false"),
        ("performance", {**SUM, "order": [{"field": "agg_timestamp"}]}, "rollup all"),
        ("performance", {**SUM, "fields": ["agg_timestamp", "clicks"]}, "rollup other than all"),
        ("performance", {"pagination": {"page_size": 10}}, "page_size and page_index"),
        ("performance", {"pagination": {"page_index": 0, "page_size": 1001}}, "1 to 1000"),
        ("performance", {"pagination": {"page_index": 0, "page_size": 0}}, "1 to 1000"),
        ("performance", {"pagination": {"page_index": -1, "page_size": 1}}, "from 0"),
        ("performance", {"pagination": {"page_index": True, "page_size": 1}}, "from 0"),
        ("performance", {"max_results": 0}, "from 1"),
        ("performance", {**PAGED, "max_results": 5}, "streaming"),
        ("performance", {"full_entities": []}, "at least one"),
        ("performance", {"time_zone": "UTC"}, "no time_zone"),
        ("performance-hourly", {"time_zone": "Mars/Base"}, "unknown time_zone"),
        ("performance", {"field": []}, "unknown: field"),
        ("deals", {**DEALS, "filters": DEAL_FILTERS[:1]}, "deal_id"),
        ("deals", {**DEALS, "filters": DEAL_FILTERS[1:]}, "organization_id"),
        ("deals", {**DEALS, "filters": [{"field": "organization_id", "value": [1, 2]}, DEAL_FILTERS[1]]}, "one value"),
        ("reach-frequency", {**SUM, **RANGE}, "no start_time"),
        ("reach-frequency", {**SUM, "time_window": "last_8_days"}, "not supported"),
        ("reach-frequency", {"time_window": "last_7_days"}, "rollup not supported"),
        ("pixel-loads", {}, "does not exist"),
    ],
)
def test_mediamath_refuses_what_its_definition_does_not_allow(
    dataset: str, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadQuery, match=reason):
        query(dataset, **changes)


def test_the_switches_of_mediamath_move_its_bounds() -> None:
    query(leniency=Leniency(page_bound=10_000), pagination={"page_index": 0, "page_size": 10_000})
    query(leniency=Leniency(today_words=("current_date",)), time_window="current_date")
    with pytest.raises(BadQuery, match="exclude each other"):
        query(leniency=Leniency(is_conflict_refused=True), start_time="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("changes", "first", "count"),
    [
        ({"time_window": "yesterday"}, "2026-01-31T00:00:00Z", 1),
        ({"time_window": "current_day", "rollup": "by_hour"}, "2026-02-01T00:00:00Z", 24),
        ({"time_window": "last_12_hours", "rollup": "by_hour"}, "2026-01-31T12:00:00Z", 12),
        ({"time_window": "last_7_days"}, "2026-01-25T00:00:00Z", 7),
        ({"time_window": "month_to_date"}, "2026-02-01T00:00:00Z", 1),
        ({"time_window": "last_14_days", "rollup": "by_week"}, "2026-01-12T00:00:00Z", 3),
        ({"time_window": "last_60_days", "rollup": "by_month"}, "2025-12-01T00:00:00Z", 2),
        ({**RANGE, "end_time": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", 1),
        ({**RANGE, "end_time": "2026-01-04T00:00:00Z"}, "2026-01-01T00:00:00Z", 3),
    ],
)
def test_times_are_cut_into_the_rollups_buckets(changes: dict[str, Any], first: str, count: int) -> None:
    found = buckets({**QUERY, **changes}, "2026-02-01")
    assert (found[0], len(found)) == (first, count)


def test_a_week_may_begin_on_sunday_and_an_end_may_be_inclusive() -> None:
    weeks = {**QUERY, "time_window": "last_14_days", "rollup": "by_week"}
    assert buckets(weeks, "2026-02-01", week_start="sunday")[0] == "2026-01-18T00:00:00Z"
    days = {**QUERY, **RANGE, "end_time": "2026-01-04T00:00:00Z"}
    assert len(buckets(days, "2026-02-01", is_end_inclusive=True)) == 4
