"""A report without declared paging fails if the vendor names a next page, whose rows would be missing."""

from __future__ import annotations

import pytest

from tests.fake_vendor import ROWS, Answer
from tests.prepared import Start, done, failed
from tests.prepared import start as start
from worker.model import Json

READ: Json = {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"], "errors": [{"when": "error"}]}}
SINGLE: Json = {"kind": "single", "first_page_only": True}


@pytest.mark.parametrize(
    ("beside", "headers", "place"),
    [
        ({"next": "https://api.acme.example/rows?page=2"}, {}, "at 'next'"),
        ({"paging": {"next_link": "/rows?cursor=2"}}, {}, "at 'paging.next_link'"),
        ({"_links": {"next": {"href": "/rows?page=2"}}}, {}, "at '_links.next.href'"),
        ({"@odata.nextLink": "/rows?$skiptoken=2"}, {}, "at '@odata.nextLink'"),
        ({"nextPageToken": "CAoQAA"}, {}, "at 'nextPageToken'"),
        ({"meta": {"pagination": {"has_more": True}}}, {}, "at 'meta.pagination.has_more'"),
        ({"page": {"next_page": 2}}, {}, "at 'page.next_page'"),
        ({}, {"Link": '<https://api.acme.example/rows?page=2>; rel="next"'}, "in the header Link"),
    ],
)
def test_a_next_page_that_nobody_would_read_fails_the_job(
    start: Start, beside: Json, headers: dict[str, str], place: str
) -> None:
    answer = Answer({**beside, "rows": ROWS}, headers=headers)
    failed(start(lambda _: answer, submit=None, poll=None, read=READ), f"the vendor names a next page {place}")
    only = {**READ, "paging": SINGLE}
    done(start(lambda _: answer, submit=None, poll=None, read=only))


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        (
            {"pagination": {"totalResults": 4, "startIndex": 0, "itemsPerPage": 3}},
            "4 rows at 'pagination.totalResults'",
        ),
        ({"totalResults": "1,205", "summary": {}}, "1205 rows at 'totalResults', of which 3 came"),
        ({"paging": {"total": 9}}, "9 rows at 'paging.total'"),
        ({"data": {"page_info": {"page": 1, "total_page": 2}}}, "2 pages at 'data.page_info.total_page'"),
        ({"@numpages": "3", "@total": "3"}, "3 pages at '@numpages'"),
    ],
)
def test_a_count_of_more_than_came_fails_a_job_without_paging(start: Start, beside: Json, says: str) -> None:
    answer = Answer({"rows": ROWS, **beside})
    failed(start(lambda _: answer, submit=None, poll=None, read=READ), f"the vendor counts {says}", "declare `paging`")
    done(start(lambda _: answer, submit=None, poll=None, read={**READ, "paging": SINGLE}))


def test_a_next_page_beside_batches_or_rows_in_objects_of_their_own_is_found_as_well(start: Start) -> None:
    body = {"paging": {"next_link": "/b"}, "stats": [{"row": row, "rows": [row]} for row in ROWS]}
    for format_ in ({"rows": ["stats.*.row"], "object_is_row": True}, {"rows": ["stats.*.rows"]}):
        read = {**READ, "format": {"kind": "json", **format_}}
        failed(start(lambda _: Answer(body), submit=None, poll=None, read=read), "at 'paging.next_link'")


@pytest.mark.parametrize(
    "beside",
    [
        {"next": None, "has_more": False, "paging": {}},
        {"next": "", "nextPageToken": "null", "hasMore": "false", "page": {"next_page": 0}},
        {"links": {"next": {"href": None}}, "_links": {"self": {"href": "/rows"}}, "meta": {"next_page": -1}},
        {"paging": {"next": []}, "pagination": None, "next": {}},
        {"totalResults": 3, "total_pages": 1, "last_page": 1, "page": {"total": "3"}, "total": 99, "lastPage": True},
        {"total_count": -1, "total_pages": 0, "totalRows": None, "totals": {"total_items": 12}, "totalItems": "many"},
    ],
)
def test_what_means_that_there_is_no_next_page_ends_the_report(start: Start, beside: Json) -> None:
    done(start(lambda _: Answer({"rows": ROWS, **beside}), submit=None, poll=None, read=READ))


def test_a_count_of_the_rows_proves_more_than_a_next_page(start: Start) -> None:
    answer = Answer({"rows": ROWS, "total": len(ROWS), "next": "/rows?page=2"})
    read = {**READ, "format": {**READ["format"], "total": ["total"]}}
    assert done(start(lambda _: answer, submit=None, poll=None, read=read))["proof"] == "count"


ROWS_WITH_NEXT = [{"id": number, "next": "/b", "has_more": True} for number in range(3)]


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("", ROWS_WITH_NEXT),
        ("*.rows", [{"rows": ROWS_WITH_NEXT, "next": "/c"}]),
        ("rows", {"rows": ROWS_WITH_NEXT}),
        ("data.*.rows", {"data": {"next": {"rows": ROWS_WITH_NEXT}, "paging": {"next": "/c"}}}),
    ],
)
def test_a_field_of_a_row_or_of_a_batch_is_no_next_page(start: Start, place: str, body: object) -> None:
    read = {**READ, "format": {"kind": "json", "rows": [place]}}
    done(start(lambda _: Answer(body), submit=None, poll=None, read=read), ROWS_WITH_NEXT)


def test_a_field_of_the_only_row_is_no_next_page(start: Start) -> None:
    read = {**READ, "format": {"kind": "json", "rows": ["data"], "object_is_row": True}}
    done(start(lambda _: Answer({"data": ROWS_WITH_NEXT[0]}), submit=None, poll=None, read=read), ROWS_WITH_NEXT[:1])


def test_empty_rows_that_are_dropped_count_for_the_vendor(start: Start) -> None:
    answer = Answer({"rows": [[], *ROWS, {}], "total_count": 5})
    read = {**READ, "format": {**READ["format"], "skip_empty": True}}
    done(start(lambda _: answer, submit=None, poll=None, read=read))
