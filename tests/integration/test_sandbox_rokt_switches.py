"""Rokt's switches: where its documents and working clients disagree."""

from __future__ import annotations

import json

import pytest

from sandbox import Sandbox
from tests.sandbox_client import (
    ACCOUNT,
    BREAKDOWN,
    CAMPAIGN,
    CAMPAIGNS,
    ROKT_ASK,
    ROKT_IDS,
    ROKT_QUERY,
    ROKT_ROWS,
    TRANSACTIONS,
    Dial,
    Visitor,
    breakdown,
    dial_of,
    expected,
    running,
)
from tests.sandbox_client import visitor as visitor

sandbox = running(rows=ROKT_ROWS)
dial = dial_of("rokt")


def test_a_wrong_slash_is_refused_redirected_or_accepted(visitor: Visitor, dial: Dial) -> None:
    wrong = (
        (CAMPAIGNS[:-1], ROKT_QUERY),
        (TRANSACTIONS + "/", {**ROKT_QUERY, "metrics": ["impressions"], "dimensions": []}),
    )
    for path, body in wrong:
        dial("slash", answer="404")
        assert visitor.post("rokt", path, body).status == 404
        dial("slash")
        moved = visitor.post("rokt", path, body)
        right = "/rokt" + (CAMPAIGNS if path.endswith("campaigns") else TRANSACTIONS)
        assert (moved.status, moved.headers["Location"]) == (301, right)
        dial("slash", answer="accepted")
        assert visitor.post("rokt", path, body).status == 200


@pytest.mark.parametrize(
    ("shape", "steps"), [("data.items", ["data", "items"]), ("items", ["items"]), ("data", ["data"]), ("bare", [])]
)
def test_envelope_wraps_lists_in_four_ways(visitor: Visitor, dial: Dial, shape: str, steps: list[str]) -> None:
    dial("envelope", shape=shape)
    found = breakdown(visitor).json()
    for step in steps:
        found = found[step]
    assert found == expected("campaign-breakdown", {**ROKT_IDS, **ROKT_ASK, "groupby": "creative"})


def test_envelope_may_be_one_row_alone_and_singles_bare(visitor: Visitor, dial: Dial) -> None:
    dial("envelope", shape="first_row")
    assert breakdown(visitor).json()["groupByValue"]
    dial("envelope", shape="bare")
    overview = visitor.get("rokt", f"/reporting/accounts/{ACCOUNT}/campaigns/{CAMPAIGN}/overview", **ROKT_ASK)
    assert "grossCost" in overview.json()


def test_comma_joined_rows_are_no_json(visitor: Visitor, dial: Dial) -> None:
    dial("comma_joined")
    body = visitor.get("rokt", f"/reporting/accounts/{ACCOUNT}/campaigns/{CAMPAIGN}/histogram", **ROKT_ASK).body
    with pytest.raises(json.JSONDecodeError, match="Extra data"):
        json.loads(body)
    assert len(json.loads(b"[" + body + b"]")) == 7


def test_group_spelling_may_be_either(visitor: Visitor, dial: Dial) -> None:
    query = {**ROKT_ASK, "groupBy": "country"}
    assert visitor.get("rokt", BREAKDOWN, **query).status == 400
    dial("group_spelling")
    assert visitor.get("rokt", BREAKDOWN, **query).status == 200


def test_strict_zones_are_three(visitor: Visitor, dial: Dial) -> None:
    dial("strict_zones")
    assert breakdown(visitor).status == 400
    assert breakdown(visitor, timeZoneVariation="Australia/Sydney").status == 200


@pytest.mark.parametrize("text", ["[]", "{}"])
def test_blank_rows_stand_among_the_others(visitor: Visitor, dial: Dial, text: str) -> None:
    dial("blank_rows", text=text)
    rows = visitor.post("rokt", CAMPAIGNS, ROKT_QUERY).json()["data"]
    assert rows.count(json.loads(text)) == 13
    assert [row for row in rows if row] == expected("query-campaigns", ROKT_QUERY)


def test_no_rows_key_at_all(visitor: Visitor, dial: Dial) -> None:
    dial("no_rows_key")
    assert "data" not in visitor.post("rokt", CAMPAIGNS, ROKT_QUERY).json()


def test_null_group_or_campaign_in_the_first_row(visitor: Visitor, dial: Dial) -> None:
    dial("null_group")
    assert breakdown(visitor).json()["data"]["items"][0]["groupByValue"] is None
    ids = [row["campaign_id"] for row in visitor.post("rokt", CAMPAIGNS, ROKT_QUERY).json()["data"]]
    assert (ids[0], None in ids[1:]) == (None, False)


def test_round_cap_cuts_without_a_word(visitor: Visitor, dial: Dial) -> None:
    dial("round_cap", rows=10)
    assert len(breakdown(visitor).json()["data"]["items"]) == 10


def test_future_refused_after_tomorrow(visitor: Visitor, dial: Dial) -> None:
    dial("future_refused")
    ends = ("2026-02-02", "2026-02-03")
    assert [visitor.post("rokt", CAMPAIGNS, {**ROKT_QUERY, "endDate": end}).status for end in ends] == [200, 400]


def test_ids_may_come_without_quotes(visitor: Visitor, dial: Dial) -> None:
    dial("numbers", style="unquoted")
    groups = {type(row["groupByValue"]) for row in breakdown(visitor).json()["data"]["items"]}
    assert groups == {int}


def test_legacy_may_be_gone_while_queries_go_on(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.turn({"vendor": "rokt", "match": {"path": "/reporting/"}, "kind": "status", "args": {"code": 410}})
    assert breakdown(visitor).status == 410
    assert visitor.post("rokt", CAMPAIGNS, ROKT_QUERY).status == 200


def test_a_day_is_restated_in_another_revision(sandbox: Sandbox, visitor: Visitor) -> None:
    before = breakdown(visitor).json()
    sandbox.remote.set(revision=2)
    assert breakdown(visitor).json() != before
