"""What a JSON page says beside its rows: the next page, and how many rows and pages there are."""

from __future__ import annotations

import pytest

from tests.readings import PAGE, reading
from worker.errors import FailJob
from worker.sources.schema import JsonRows


def test_the_first_place_that_has_a_link_or_count_is_taken() -> None:
    beside = b'{"links":{"next":"/b"},"total_rows":7,"meta":{"total_pages":"3"},"rows":[],"data":{"links":{"next":""}}}'
    got = reading(beside, PAGE)
    assert got.published == []
    assert (got.facts.next, got.facts.total, got.facts.total_pages) == ("/b", 7, 3)


PAGED = JsonRows(
    kind="json",
    rows=["rows"],
    total=["total"],
    total_pages=["pages"],
    next=["next", "link", "link.href"],
    has_more=["more"],
)


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        (b'"next":{"url":"/b"}', 'the value at \'next\' is not a link or token: {"url":"/b"}'),
        (b'"link":{"href":["/b"]}', "the value at 'link.href' is not a link or token: [\"/b\"]"),
        (b'"next":["/b"]', "the value at 'next' is not a link or token: [\"/b\"]"),
        (b'"next":true', "the value at 'next' is not a link or token: true"),
        (b'"total":{"value":3.0}', "the value at 'total' is not a count of rows: {\"value\":3.0}"),
        (b'"more":"maybe"', "the value at 'more' is not yes or no: \"maybe\""),
        (b'"more":25', "the value at 'more' is not yes or no: 25"),
        (b'"more":{"pages":2}', "the value at 'more' is not yes or no: {\"pages\":2}"),
        (b'"pages":[7]', "the value at 'pages' is not a count of pages: [7]"),
    ],
)
def test_a_structure_instead_of_a_link_or_count_is_not_mistaken_for_none(beside: bytes, expected: str) -> None:
    body = b'{"rows":[{"a":1}],' + beside + b"}"
    got = reading(body, PAGED, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert expected in got.message


@pytest.mark.parametrize(("stated", "has_more"), [(b"true", False), (b'"no"', True), (b"0", True), (b"null", None)])
def test_a_flag_of_the_last_page_says_the_opposite_of_has_more(stated: bytes, has_more: bool | None) -> None:
    shape = JsonRows(kind="json", rows=["rows"], next=["next"], is_last=["done"])
    got = reading(b'{"rows":[],"next":"x","done":%b}' % stated, shape)
    assert got.facts.has_more is has_more


@pytest.mark.parametrize(
    "beside",
    [b'"next":null', b'"next":""', b'"next":{}', b'"next":[]', b'"next":false', b'"link":{"href":null}', b'"total":-1',
     b'"next":" NULL "', b'"next":"None"', b'"next":"undefined"', b'"total":"unknown"',
     b'"more":false,"next":{"url":"/b"}'],
)  # fmt: skip
def test_an_empty_value_instead_of_a_link_or_count_means_none(beside: bytes) -> None:
    got = reading(b'{"rows":[{"a":1}],' + beside + b"}", PAGED)
    assert got.error is None
    assert (got.facts.next, got.facts.total) == (None, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"rows":[{"a":{"id":1}},{"a":{"id":12345678901234567890.50}}]}', "12345678901234567890.50"),
        (b'{"rows":[{"a":{"id":"x/1"}}],"more":true}', "x/1"),
        (b'{"rows":[{"a":1}],"more":false}', None),
        (b'{"rows":[{"a":1}],"next":"c2"}', "c2"),
        (b'{"rows":[],"more":true}', None),
    ],
)
def test_the_last_row_may_have_the_token_of_the_next_page(body: bytes, expected: str | None) -> None:
    shape = JsonRows(kind="json", rows=["rows"], next=["next", "rows.-1.a.id"], has_more=["more"])
    got = reading(body, shape, cuts=range(len(body)))
    assert got.error is None
    assert got.facts.next == expected
    listed = reading(b'[{"id":7},{"id":8}]', JsonRows(kind="json", rows=[""], next=["-1.id"]))
    assert listed.facts.next == "8"


@pytest.mark.parametrize("row", [b'{"a":1}', b'{"a":{"id":null}}', b'{"a":{"id":[1]}}'])
def test_a_last_row_without_the_token_that_it_should_have_is_not_the_end(row: bytes) -> None:
    shape = JsonRows(kind="json", rows=["rows"], next=["rows.-1.a.id"])
    got = reading(b'{"rows":[{"a":{"id":1}},' + row + b"]}", shape)
    assert isinstance(got.error, FailJob)
    assert got.message == f"the last row has no value at 'rows.-1.a.id': {row.decode()}"
