"""Everything that a vendor lists is read, page by page, and for each row the details that the source file declares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from tests import source_files
from tests.scripted_vendor import Heard, ScriptedVendor
from worker.client.discover import discover
from worker.errors import FailJob
from worker.sources.connections import Connection
from worker.sources.schema import Discovery, Source
from worker.transport.account import Account
from worker.transport.exchange import Exchange

DETAIL = {"title": "help", "request": {"path": "/{id}/help"}, "lists": {"fields": "fields"}, "name": "slug"}
FORMAT = {"kind": "json", "rows": ["rows"], "next": ["next"]}


@contextmanager
def asking(answers: Callable[[str], Any]) -> Iterator[tuple[Exchange, ScriptedVendor]]:
    """An exchange with a vendor that answers each path with this JSON."""

    def script(heard: Heard) -> bytes:
        body = json.dumps(answers(heard.target)).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    read = {"request": {"path": "/all"}, "format": FORMAT, "paging": {"kind": "link"}}
    reports = {"all": source_files.report(read, replay="unstable")}
    source = Source.model_validate(source_files.source(reports=reports, limits={"requests_per_second": 1000}))
    with ScriptedVendor(script) as vendor:
        connection = Connection("acme", source, vendor.url, limits=source.limits)
        yield Exchange(Account(connection, environment=lambda _: None), None), vendor


def declared(*details: dict[str, Any]) -> Discovery:
    return Discovery.model_validate({"title": "accounts", "report": "all", "details": list(details)})


def test_every_page_of_the_list_is_read() -> None:
    pages = {"/all": {"rows": [{"id": 1}], "next": "/all?p=2"}, "/all?p=2": {"rows": [{"id": 2}], "next": None}}
    with asking(pages.__getitem__) as (exchange, _):
        found = discover(exchange, declared(), most_detailed=9, say=pytest.fail)
    assert [json.loads(row) for row in found.rows] == [{"id": 1}, {"id": 2}]
    assert (found.details, found.left_out) == ([], 0)


def test_a_row_that_no_report_could_publish_is_listed_too() -> None:
    with asking({"/all": {"rows": [{"id": "\ud83d"}], "next": None}}.__getitem__) as (exchange, _):
        told = discover(exchange, declared(), most_detailed=9, say=pytest.fail)
    # Only plain bytes can be made part of other JSON.
    assert orjson.dumps([orjson.Fragment(row) for row in told.rows]) == b'[{"id": "\\ud83d"}]'


def test_pages_that_lead_in_a_circle_are_refused() -> None:
    pages = {
        "/all": {"rows": [{"id": 1}], "next": "/all?p=2"},
        "/all?p=2": {"rows": [{"id": 2}], "next": "/all?p=3"},
        "/all?p=3": {"rows": [{"id": 3}], "next": "/all?p=2"},
    }
    with asking(pages.__getitem__) as (exchange, _), pytest.raises(FailJob, match="read before"):
        discover(exchange, declared(), most_detailed=9, say=pytest.fail)


def test_a_page_that_comes_again_is_refused_under_any_link() -> None:
    rows = [{"id": 1}]
    pages = {"/all": {"rows": rows, "next": "/all?p=2"}, "/all?p=2": {"rows": rows, "next": None}}
    with (
        asking(pages.__getitem__) as (exchange, _),
        pytest.raises(FailJob, match="page 2 has the rows of page 1 again"),
    ):
        discover(exchange, declared(), most_detailed=9, say=pytest.fail)


def test_a_list_may_be_empty() -> None:
    with asking({"/all": {"rows": [], "next": None}}.__getitem__) as (exchange, _):
        assert discover(exchange, declared(DETAIL), most_detailed=9, say=pytest.fail).rows == []


def test_details_are_requested_for_as_many_rows_as_wanted() -> None:
    def answers(target: str) -> Any:
        if target == "/all":
            return {"rows": [{"id": 1}, {"id": 2}, {"name": "nameless"}, {"id": 4}]}
        return {"fields": [{"slug": f"of{target}"}, {"description": "no slug"}]}

    with asking(answers) as (exchange, vendor):
        found = discover(exchange, declared(DETAIL), most_detailed=3, say=pytest.fail)
    first, _, nameless = found.details
    assert (first.of, first.lists, first.error) == ({"id": 1}, {"fields": ["of/1/help"]}, None)
    assert nameless.lists == {}
    assert "id" in (nameless.error or "")
    assert found.left_out == 1
    assert vendor.targets() == ["GET /all", "GET /1/help", "GET /2/help"]
