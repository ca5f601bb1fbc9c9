"""A request is composed of what a source file declares and the values of its placeholders."""

from __future__ import annotations

import pytest

from worker.sources.base_urls import base_of
from worker.sources.schema import Request
from worker.transport import request

BASE = base_of("https://api.vendor.example/v1")


def test_a_request_is_composed_of_what_its_values_give() -> None:
    declared = Request(
        method="POST",
        path="/accounts/{account}/rows",
        query={"from": "{day}", "all": "{all}", "ids": "{ids}", "absent": "{absent}"},
        headers={"x-day": "{day}"},
        json={"fields": "{ids}", "page": {"size": 5}},
    )
    wire = request.compose(
        BASE,
        declared,
        {"account": "a/../b", "day": "2026-11-01", "all": True, "ids": [1, "é"]},
        json_parts={"page.index": 3},
    )
    assert (
        wire.url == "https://api.vendor.example/v1/accounts/a%2F..%2Fb/rows?from=2026-11-01&all=true&ids=1&ids=%C3%A9"
    )
    assert wire.body == '{"fields":[1,"é"],"page":{"size":5,"index":3}}'.encode()
    assert wire.headers == {"x-day": "2026-11-01", "Content-Type": "application/json"}
    assert wire.name == "POST /v1/accounts/a%2F..%2Fb/rows"


@pytest.mark.parametrize(
    ("value", "sent"), [(True, "true"), (7, "7"), (5.0, "5.0"), (["a", "b"], "a,b"), ({"a": 1}, '{"a":1}'), ("é", "é")]
)
def test_a_value_in_a_header_is_written_as_in_a_longer_text(value: object, sent: str) -> None:
    declared = Request(path="/x", headers={"X-A": "{a}", "X-B": "b={a}"})
    assert request.compose(BASE, declared, {"a": value}).headers == {"X-A": sent, "X-B": f"b={sent}"}


def test_what_an_address_adds_replaces_what_the_request_had() -> None:
    wire = request.compose(
        BASE, Request(path="/x", query={"limit": 10, "q": "a b"}), {}, query={"limit": 5, "offset": 0}
    )
    assert wire.url == "https://api.vendor.example/v1/x?limit=5&q=a%20b&offset=0"
    assert request.with_query("https://h/x?limit=10&q=a%20b&q=c", {"limit": 3}) == "https://h/x?q=a%20b&q=c&limit=3"
    assert request.with_query("https://h/x?sig=a%2Bb", {}) == "https://h/x?sig=a%2Bb"
    assert request.without_query_value("https://h/x?a=1&api%5Fkey=s&b=%2B", "api_key") == "https://h/x?a=1&b=%2B"
    assert request.without_query_value("https://h/x?api_key=s", "api_key") == "https://h/x"


def test_a_query_that_is_a_text_goes_out_as_it_is_written_and_takes_what_an_address_adds() -> None:
    declared = Request(path="/x", query="q=analytics&dateRange=(start:(year:{y}))&start=0&accounts=List(urn%3Ali%3a7)")
    wire = request.compose(BASE, declared, {"y": 2026}, query={"start": 20})
    sent = "q=analytics&dateRange=(start:(year:2026))&accounts=List(urn%3Ali%3a7)&start=20"
    assert wire.url == f"https://api.vendor.example/v1/x?{sent}"
    assert request.compose(BASE, Request(path="/x", query="a={none}"), {}).url == "https://api.vendor.example/v1/x"


def test_a_form_is_sent_as_a_form() -> None:
    declared = Request(method="POST", path="/x", form={"grant": "{g}", "none": "{n}", "page": 1})
    wire = request.compose(BASE, declared, {"g": "a&b"})
    assert (wire.body, wire.headers["Content-Type"]) == (b"grant=a%26b&page=1", "application/x-www-form-urlencoded")
    assert request.compose(BASE, declared, {"g": "a"}, form={"page": 2, "size": 9}).body == b"grant=a&page=2&size=9"
