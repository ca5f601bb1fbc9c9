"""Rokt over real HTTP, legacy and Query: the usual dialogue, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.vendors.rokt.shapes import SHAPES
from tests.sandbox_client import (
    ACCOUNT,
    AUDIENCE,
    BREAKDOWN,
    CAMPAIGN,
    CAMPAIGNS,
    CREATIVE,
    ROKT_ASK,
    ROKT_IDS,
    ROKT_QUERY,
    ROKT_ROWS,
    TRANSACTIONS,
    Visitor,
    basic,
    breakdown,
    expected,
    running,
)
from tests.sandbox_client import visitor as visitor

sandbox = running(rows=ROKT_ROWS)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.report))
def test_every_legacy_report_answers_as_working_clients_read_it(visitor: Visitor, shape: Any) -> None:
    ids = {"account": ACCOUNT, "campaign": CAMPAIGN, "creative": CREATIVE}
    query = {**ROKT_ASK, "groupby": shape.groups[-1]} if shape.groups else ROKT_ASK
    told = visitor.get("rokt", "/reporting" + shape.path.format(**ids), **query).json()["data"]
    rows = told["items"] if shape.is_list else [told]
    count = 7 if shape.is_histogram else (ROKT_ROWS if shape.is_list else 1)
    assert rows == expected(shape.report, {**ROKT_IDS, **query}, count)


def test_the_summary_holds_two_parts(visitor: Visitor) -> None:
    told = visitor.get("rokt", f"/reporting/accounts/{ACCOUNT}/summary", **ROKT_ASK).json()["data"]
    assert [told] == expected("account-summary", {"accountId": ACCOUNT, **ROKT_ASK}, 1)
    assert list(told) == ["campaignsSummary", "transactionsSummary"]


@pytest.mark.parametrize(
    ("report", "path"),
    [
        ("campaign-metadata", ""),
        ("audience-metadata", f"/audiences/{AUDIENCE}"),
        ("creative-metadata", f"/creatives/{CREATIVE}"),
    ],
)
def test_metadata_takes_no_dates_and_repeats_the_ids(visitor: Visitor, report: str, path: str) -> None:
    path = f"/metadata/accounts/{ACCOUNT}/campaigns/{CAMPAIGN}{path}"
    told = visitor.get("rokt", path).json()["data"]
    assert [told] == expected(report, ROKT_IDS, 1)
    assert (told["accountId"], told["campaignId"]) == (ACCOUNT, CAMPAIGN)
    assert visitor.get("rokt", path, dateStart="2026-01-01").status == 400


def test_ids_are_nineteen_digits_in_quotes(visitor: Visitor) -> None:
    groups = [row["groupByValue"] for row in breakdown(visitor).json()["data"]["items"]]
    assert {(type(group), len(group)) for group in groups} == {(str, 19)}


def test_a_placement_has_no_page_level_metrics(visitor: Visitor) -> None:
    path = f"/reporting/accounts/{ACCOUNT}/transactions/breakdown"
    row = visitor.get("rokt", path, **ROKT_ASK, groupby="placement").json()["data"]["items"][0]
    assert {"transactions", "purchases", "rpt"} & row.keys() == set()


def test_queries_answer_rows_beside_the_account(visitor: Visitor) -> None:
    told = visitor.post("rokt", CAMPAIGNS, ROKT_QUERY).json()
    assert told["accountId"] == ACCOUNT
    assert told["data"] == expected("query-campaigns", {"accountId": ACCOUNT, **ROKT_QUERY})
    assert list(told["data"][0]) == ["datetime", "campaign_id", "campaign_name", "impressions", "gross_cost"]
    body = {"startDate": "2026-01-01", "endDate": "2026-01-08", "metrics": ["transactions"]}
    assert visitor.post("rokt", TRANSACTIONS, body).json()["data"] == expected("query-transactions", body)


def test_accounts_are_a_bare_list_and_tell_what_they_can(visitor: Visitor) -> None:
    accounts = visitor.get("rokt", "/v1/query/accounts").json()
    assert accounts == expected("query-accounts", {}, 3)
    one = accounts[1]["accountId"]
    assert visitor.get("rokt", f"/v1/query/accounts/{one}").json() == accounts[1]
    assert visitor.get("rokt", "/v1/query/accounts/99").status == 404
    told = visitor.get("rokt", f"/v1/query/accounts/{one}/campaigns/help").json()
    assert told["dimensions"][0]["slug"] == "campaign_id"
    assert "slug" not in told["metrics"][-1]
    assert visitor.get("rokt", f"/v1/query/accounts/{one}/transactions/help").status == 200


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"grant_type=client_credentials"),
        (basic("sandboxappid0000000000000a", "wrong"), b"grant_type=client_credentials"),
        (None, b"grant_type=authorization_code"),
        (None, b""),
    ],
)
def test_no_token_without_the_right_words(visitor: Visitor, headers: dict[str, str] | None, body: bytes) -> None:
    known = visitor.credentials["rokt"]
    sent = basic(known["app_id"], known["app_secret"]) if headers is None else headers
    sent = {**sent, "Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.ask("POST", visitor.urls["rokt"] + "/auth/oauth2/token", sent, body).status == 400


def test_the_token_wants_a_form(visitor: Visitor) -> None:
    known = visitor.credentials["rokt"]
    headers = basic(known["app_id"], known["app_secret"])
    url = visitor.urls["rokt"] + "/auth/oauth2/token"
    assert visitor.ask("POST", url, headers, {"grant_type": "client_credentials"}).status == 400
    assert visitor.ask("GET", url, headers).status == 405


def test_wrong_tokens_paths_and_parameters_are_refused(visitor: Visitor) -> None:
    assert visitor.ask("GET", visitor.urls["rokt"] + "/v1/query/accounts").status == 403
    assert visitor.get("rokt", "/reporting/accounts/abc/summary", **ROKT_ASK).status == 404
    assert visitor.get("rokt", f"/reporting/accounts/{ACCOUNT}/summary/", **ROKT_ASK).status == 404
    assert visitor.get("rokt", BREAKDOWN, **ROKT_ASK, groupby="moon").status == 400
    assert breakdown(visitor, currency="XXX").status == 400
    assert visitor.post("rokt", BREAKDOWN, {}).status == 405
    wrong = visitor.post("rokt", CAMPAIGNS, {**ROKT_QUERY, "orderBys": [{"column": "datetime"}]})
    assert (wrong.status, wrong.json()["message"]) == (400, "unknown column datetime")
    headers = {**visitor.authorization("rokt"), "Content-Type": "text/plain"}
    assert visitor.ask("POST", visitor.urls["rokt"] + CAMPAIGNS, headers, b"{}").status == 400
    headers["Content-Type"] = "application/json"
    assert visitor.ask("POST", visitor.urls["rokt"] + CAMPAIGNS, headers, b"{").status == 400
