"""A preview says which declared facts it does not find beside the rows, since such a mistake is silent otherwise."""

from __future__ import annotations

from itertools import count
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from tests import source_files
from tests.fake_vendor import ROWS, Answer, FakeVendor, Request, preparing
from worker.client.preview import NotReady, Preview
from worker.errors import FailJob
from worker.model import Json
from worker.sources.connections import Connection
from worker.transport.account import Account
from worker.transport.exchange import Exchange

PAGE = {"rows": ROWS, "meta": {"total": 9, "here": 3, "next": "/rows?page=2", "last": False}}
BY_LINK: Json = {"kind": "link"}
ELSEWHERE = ", but the vendor names a next page at 'meta.next'"


@pytest.mark.parametrize(
    ("format_", "paging", "total", "notes"),
    [
        ({"total": ["meta.total"], "next": ["meta.next"]}, BY_LINK, 9, ["more pages follow"]),
        (
            {"total": ["meta.totl", "total"], "next": ["meta.nxt"]},
            BY_LINK,
            None,
            ["no count of the rows at meta.totl or total", f"no next page at meta.nxt{ELSEWHERE}"],
        ),
        ({}, {"kind": "link", "place": "header"}, None, [f"no next page at Link{ELSEWHERE}"]),
        ({}, {"kind": "token", "param": "t", "header": "X-Next"}, None, [f"no next page at X-Next{ELSEWHERE}"]),
        ({}, {"kind": "single", "first_page_only": True}, None, []),
        ({"total": ["meta.total"]}, {"kind": "offset", "limit": 3, "first": 1}, 9, []),
        ({"total": ["meta.here"]}, {"kind": "page-number", "size": 4}, 3, []),
        (
            {"next": ["meta.next"], "has_more": ["meta.more"]},
            BY_LINK,
            None,
            ["no flag at meta.more", "more pages follow"],
        ),
        ({"next": ["meta.next"], "is_last": ["meta.last"]}, BY_LINK, None, ["more pages follow"]),
        # The flag means the opposite of what was declared.
        (
            {"next": ["meta.next"], "has_more": ["meta.last"]},
            BY_LINK,
            None,
            ["no more pages follow, by the flag at meta.last"],
        ),
    ],
)
def test_a_preview_says_what_the_source_file_looks_for_and_the_first_page_does_not_have(
    tmp_path: Path, format_: Json, paging: Json, total: int | None, notes: list[str]
) -> None:
    read: dict[str, Any] = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"], **format_}}
    source = source_files.loaded(tmp_path, source_files.source(source_files.report({**read, "paging": paging})))
    with FakeVendor(lambda _: Answer(PAGE)) as vendor:
        exchange = Exchange(Account(Connection("v", source, vendor.base)), None)
        first = Preview(exchange, source.reports["r"], {}, print, 1).rows(10)
        assert (len(first.rows), first.total, first.notes) == (len(ROWS), total, notes)
        # The rest of the page is read for what stands behind the rows.
        first = Preview(exchange, source.reports["r"], {}, print, 1).rows(2)
        assert (len(first.rows), first.total, first.notes) == (2, total, notes)


BY_OFFSET: Json = {"kind": "offset", "limit": 3}
BY_NUMBER: Json = {"kind": "page-number", "number_param": "page", "size": 3, "size_param": "limit"}
LEFT_OUT = "leads to other rows, which a job leaves out: should `first` be 0?"
TWICE = "`offset` 0 and 1 lead to the same row: should `first` be 1, or does the vendor ignore it?"


