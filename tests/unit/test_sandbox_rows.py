"""Rows depend only on seed and number, can be made directly, and no two are equal."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import expected_digest, expected_rows
from sandbox.columns import Column
from sandbox.rows import PERIOD, Rendering, RowPlan
from sandbox.vendors.kargo.reports import plan as kargo_plan

ASKED = {"dimensions": ["campaign_name", "advertiser_name"], "measures": ["clicks_sum", "ctr_avg"]}
KARGO = "kargo.campaign-performance-metrics"
QUERY = {
    "fields": ["campaign_id", "campaign_name", "impressions", "total_spend"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
COLUMNS = (Column("campaign", "text"), Column("clicks", "count"), Column("cost", "decimal"))


def small(rows: int, **how: object) -> RowPlan:
    return RowPlan("kargo.small", COLUMNS, Rendering(rows, **how))  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_rows_and_another_gives_others() -> None:
    first, again = list(small(2 * PERIOD).rows()), list(small(2 * PERIOD).rows())
    assert first == again
    assert list(small(2 * PERIOD, seed=2).rows()) != first


def test_a_row_is_these_bytes_in_every_process_and_version() -> None:
    assert small(3).row(2) == '{"campaign":"Škoda Loop Retargeting 2024","clicks":2,"cost":7630.5700}'.encode()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3 * PERIOD), st.integers(0, 3 * PERIOD), st.integers(1, 4), st.sampled_from(["values", "order"]))
def test_a_slice_is_the_same_as_reading_from_the_start(start: int, length: int, revision: int, restate: str) -> None:
    plan = small(2 * PERIOD + 123, revision=revision, restate=restate)
    assert list(plan.rows(start, start + length)) == list(plan.rows())[start : start + length]


def test_a_row_far_down_is_found_without_making_those_before_it() -> None:
    plan = small(10**15)
    assert json.loads(plan.row(987_654_321_012_345))["clicks"] == 987_654_321_012_345


@pytest.mark.parametrize(
    "columns",
    [COLUMNS, COLUMNS[:1], (Column("account", "big_id"),), (Column("os", "platform"),), (Column("at", "time"),)],
)
def test_no_two_rows_of_a_report_are_alike(columns: tuple[Column, ...]) -> None:
    rows = list(RowPlan("rokt.any", columns, Rendering(3 * PERIOD)).rows())
    assert len(set(rows)) == len(rows) == 3 * PERIOD


def test_another_order_has_the_same_rows() -> None:
    before, after = list(small(700).rows()), list(small(700, revision=2, restate="order").rows())
    assert before != after
    assert sorted(before) == sorted(after)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 4 * PERIOD))
def test_the_length_of_a_file_is_known_before_it_is_made(rows: int) -> None:
    plan = kargo_plan("any", ("campaign_name",), ("clicks_sum",), Rendering(rows, form="csv"))
    assert plan.byte_count() == sum(len(row) + 1 for row in plan.rows())


def test_the_digest_of_pages_is_the_digest_of_their_digests() -> None:
    rows = list(expected_rows(KARGO, ASKED, 25))
    pages = [hashlib.sha256(b"".join(row + b"\n" for row in rows[at : at + 10])).hexdigest() for at in (0, 10, 20)]
    assert expected_digest(KARGO, ASKED, 25, page_rows=10) == hashlib.sha256("".join(pages).encode()).hexdigest()
    assert expected_digest(KARGO, ASKED, 25) == hashlib.sha256(b"".join(row + b"\n" for row in rows)).hexdigest()
