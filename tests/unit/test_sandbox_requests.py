"""What the vendors refuse before anything is prepared: requests their documents do not allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.vendors.instal.export import read_export
from sandbox.vendors.kargo.reports import read_order
from sandbox.vendors.mediamath.query import datasets, read_query
from sandbox.vendors.mediamath.rows import buckets
from sandbox.vendors.rokt.legacy import SHAPES, read_legacy_request
from sandbox.vendors.rokt.query import read_body
from sandbox.vendors.schema import BadRequest


def order(**parameters: Any) -> dict[str, Any]:
    return {
        "report_definition_id": "campaign-performance-metrics",
        "parameters": {"dimensions": ["campaign_name"], "measures": ["clicks_sum"], **parameters},
    }


LEGACY = {
    "dateStart": "2026-01-01",
    "dateEnd": "2026-01-08T23:59:59.000",
    "currency": "USD",
    "timeZoneVariation": "America/Los_Angeles",
}
BODY = {"startDate": "2026-01-01", "endDate": "2026-01-08", "metrics": ["impressions"], "dimensions": ["campaign_id"]}
EXPORT = {"start_date": "2026-01-01", "stop_date": "2026-01-03"}
CONDITIONS: list[Any] = ["2023100112", 2023100112, {"op": "iLike", "name": "walmart"}]
CONDITIONS.append({"op": "notbetween", "start": 1, "end": 2})

READERS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "kargo": (read_order, order()),
    "rokt legacy": (lambda asked: read_legacy_request(asked, SHAPES["campaign-breakdown"]), LEGACY),
    "rokt query": (lambda asked: read_body("query-campaigns", asked), BODY),
    "instal": (read_export, EXPORT),
}
"""What reads a request, and one that it takes."""

REFUSED: dict[str, list[dict[str, Any]]] = {
    "kargo": [
        {"extra": 1},
        {"report_definition_id": None},
        {"parameters": []},
        order(dimensions=[], measures=[]),
        order(limit=5),
        order(filters=[{}]),
        order(filters=[{"day_time_id": True}]),
        order(filters=[{"day_time_id": {"op": "in", "start": [1]}}]),
        order(filters=[{"day_time_id": {"op": "between", "start": 1}}]),
    ],
    "rokt legacy": [
        {"dateStart": ""},
        {"dateEnd": "2026-01-08T23:59:59Z"},
        {"currency": "usd"},
        {"timeZoneVariation": "Nowhere/Land"},
        {"timezoneVariation": "UTC"},
    ],
    "rokt query": [
        {"metrics": []},
        {"dimensions": ["page_type"]},
        {"endDate": "2026-01-01"},
        {"interval": "week"},
        {"orderBys": [{"column": "datetime", "direction": "asc"}]},
        {"timeZoneVariation": "UTC"},
        {"currencyCode": "XXX"},
        {"timezoneVariation": "Nowhere"},
    ],
    "instal": [
        {"start_date": "2026-1-1"},
        {"stop_date": "2025-12-31"},
        {"csv_headers": "yes"},
        {"interval": "weekly"},
        {"page": 1},
    ],
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_kargo_takes_the_three_ways_to_filter(condition: Any) -> None:
    read_order(order(filters=[{"day_time_id": condition}]))


@pytest.mark.parametrize(("vendor", "changes"), [(name, one) for name, every in REFUSED.items() for one in every])
def test_what_a_vendors_documents_do_not_allow_is_refused(vendor: str, changes: dict[str, Any]) -> None:
    read, usual = READERS[vendor]
    read(usual)
    with pytest.raises(BadRequest) as refused:
        read({**usual, **changes})
    if vendor == "instal":
        assert list(refused.value.problems) == list(changes)


@pytest.mark.parametrize("read", [read_order, read_export])
def test_a_request_that_is_not_an_object_is_refused(read: Callable[[Any], Any]) -> None:
    with pytest.raises(BadRequest):
        read(None)


def test_a_strict_kargo_knows_the_names_of_its_documents_alone() -> None:
    read_order(order()).check_known()
    with pytest.raises(BadRequest, match="views_sum"):
        read_order(order(measures=["views_sum"])).check_known()


def test_a_date_alone_ends_the_range_before_its_day_and_a_time_within_it() -> None:
    shape = SHAPES["campaign-histogram"]
    assert len(read_legacy_request(LEGACY, shape).days()) == 8
    assert len(read_legacy_request({**LEGACY, "dateEnd": "2026-01-08"}, shape).days()) == 7


def test_instal_puts_in_its_defaults() -> None:
    asked = read_export(EXPORT)
    assert (asked["interval"], asked["csv_headers"], asked["sorting"]) == ("daily", True, "campaign_id")


FILTER = {"field": "organization_id", "value": 1}
QUERY = {"fields": ["campaign_id", "impressions"], "filters": [FILTER], "rollup": "by_day", "time_window": "yesterday"}
RANGE = {"time_window": None, "start_time": "2026-01-01T00:00:00Z"}
PAGED = {"pagination": {"page_index": 0, "page_size": 100}}
SUM = {"rollup": "all"}
DEALS = {"fields": ["deal_id", "bids"], "rollup": "by_day", "time_window": "yesterday"}
DEAL_FILTERS = [FILTER, {"field": "deal_id", "value": ["a", "b"]}]
BOTH = {"op": "and", "filters": [{"field": "campaign_id", "value": 1}, {"field": "campaign_id", "op": "isNull"}]}


def query(dataset: str = "performance", **changes: Any) -> None:
    read_query(datasets()[dataset], {**QUERY, **changes})


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
        ("performance", {"filters": [BOTH, FILTER]}),
        ("performance", {"order": [{"field": "agg_timestamp", "desc": True, "nulls_last": True}]}),
        ("performance", {"max_results": 10, "full_entities": ["campaign"]}),
        ("performance-hourly", {"time_zone": "Australia/Sydney", "time_window": "last_6_hours"}),
        ("deals", {**DEALS, "filters": DEAL_FILTERS}),
        ("reach-frequency", {**SUM, "time_window": "last_90_days"}),
        ("brain-feature-value", {"fields": ["feature_value", "mean"]}),
    ],
)
def test_mediamath_takes_what_its_definition_allows(dataset: str, changes: dict[str, Any]) -> None:
    query(dataset, **changes)


@pytest.mark.parametrize(
    ("dataset", "changes"),
    [
        ("performance", {"fields": []}),
        ("performance", {"fields": ["campaign_id_test"]}),
        ("performance", {"filters": []}),
        ("performance", {"filters": [{"field": "nope", "value": 1}]}),
        ("performance", {"filters": [{"field": "campaign_id", "op": ">", "value": [1]}]}),
        ("performance", {"filters": [{**BOTH, "filters": [FILTER]}]}),
        ("performance", {"rollup": "by_hour"}),
        ("performance", {"time_window": "last_6_hours"}),
        ("performance", {"time_window": "current_date"}),
        ("performance", {"time_window": None}),
        ("performance", {**RANGE, "end_time": "2025-01-01T00:00:00Z"}),
        ("performance", {"order": [{"desc": True}]}),
        ("performance", {**SUM, "order": [{"field": "agg_timestamp"}]}),
        ("performance", {**SUM, "fields": ["agg_timestamp", "clicks"]}),
        ("performance", {"pagination": {"page_index": 0, "page_size": 1001}}),
        ("performance", {**PAGED, "max_results": 5}),
        ("performance-hourly", {"time_zone": "Mars/Base"}),
        ("performance", {"field": []}),
        ("deals", {**DEALS, "filters": DEAL_FILTERS[1:]}),
        ("deals", {**DEALS, "filters": [{"field": "organization_id", "value": [1, 2]}, DEAL_FILTERS[1]]}),
        ("reach-frequency", {**SUM, "time_window": "last_8_days"}),
        ("reach-frequency", {"time_window": "last_7_days", "rollup": "by_day"}),
        ("pixel-loads", {}),
    ],
)
def test_mediamath_refuses_what_its_definition_does_not_allow(dataset: str, changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        query(dataset, **changes)
    assert refused.value.problems.keys() & {*changes, "filters", "fields", "non_field_errors"}


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
