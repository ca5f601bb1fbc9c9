"""What Kargo, Rokt and Instal refuse, before anything is prepared."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.instal_request import BadExport, read_export
from sandbox.kargo_request import BadOrder, check_known, read_order
from sandbox.rokt_query import read_body
from sandbox.rokt_request import BadAsk, read_ask
from sandbox.rokt_shapes import SHAPE_BY_REPORT


def order(**parameters: Any) -> dict[str, Any]:
    return {
        "report_definition_id": "campaign-performance-metrics",
        "parameters": {"dimensions": ["campaign_name"], "measures": ["clicks_sum"], **parameters},
    }


@pytest.mark.parametrize(
    "condition",
    [
        "2023100112",
        2023100112,
        {"op": "gte", "start": 2023030900},
        {"op": "notIn", "start": [1, 2]},
        {"op": "iLike", "start": "walmart"},
        {"op": "iLike", "name": "walmart"},
        {"op": "between", "start": 1, "end": 2},
        {"op": "notbetween", "start": 1, "end": 2},
    ],
)
def test_kargo_takes_the_three_ways_to_filter(condition: Any) -> None:
    read_order(order(filters=[{"day_time_id": condition}]))


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {**order(), "extra": 1},
        {**order(), "report_definition_id": 7},
        {**order(), "parameters": []},
        order(dimensions="campaign_name"),
        order(dimensions=["a", "a"]),
        order(measures=[1]),
        order(dimensions=[], measures=[]),
        order(limit=5),
        order(filters={}),
        order(filters=[[]]),
        order(filters=[{}]),
        order(filters=[{"day_time_id": None}]),
        order(filters=[{"day_time_id": True}]),
        order(filters=[{"day_time_id": {"op": "in", "start": [1]}}]),
        order(filters=[{"day_time_id": {"op": "gte", "start": 1, "end": 2}}]),
        order(filters=[{"day_time_id": {"op": "gte", "start": [1]}}]),
        order(filters=[{"day_time_id": {"op": "like", "start": 1}}]),
        order(filters=[{"day_time_id": {"op": "notIn", "start": 1}}]),
        order(filters=[{"day_time_id": {"op": "between", "start": 1}}]),
        order(filters=[{"day_time_id": {"op": "notBetween", "start": 1, "end": 2}}]),
    ],
)
def test_kargo_refuses_what_is_missing_extra_or_of_a_wrong_type(body: Any) -> None:
    with pytest.raises(BadOrder):
        read_order(body)


def test_only_the_names_of_the_documents_are_known_strictly() -> None:
    check_known(read_order(order()))
    with pytest.raises(BadOrder, match="views_sum"):
        check_known(read_order(order(measures=["views_sum"])))


ASK = {
    "dateStart": "2026-01-01",
    "dateEnd": "2026-01-08T23:59:59.000",
    "currency": "USD",
    "timeZoneVariation": "America/Los_Angeles",
}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dateStart": ""}, "missing: dateStart"),
        ({"dateStart": "01/01/2026"}, "must be dates"),
        ({"dateEnd": "2025-01-01"}, "must be dates"),
        ({"dateEnd": "2026-01-08T23:59:59Z"}, "must be dates"),
        ({"currency": "usd"}, "currency"),
        ({"timeZoneVariation": "Nowhere/Land"}, "does not exist"),
        ({"timezoneVariation": "UTC"}, "unknown"),
        ({"groupBy": "creative"}, "unknown"),
        ({"groupby": "Creative"}, "groupby must be one of"),
    ],
)
def test_rokt_refuses_a_parameter_by_its_name(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(BadAsk, match=reason):
        read_ask({**ASK, **changes}, SHAPE_BY_REPORT["campaign-breakdown"])


def test_a_date_alone_ends_the_range_before_its_day_and_a_time_within_it() -> None:
    shape = SHAPE_BY_REPORT["campaign-histogram"]
    assert len(read_ask(ASK, shape).days()) == 8
    assert len(read_ask({**ASK, "dateEnd": "2026-01-08"}, shape).days()) == 7


def test_the_documented_zones_alone_are_allowed_strictly() -> None:
    with pytest.raises(BadAsk, match="not supported"):
        read_ask(ASK, None, is_strict=True)


BODY = {"startDate": "2026-01-01", "endDate": "2026-01-08", "metrics": ["impressions"], "dimensions": ["campaign_id"]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metrics": []}, "at least 1"),
        ({"metrics": ["nope"]}, "unknown column nope"),
        ({"dimensions": ["page_type"]}, "unknown column page_type"),
        ({"endDate": "2026-01-01"}, "not part of the range"),
        ({"interval": "week"}, "interval"),
        ({"orderBys": [{"column": "datetime", "direction": "asc"}]}, "unknown column datetime"),
        ({"orderBys": [{"column": "impressions", "direction": "up"}]}, "asc or desc"),
        ({"timeZoneVariation": "UTC"}, "unknown: timeZoneVariation"),
        ({"currencyCode": "XXX"}, "currencyCode"),
        ({"dimensionFilters": []}, "dimensionFilters"),
        ({"timezoneVariation": "Nowhere"}, "does not exist"),
    ],
)
def test_the_query_api_refuses_a_field_by_its_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadAsk, match=reason):
        read_body("query-campaigns", {**BODY, **changes})


def test_an_end_in_the_future_is_refused_where_the_vendor_looks() -> None:
    read_body("query-campaigns", BODY, latest_end="2026-01-07")
    with pytest.raises(BadAsk, match="future"):
        read_body("query-campaigns", BODY, latest_end="2026-01-06")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start_date": None}, "start_date"),
        ({"start_date": "2026-1-1"}, "start_date"),
        ({"start_date": "2026-01-01T00:00:00.000"}, "start_date"),
        ({"stop_date": "2025-12-31"}, "stop_date"),
        ({"sorting": "clicks"}, "sorting"),
        ({"format": "xlsx"}, "format"),
        ({"csv_headers": "yes"}, "csv_headers"),
        ({"interval": "weekly"}, "interval"),
        ({"page": 1}, "page"),
    ],
)
def test_instal_refuses_a_field_by_its_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadExport) as refused:
        read_export({"start_date": "2026-01-01", "stop_date": "2026-01-03", **changes})
    assert list(refused.value.errors) == [field]


def test_instal_puts_in_its_defaults() -> None:
    asked = read_export({"start_date": "2026-01-01", "stop_date": "2026-01-01"})
    assert (asked["interval"], asked["csv_headers"], asked["sorting"]) == ("daily", True, "campaign_id")
