"""MediaMath over real HTTP: its usual dialogue, what it refuses, and its switches."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox import Sandbox, expected_rows
from sandbox.vendors.mediamath.datasets import datasets
from tests.sandbox_client import Reply, Visitor, running
from tests.sandbox_client import visitor as visitor

ROWS = 1234
QUERY: dict[str, Any] = {
    "fields": ["campaign_id", "campaign_name", "impressions", "clicks", "ctr", "total_spend"],
    "filters": [{"field": "organization_id", "op": "=", "value": 123456}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
EXPECTED = list(expected_rows("mediamath.performance", QUERY, ROWS))
sandbox = running(rows=ROWS)


def ask(visitor: Visitor, dataset: str = "performance", **changes: Any) -> Reply:
    return visitor.post("mediamath", f"/{dataset}", {**QUERY, **changes})


def page(visitor: Visitor, index: int, size: int = 100) -> Any:
    return ask(visitor, pagination={"page_index": index, "page_size": size}).json()


def test_a_stream_is_a_header_and_rows_a_line_each(visitor: Visitor) -> None:
    reply = ask(visitor)
    header, *rows = reply.lines()
    assert reply.headers["Content-Type"] == "application/jsonl"
    names = [field["name"] for field in json.loads(header)["fields"]]
    assert names == ["agg_timestamp", *QUERY["fields"]]
    assert json.loads(header)["total_items_count"] == ROWS
    assert rows == EXPECTED
    assert list(json.loads(rows[0])) == [*QUERY["fields"], "agg_timestamp"]
    assert reply.body.endswith(b"\n")


def test_pages_hold_the_same_rows_and_count_themselves(visitor: Visitor) -> None:
    found: list[Any] = []
    for index in range(4):
        told = page(visitor, index, 400)
        found += told["results"]
        assert told["meta"] == {
            "page_index": index,
            "total_pages": 4,
            "items_count": len(told["results"]),
            "total_items_count": ROWS,
            "status": "OK",
        }
    assert found == [json.loads(row) for row in EXPECTED]
    assert page(visitor, 4, 400)["results"] == []


def test_a_report_may_be_empty(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.set(rows_by_report={"mediamath.performance": 0})
    assert page(visitor, 0)["meta"]["total_pages"] == 0
    assert len(ask(visitor).lines()) == 1


@pytest.mark.parametrize("dataset", sorted(datasets()))
def test_every_dataset_answers_with_the_fields_asked_for(visitor: Visitor, dataset: str) -> None:
    facts = datasets()[dataset]
    fields = sorted(facts.fields - {"agg_timestamp"})
    body = {
        "fields": fields,
        "filters": [{"field": "organization_id", "value": 1}],
        "rollup": facts.rollups[0],
        "time_window": "yesterday",
    }
    if dataset == "deals":
        body["filters"].append({"field": "deal_id", "value": ["a"]})
    header, *rows = visitor.post("mediamath", f"/{dataset}", body).lines()
    assert len(rows) == len(set(rows)) == ROWS
    assert set(json.loads(rows[-1])) == {field["name"] for field in json.loads(header)["fields"]}
    assert rows == list(expected_rows(f"mediamath.{dataset}", body, ROWS))


def test_max_results_sends_and_counts_fewer(visitor: Visitor) -> None:
    header, *rows = ask(visitor, max_results=10).lines()
    assert (json.loads(header)["total_items_count"], rows) == (10, EXPECTED[:10])


def test_with_rollup_all_there_is_no_timestamp(visitor: Visitor) -> None:
    header, row, *_ = ask(visitor, rollup="all").lines()
    assert b"agg_timestamp" not in header + row


def test_a_token_is_had_by_password_refreshed_or_given(visitor: Visitor) -> None:
    known = visitor.credentials["mediamath"]
    form = {"grant_type": "password", "audience": "https://api.mediamath.com/", "scope": "offline_access", **known}
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    made = visitor.ask("POST", visitor.urls["mediamath_auth"], urlencoded, urlencode(form).encode()).json()
    assert (made["token_type"], made["expires_in"]) == ("Bearer", 86_400)
    renewal = {**form, "grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    assert visitor.ask("POST", visitor.urls["mediamath_auth"], body=renewal).status == 200
    assert "refresh_token" not in visitor.log_in("mediamath").json()
    url = f"{visitor.urls['mediamath']}/performance"
    assert visitor.ask("POST", url, {"Authorization": f"Bearer {known['token']}"}, QUERY).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"password": "wrong"}, 403, "invalid_grant"),
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"audience": ""}, 403, "access_denied"),
        ({"grant_type": "client_credentials"}, 403, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, 403, "invalid_grant"),
    ],
)
def test_no_token_without_the_right_words(visitor: Visitor, changes: dict[str, str], status: int, error: str) -> None:
    form = {
        "grant_type": "password",
        "audience": "https://api.mediamath.com/",
        **visitor.credentials["mediamath"],
        **changes,
    }
    reply = visitor.ask("POST", visitor.urls["mediamath_auth"], body=form)
    assert (reply.status, reply.json()["error"]) == (status, error)


def test_wrong_tokens_paths_methods_types_and_bodies_are_refused(visitor: Visitor) -> None:
    url, known = visitor.urls["mediamath"], visitor.authorization("mediamath")
    refused = visitor.ask("POST", f"{url}/performance", {"Authorization": "Bearer wrong"}, QUERY)
    assert (refused.status, refused.json()["error_code"]) == (401, "Unauthorized")
    assert ask(visitor, "nothing").status == 404
    assert ask(visitor, "performance/").status == 404
    assert visitor.ask("GET", f"{url}/performance", known).status == 405
    assert visitor.ask("POST", f"{url}/performance", {**known, "Content-Type": "text/plain"}, b"{}").status == 400
    assert visitor.ask("POST", f"{url}/performance", {**known, "Content-Type": "application/json"}, b"{").status == 400
    wrong = ask(visitor, fields=["campaign_id_test"])
    assert (wrong.status, wrong.json()["error_code"]) == (400, "BadRequest")
    assert wrong.json()["message"] == "field does not exist in this dataset: campaign_id_test"
    assert len(wrong.json()["request_id"]) == 32
