"""What vendors do and how Millrace reacts, and every report of the sandbox, end to end.

The table in `tests/scenarios` has what vendors do; below it stands every report of every source, asked for once. They
are in one file so that all of them begin together, and those that wait do not hold up the others.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.settings import PACKAGED
from sandbox import expected_rows
from tests.requests import INSTAL, KARGO, QUERY, ROKT, SINGLE
from tests.scenarios.outcome import Outcome, exact
from tests.scenarios.runner import ScenarioRunner
from tests.scenarios.scenario import Expectation, played, rokt
from tests.scenarios.table import cases
from worker.sources.connections import load_connections
from worker.sources.loading import load_catalogue


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(expected, id=name, marks=pytest.mark.played(scenario))
        for name, (scenario, expected) in cases().items()
    ],
)
def test_each_case_ends_as_the_table_says(outcome: Outcome, expected: Expectation) -> None:
    expected.check(outcome)


# ---------------------------------------------------------------- every report

CATALOGUE = load_catalogue()
SOURCES = CATALOGUE.sources
ORGANIZATION = {"field": "organization_id", "value": 100048}
DEALS = [ORGANIZATION, {"field": "deal_id", "value": [7, 8]}]
# More than Kargo gives without a limit, and no multiple of the pages of 250 below.
ROWS = 600
CONNECTIONS = PACKAGED / "connections.yaml"


def dataset(name: str, **more: Any) -> dict[str, Any]:
    """Every column a dataset has on each of its rows, over a week."""
    params = SOURCES["mediamath"].reports[name].params
    fields = [field for field in params["fields"].items_allowed or [] if field != "agg_timestamp"]
    rollup = "all" if name == "reach-frequency" else "by_day"
    filters = DEALS if name == "deals" else [ORGANIZATION]
    return {"fields": fields, "filters": filters, "rollup": rollup, "time_window": "last_7_days", **more}


ONE_CREATIVE = {**ROKT, "creativeId": "3456789012345678901"}
ONE_AUDIENCE = {"accountId": ROKT["accountId"], "campaignId": ROKT["campaignId"], "audienceId": "4567890123456789012"}
IDS = {"accountId", "campaignId", "creativeId"}


def only(names: set[str], params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name in names}


def without(names: set[str], params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in names}


ACCOUNT = without({"campaignId"}, ROKT)
ROKT_REPORTS: dict[str, tuple[dict[str, Any], int]] = {
    "account-campaigns-breakdown": ({**ACCOUNT, "groupby": "country"}, ROWS),
    "account-summary": (ACCOUNT, 1),
    "account-transactions-overview": (ACCOUNT, 1),
    "account-transactions-breakdown": ({**ACCOUNT, "groupby": "placement"}, ROWS),
    "campaign-overview": (ROKT, 1),
    "campaign-breakdown": ({**ROKT, "groupby": "creative"}, ROWS),
    "campaign-histogram": (ROKT, 30),
    "creative-overview": (ONE_CREATIVE, 1),
    "creative-breakdown": ({**ONE_CREATIVE, "groupby": "audience"}, ROWS),
    "campaign-metadata": (only({"accountId", "campaignId"}, ROKT), 1),
    "audience-metadata": (ONE_AUDIENCE, 1),
    "creative-metadata": (only(IDS, ONE_CREATIVE), 1),
    "query-accounts": ({}, 3),
    "query-campaigns": (QUERY, ROWS),
    "query-transactions": ({**QUERY, "metrics": ["transactions", "referral_rate"], "dimensions": ["page_type"]}, ROWS),
}
SHOWN = {"rokt": ROKT_REPORTS, "mediamath": {name: (dataset(name), ROWS) for name in SOURCES["mediamath"].reports}}


def case(name: str, params: dict[str, Any], rows: int = ROWS) -> Any:
    """A report's name, parameters and number of rows, played."""
    return pytest.param(name, params, rows, marks=played(name, params=params, rows=ROWS))


def test_no_report_of_a_vendor_with_a_connection_is_left_out() -> None:
    accounts = {account.source.source for account in load_connections(CONNECTIONS, CATALOGUE, {}.get).values()}
    assert {name: list(source.reports) for name, source in SOURCES.items() if name in accounts} == {
        "kargo": ["campaign-performance-metrics", "report", "completed-report", "reports", "report-definitions"],
        "mediamath": list(SHOWN["mediamath"]),
        "rokt": list(ROKT_REPORTS),
        "instal": ["advertiser-export"],
    }