@pytest.mark.parametrize(
    ("paging", "counts_from", "is_refused", "notes"),
    [
        (BY_OFFSET, 0, False, []),
        (BY_OFFSET, 1, False, [TWICE]),
        ({**BY_OFFSET, "first": 1}, 1, False, []),
        ({**BY_OFFSET, "first": 1}, 1, True, []),
        ({**BY_OFFSET, "first": 1}, 0, False, [f"`offset` 0 {LEFT_OUT}"]),
        (BY_NUMBER, 1, False, []),
        (BY_NUMBER, 1, True, []),
        (BY_NUMBER, 0, False, [f"`page` 0 {LEFT_OUT}"]),
        ({**BY_NUMBER, "first": 0}, 0, False, []),
    ],
)
def test_a_preview_finds_out_where_the_vendor_begins_to_count(
    tmp_path: Path, paging: Json, counts_from: int, is_refused: bool, notes: list[str]
) -> None:
    def respond(request: Request) -> Answer:
        limit = int(request.query["limit"])
        asked = int(request.query.get("offset", request.query.get("page", "")))
        if asked < counts_from and is_refused:
            return Answer({"error": "out of range"}, status=400)
        start = max(0, asked - counts_from) * (limit if "page" in request.query else 1)
        return Answer({"rows": [{"id": number} for number in range(10)][start : start + limit]})

    read: Json = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"]}, "paging": paging}
    source = source_files.loaded(tmp_path, source_files.source(source_files.report(read)))
    with FakeVendor(respond) as vendor:
        exchange = Exchange(Account(Connection("v", source, vendor.base)), None)
        assert Preview(exchange, source.reports["r"], {}, print, 1).rows(10).notes == notes
        assert Preview(exchange, source.reports["r"], {}, print, 1).rows(2).notes == notes


@pytest.mark.parametrize("rows", [2, 10])
def test_a_preview_refuses_a_next_page_that_nobody_would_read(tmp_path: Path, rows: int) -> None:
    read: Json = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"]}}
    source = source_files.loaded(tmp_path, source_files.source(source_files.report(read)))
    with FakeVendor(lambda _: Answer({"rows": ROWS, "next": "/rows?page=2"})) as vendor:
        exchange = Exchange(Account(Connection("v", source, vendor.base)), None)
        with pytest.raises(FailJob, match="names a next page at 'next', but no paging is declared"):
            Preview(exchange, source.reports["r"], {}, print, 1).rows(rows)


def test_a_status_that_the_source_file_does_not_know_is_named_with_those_that_it_knows(tmp_path: Path) -> None:
    poll = {**source_files.POLL, "done": ["complete", "ready"]}
    report = source_files.report(submit=source_files.SUBMIT, poll=poll)
    source = source_files.loaded(tmp_path, source_files.source(report))
    said: list[str] = []
    with FakeVendor(preparing({"status": "completed"})) as vendor:
        exchange = Exchange(Account(Connection("v", source, vendor.base)), None)
        look = Preview(exchange, source.reports["r"], {}, said.append, 1, 0.1)
        with pytest.raises(NotReady, match="report 7 is 'completed'"):
            look.rows(2)
    assert said[-1] == "completed (not a status that the source file knows: `done` has complete, ready)"


def whole(rows: int) -> bytes:
    return dumps({"rows": [{"id": 1}] * rows, "next": "/b"}).encode()


@pytest.mark.parametrize(
    ("body", "seconds", "notes"),
    [
        (whole(9_000), 0, ["more pages follow"]),
        (whole(9_000), 6, []),
        (whole(20_000), 0, []),
        (b'{"rows":[{"id":1},{"id":2},{"i', 0, []),
    ],
)
def test_nothing_is_said_of_the_end_of_a_page_that_is_slow_large_or_cut_off(
    tmp_path: Path, body: bytes, seconds: int, notes: list[str]
) -> None:
    """`seconds` pass between two looks at the clock."""
    format_ = {"kind": "json", "rows": ["rows"], "next": ["next"]}
    read: dict[str, Any] = {"request": {"path": "/rows"}, "format": format_, "paging": BY_LINK}
    source = source_files.loaded(tmp_path, source_files.source(source_files.report(read)))
    with FakeVendor(lambda _: Answer(body)) as vendor:
        exchange = Exchange(Account(Connection("v", source, vendor.base)), None)
        first = Preview(exchange, source.reports["r"], {}, print, 1, monotonic=count(step=seconds).__next__).rows(1)
    assert (len(first.rows), first.notes) == (1, notes)
