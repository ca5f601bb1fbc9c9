"""An answer that fits a declared error never counts as rows or an end, in any format, paging, page or status."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import source_files
from tests.fake_vendor import Answer, FakeVendor, Request
from tests.scripted_vendor import ScriptedVendor
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import FailJob, MillraceError, RateLimited, RetryLater
from worker.sources.connections import Connection
from worker.sources.schema import Limits, Source
from worker.transport.account import Account
from worker.transport.exchange import Exchange

# Few, since every page before the one with the error is asked for over HTTP.
SIZE = 3
STATUSES = [200, 201, 400, 403, 404, 410, 416, 422, 429, 500, 503]

SHAPES: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    ({"when": "error"}, {"error": "it went wrong"}),
    ({"when": "error.code", "message": "error.text"}, {"error": {"code": 0, "text": "zero is a code"}}),
    ({"when": "errors", "message": "errors.0.text"}, {"errors": [{"text": "gone"}]}),
    ({"when": "status", "equals": "error"}, {"status": " ERROR "}),
    ({"when": "status", "equals": ["late", 7]}, {"status": "7"}),
    ({"when": "ok", "equals": False}, {"ok": False}),
    ({"when": "code", "unless": [0, "OK"]}, {"code": "40105"}),
    ({"when": "note", "contains": "try again"}, {"note": "Please Try Again later"}),
    (
        {"when": "notes.[level=error].text"},
        {"notes": [{"level": "info", "text": "a"}, {"level": "error", "text": "b"}]},
    ),
]
"""Shapes, and a body that fits each."""

GOOD = {"error": False, "errors": [], "status": "fine", "ok": True, "code": 0, "note": "all is well", "notes": []}
"""Fields beside the rows of an answer without an error; they fit no shape."""

FORMATS: dict[str, Mapping[str, Any]] = {
    "json": {"kind": "json", "rows": ["data"]},
    "ndjson": {"kind": "ndjson"},
    "delimited": {"kind": "delimited"},
}
PAGINGS: dict[str, Mapping[str, Any]] = {
    "single": {"kind": "single"},
    "offset": {"kind": "offset", "limit": SIZE},
    "page-number": {"kind": "page-number", "size": SIZE, "size_param": "limit"},
    "link": {"kind": "link", "place": "header"},
    "token": {"kind": "token", "param": "token", "header": "X-Token"},
}


@dataclass
class PagedVendor:
    """Pages of `SIZE` rows without end; the one of number `page` has the error, beside or after `rows` rows."""

    format: str
    paging: str
    page: int
    rows: int
    status: int
    error: Mapping[str, Any]
    is_first: bool
    heard: list[int] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        asked = request.query
        number = int(asked.get("page") or asked.get("token") or 1 + int(asked.get("offset", 0)) // SIZE)
        self.heard.append(number)
        headers = {"X-Token": str(number + 1), "Link": f'</rows?token={number + 1}>; rel="next"'}
        start = (number - 1) * SIZE
        rows = [{"id": start + position} for position in range(SIZE)]
        if number == self.page:
            return Answer(self._body(rows[: self.rows], self.error), self.status, headers)
        return Answer(self._body(rows, None), 200, headers)

    def _body(self, rows: list[Any], error: Mapping[str, Any] | None) -> bytes:
        if self.format == "json":
            beside = {**GOOD, **(error or {})}
            content = {**beside, "data": rows} if self.is_first else {"data": rows, **beside}
            return json.dumps(content).encode()
        # A vendor whose refusals are JSON, even if its data is not.
        if error is not None and (self.status >= 300 or self.format == "delimited"):
            return json.dumps(error).encode()
        if self.format == "ndjson":
            return "".join(json.dumps(each) + "\n" for each in [*rows, *([error] if error else [])]).encode()
        return "\n".join(["id", *(str(row["id"]) for row in rows)]).encode() + b"\n"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeVendor]:
    with FakeVendor(lambda request: Answer()) as fake:
        yield fake


def read_whole(vendor: Vendor) -> Iterator[bytes]:
    """Every row of the report, page by page, as far as it can be read."""
    number, planned, link = 1, vendor.plan(None), None
    while number <= planned:
        page = vendor.page(number, link)
        for rows in page.blocks():
            yield from rows
        following = vendor.follow(number, page.facts, planned)
        number, planned, link = number + 1, following.planned, following.link


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_a_declared_error_is_never_mistaken_for_rows_or_an_end(server: FakeVendor, data: st.DataObject) -> None:
    shape, error = data.draw(st.sampled_from(SHAPES), "shape")
    form = data.draw(st.sampled_from(sorted(FORMATS)), "format")
    paging = data.draw(st.sampled_from(sorted(PAGINGS)), "paging")
    then = data.draw(st.sampled_from([None, "fail", "retry", "rate-limit", "login"]), "then")
    status = data.draw(st.sampled_from(STATUSES), "status")
    page = data.draw(st.integers(1, 1 if paging == "single" else 3), "page")
    is_source_wide = form == "delimited" or data.draw(st.booleans(), "declared for the source")
    declared_end = [] if paging == "single" else data.draw(st.sampled_from([[], [400, 404, 410, 416, 422]]), "an end")
    is_prepared = data.draw(st.booleans(), "prepared")
    fake = PagedVendor(form, paging, page, data.draw(st.integers(0, SIZE)), status, error, data.draw(st.booleans()))
    server.vendor = fake

    shapes = [{**shape, "then": then}]
    read = {
        "request": {"path": "/rows"},
        "format": {**FORMATS[form], **({} if is_source_wide else {"errors": shapes})},
        "paging": {**PAGINGS[paging], **({"end_statuses": declared_end} if declared_end else {})},
    }
    report = source_files.report(read)
    if is_prepared:
        report["submit"] = {"request": {"path": "/make"}, "report_id": ["id"]}
        report["poll"] = {"request": {"path": "/ask"}, "status": ["status"], "done": ["done"]}
    source = Source.model_validate(source_files.source(report, errors=shapes if is_source_wide else []))
    limits = Limits(requests_per_second=100_000)
    connection = Connection("v", source, server.base, {}, limits, "UTC", allow_http=True)
    exchange = Exchange(Account(connection, environment={}.get), None, sleep=lambda _: None, silence_seconds=5)
    vendor = Vendor(source.reports["r"], {}, exchange, Prepared("17" if is_prepared else None))

    came: list[bytes] = []
    with pytest.raises(MillraceError) as caught:
        came.extend(read_whole(vendor))
    assert max(fake.heard) == page, "what follows the error was requested"
    assert all(set(json.loads(row)) == {"id"} for row in came)
    if then in ("retry", "rate-limit", "login"):
        assert isinstance(caught.value, RetryLater)
        assert isinstance(caught.value, RateLimited) == (then == "rate-limit")
    elif then == "fail" or status not in source.retry_statuses:
        assert isinstance(caught.value, FailJob)


def chunked(*pieces: bytes) -> Iterator[bytes]:
    """A response whose pieces arrive one by one."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
        time.sleep(0.05)
    yield b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("form", "shape", "body", "words"),
    [
        ("json", {"when": "", "contains": "limit"}, b'{"data":[{"id":"a limit"}]}', None),
        ("ndjson", {"when": "", "contains": "limit"}, b'{"id":"a limit"}\n' * 2, None),
        ("delimited", {"when": "error"}, b"id\na limit\n", None),
        ("delimited", {"when": "", "contains": "limit"}, b"id\na limit\n", None),
        ("json", {"when": "", "contains": "limit"}, b"limit reached", "limit reached"),
        ("delimited", {"when": "error"}, b'{"error":"limit reached"}', "limit reached"),
        ("delimited", {"when": "", "contains": "limit"}, b"limit reached\nat noon\n", "limit reached"),
    ],
)
def test_blanks_that_keep_the_connection_alive_do_not_change_what_a_body_is(
    form: str, shape: Mapping[str, Any], body: bytes, words: str | None
) -> None:
    with ScriptedVendor(lambda heard: chunked(b" " * 16 + b"\n", b" ", body)) as scripted:
        report = source_files.report({"request": {"path": "/rows"}, "format": FORMATS[form]})
        source = Source.model_validate(source_files.source(report, errors=[shape]))
        connection = Connection("v", source, scripted.url, {}, Limits(), "UTC", allow_http=True)
        exchange = Exchange(Account(connection, environment={}.get), None, sleep=lambda _: None, silence_seconds=5)
        reading = read_whole(Vendor(source.reports["r"], {}, exchange, Prepared(None)))
        if words is None:
            assert {*reading} == {b'{"id":"a limit"}'}
        else:
            with pytest.raises(FailJob, match=f": 200: {words}"):
                list(reading)