def assert_as_served(outcome: Outcome, name: str, params: dict[str, Any], rows: int) -> None:
    outcome.assert_done(rows)
    served = expected_rows(name, outcome.receipt["params"], rows, typed=True)
    assert outcome.rows == [exact(row) for row in served]
    counts = SOURCES[name.partition(".")[0]].reports[name.partition(".")[2]].proof == "count"
    assert (outcome.receipt["proof"] == "count") == counts
    assert outcome.receipt["expected_rows"] == (rows if counts else None)


@pytest.mark.parametrize(("name", "params", "rows"), [
    case(f"{vendor}.{report}", params, rows)
    for vendor, reports in SHOWN.items()
    for report, (params, rows) in reports.items()
])  # fmt: skip
def test_a_report_that_needs_no_preparation_is_read_whole(
    outcome: Outcome, name: str, params: dict[str, Any], rows: int
) -> None:
    assert_as_served(outcome, name, params, rows)


@pytest.mark.parametrize(("name", "params", "rows"), [
    case(f"mediamath.{name}", dataset(name, page_size=250)) for name in ("performance", "reach-frequency")
])  # fmt: skip
def test_every_dataset_is_read_in_pages_too(outcome: Outcome, name: str, params: dict[str, Any], rows: int) -> None:
    assert_as_served(outcome, name, params, rows)
    assert outcome.receipt["pages"] == 3
    assert sorted(json.loads(one["body"])["pagination"]["page_index"] for one in outcome.asked("page")) == [0, 1, 2]


DEFINED = {**KARGO, "report_definition_id": "reach-by-publisher", "measures": ["clicks_sum", "media_spend"]}


@pytest.mark.parametrize(("name", "params", "rows"), [
    case("kargo.campaign-performance-metrics", KARGO),
    case("kargo.campaign-performance-metrics", {**KARGO, "format": "csv"}),
    case("kargo.report", DEFINED),
    case("instal.advertiser-export", INSTAL),
    case("instal.advertiser-export", {**INSTAL, "csv_headers": False, "interval": "hourly", "sorting": "time"}),
])  # fmt: skip
def test_a_report_that_is_prepared_is_read_whole(
    outcome: Outcome, name: str, params: dict[str, Any], rows: int
) -> None:
    known = f"kargo.{params['report_definition_id']}" if name == "kargo.report" else name
    outcome.assert_done(rows)
    assert outcome.rows == [exact(row) for row in expected_rows(known, params, rows, typed=True)]
    assert outcome.receipt["proof"] == ("end" if name.startswith("instal") else "count")
    assert outcome.receipt["vendor_report_id"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_report_prepared_earlier_is_read_and_found_in_its_list(runner: ScenarioRunner, form: str) -> None:
    with runner.vendors(is_unused=True) as vendors:
        vendors.sandbox.remote.set(rows=ROWS, polls_until_ready=0)
        first = vendors.outcome(vendors.ask("kargo.campaign-performance-metrics"))
        first.assert_done(ROWS)
        known = first.receipt["vendor_report_id"]
        asked = {"report_id": known, "measures": KARGO["measures"], "format": form}
        again = vendors.outcome(vendors.ask("kargo.completed-report", params=asked))
        again.assert_done(ROWS)
        assert again.rows == first.rows
        listed = vendors.outcome(vendors.ask("kargo.reports", params={}))
        listed.assert_done(1)
        assert listed.rows[0]["id"] == known
        assert len(listed.asked("reports")) == 1


@pytest.mark.parametrize("restate", ["values", "order"])
def test_restated_days_are_read_again_by_a_later_job(runner: ScenarioRunner, restate: str) -> None:
    with runner.vendors() as vendors:
        vendors.prepare(rokt(rows=ROWS))
        first = vendors.outcome(vendors.ask(SINGLE))
        vendors.sandbox.remote.set(revision=2, restate=restate)
        second = vendors.outcome(vendors.ask(SINGLE))
        first.assert_whole(ROWS)
        second.assert_whole(ROWS, revision=2, restate=restate)
        assert first.receipt["digest"] != second.receipt["digest"]
        assert first.receipt["ready_at"] < second.receipt["ready_at"]


@pytest.mark.parametrize(("name", "params", "rows"), [case("kargo.report-definitions", {}, 1)])
def test_the_list_of_definitions_is_read(outcome: Outcome, name: str, params: dict[str, Any], rows: int) -> None:
    outcome.assert_done(rows)
    assert [row["id"] for row in outcome.rows] == ["campaign-performance-metrics"]
