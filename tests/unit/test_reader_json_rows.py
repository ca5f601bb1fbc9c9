"""JSON pages: rows wherever they stand, what the page says of itself, and everything that is not a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import PAGE, reading, reading_by_ijson
from worker.errors import FailJob, RetryLater
from worker.json_path import find
from worker.model import DeadRow
from worker.sources.schema import ErrorShape, JsonRows

ENVELOPES = JsonRows(kind="json", rows=["data.items", "items", "data", ""], object_is_row=True, skip_empty=True)
JOINED = ENVELOPES.model_copy(update={"comma_joined": True})
STRICT = JsonRows(kind="json", rows=["data.rows", "rows", "data"], total=["data.total_rows", "total_rows"])

texts = st.text(alphabet=st.sampled_from('ab "\\/{}[],:\n€😀'), max_size=5)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.decimals(-1000, 1000, places=4).map(Decimal), texts
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=5,
)
rows = st.dictionaries(st.sampled_from(["a", "b", "c d", 'q"{}']), values, max_size=3)
cuts = st.lists(st.integers(min_value=0, max_value=10**6), max_size=8)
others = st.dictionaries(
    st.sampled_from(["status", "note", "list"]), st.one_of(values, st.lists(rows, max_size=3)), max_size=3
)


def dumped(value: Any, *, compact: bool = True) -> str:
    """JSON with Decimals as numbers."""
    between = "," if compact else ", "
    if isinstance(value, dict):
        members = (f"{json.dumps(key)}:{dumped(inner, compact=compact)}" for key, inner in value.items())
        return "{" + between.join(members) + "}"
    if isinstance(value, list):
        return "[" + between.join(dumped(inner, compact=compact) for inner in value) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def exact(raw: bytes | str) -> Any:
    return json.loads(raw, parse_int=str, parse_float=str)


@given(st.lists(rows, max_size=10), others, others, st.booleans(), st.sampled_from(["data.rows", "rows", "data"]), cuts)
@settings(deadline=None, max_examples=200)
def test_rows_and_facts_are_those_of_the_whole_document_for_any_chunks(
    sent: list[Any], before: dict[str, Any], after: dict[str, Any], compact: bool, place: str, some: list[int]
) -> None:
    page: dict[str, Any] = {**{f"b_{key}": value for key, value in before.items()}}
    facts = {"total_rows": len(sent), "links": {"next": "/more?offset=3"}}
    if place == "data.rows":
        page |= {"data": {**facts, "rows": sent, "note": after}}
    else:
        page |= {"links": facts["links"], place: sent, "total_rows": str(len(sent))}
    page |= {f"a_{key}": value for key, value in after.items()}
    body = dumped(page, compact=compact)
    got = reading(body.encode(), PAGE, cuts=some)
    assert [exact(row) for row in got.published] == find(exact(body), place)
    assert (got.facts.total, got.facts.next) == (len(sent), "/more?offset=3")


@given(st.lists(rows, min_size=1, max_size=8), st.data(), cuts)
@settings(deadline=None, max_examples=150)
def test_a_page_cut_anywhere_is_never_a_clean_end(sent: list[Any], data: st.DataObject, some: list[int]) -> None:
    body = dumped({"data": {"rows": sent, "total_rows": len(sent)}}).encode()
    at = data.draw(st.integers(min_value=0, max_value=len(body) - 1))
    got = reading(body[:at], PAGE, cuts=some)
    assert isinstance(got.error, RetryLater if at else FailJob)
    assert [exact(row) for row in got.rows] == exact(dumped(sent))[: len(got.rows)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data":{"items":[{"a":1},[],{},{"a":2}]}}', [b'{"a":1}', b'{"a":2}']),
        (b'{"items":[{"a":1}]}', [b'{"a":1}']),
        (b'{"data":[{"a":1}]}', [b'{"a":1}']),
        (b'[{"a":1},{"a":2.50}]', [b'{"a":1}', b'{"a":2.50}']),
        (b'{"data":{"a":1,"b":[1,{"c":57.1000}]}}', [b'{"a":1,"b":[1,{"c":57.1000}]}']),
        (b'{"a":1,"b":12345678901234567890123}', [b'{"a":1,"b":12345678901234567890123}']),
        (b"[]", []),
        (b"{}", []),
        (b'{"data":{}}', []),
        (b'{"data":{"items":[]}}', []),
        (b" \n [ [ ] , [ ] ] ", []),
        (b'{"items":[],"data":{"items":[{"a":1}]}}', [b'{"a":1}']),
        (b'{"data":{"items":[{"a":1}]},"items":[{"b":1}]}', [b'{"a":1}']),
        (b'\xef\xbb\xbf[{\n "a": 1,\n "b": 57.1000\n}]', [b'{"a":1,"b":57.1000}']),
    ],
)
@pytest.mark.parametrize("shape", [ENVELOPES, JOINED])
def test_rows_are_found_in_every_envelope(body: bytes, expected: list[bytes], shape: JsonRows) -> None:
    for size in (1, 3, 1000):
        assert reading(body, shape, cuts=range(0, len(body), size)).published == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}, {"a":2}', [b'{"a":1}', b'{"a":2}']),
        (b'{"a":1},\n{"a":{"b":2}} ,{"a":3}\n', [b'{"a":1}', b'{"a":{"b":2}}', b'{"a":3}']),
    ],
)
def test_objects_joined_by_commas_are_rows_where_declared(body: bytes, expected: list[bytes]) -> None:
    for size in (1, 5, 1000):
        assert reading(body, JOINED, cuts=range(0, len(body), size)).published == expected
    assert isinstance(reading(body, ENVELOPES).error, RetryLater)


@pytest.mark.parametrize("body", [b'{"a":1},{"a":2},', b'{"a":1},{"a"', b'{"a":1},', b'{"a":1}, {"b":1}]'])
def test_joined_objects_that_are_cut_or_broken_are_no_clean_end(body: bytes) -> None:
    assert isinstance(reading(body, JOINED).error, RetryLater)


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
    ("beside", "said"),
    [
        (b'"next":{"url":"/b"}', 'the value at \'next\' is not a link or token: {"url":"/b"}'),
        (b'"link":{"href":["/b"]}', "the value at 'link.href' is not a link or token: [\"/b\"]"),
        (b'"next":["/b"]', "the value at 'next' is not a link or token: [\"/b\"]"),
        (b'"next":true', "the value at 'next' is not a link or token: true"),
        (b'"total":{"value":3.0}', "the value at 'total' is not a count of rows: {\"value\":3.0}"),
        (b'"pages":[7]', "the value at 'pages' is not a count of pages: [7]"),
    ],
)
def test_a_structure_in_place_of_a_link_or_count_is_not_taken_for_none(beside: bytes, said: str) -> None:
    body = b'{"rows":[{"a":1}],' + beside + b"}"
    got = reading(body, PAGED, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert said in got.said


@pytest.mark.parametrize(
    "beside",
    [b'"next":null', b'"next":""', b'"next":{}', b'"next":[]', b'"next":false', b'"link":{"href":null}', b'"total":-1',
     b'"total":"unknown"', b'"more":false,"next":{"url":"/b"}'],
)  # fmt: skip
def test_nothing_in_place_of_a_link_or_count_is_none(beside: bytes) -> None:
    got = reading(b'{"rows":[{"a":1}],' + beside + b"}", PAGED)
    assert got.error is None
    assert (got.facts.next, got.facts.total) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error_code":"BadRequest","message":"no","request_id":"r1"}',
        b'{"error_code":"BadRequest","message":"no","request_id":"r1","data":{"rows":[]}}',
        b'{"rows":[{"a":1}],"error_code":"BadRequest","message":"no","request_id":"r1"}',
    ],
)
def test_an_error_body_fails_the_job_with_what_it_says(body: bytes) -> None:
    got = reading(body, PAGE, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert "BadRequest: no (request id r1)" in got.said


def test_an_error_is_found_in_a_list_of_errors() -> None:
    shape = PAGE.model_copy(
        update={"errors": [ErrorShape(when="errors", code="errors.0.code", message="errors.0.text")]}
    )
    assert reading(b'{"rows":[],"errors":[]}', shape).published == []
    assert "E7: no" in reading(b'{"rows":[],"errors":[{"code":"E7","text":"no"},{"code":"E8"}]}', shape).said


@pytest.mark.parametrize("body", [b'{"status":"pending"}', b'{"data":{"status":"x"}}', b'{"data":null}', b"[]"])
def test_a_page_without_rows_anywhere_fails_and_says_where_they_were_looked_for(body: bytes) -> None:
    got = reading(body, STRICT)
    assert isinstance(got.error, FailJob)
    assert "'data.rows' or 'rows' or 'data'" in got.said
    assert body.decode() in got.said
    assert reading(body, STRICT.model_copy(update={"absent_is_empty": True})).published == []


@pytest.mark.parametrize(
    "body", [b'{"items":[{"a":1}[]]}', b'{"items":[[][]]}', b'{"items":[{"a":1},,[]]}', b'{"items":[,[]]}']
)
def test_a_skipped_empty_row_must_still_be_where_a_row_may_be(body: bytes) -> None:
    for size in (1, 100):
        assert reading(body, ENVELOPES, cuts=range(0, len(body), size)).error is not None


def test_null_for_rows_is_none_only_where_the_count_says_so() -> None:
    assert reading(b'{"data":{"rows":null,"total_rows":0}}', STRICT).published == []
    assert isinstance(reading(b'{"data":{"rows":null,"total_rows":5}}', STRICT).error, FailJob)
    assert isinstance(reading(b'{"data":{"rows":null}}', STRICT).error, FailJob)


@pytest.mark.parametrize(
    ("rows", "body", "place"),
    [
        (["rows"], b'{"rows":{"a":1}}', "rows"),
        (["rows"], b'{"rows":{"0":{"a":1},"2":{"a":2}}}', "rows"),
        (["rows"], b'{"rows":"no access"}', "rows"),
        (["data.rows", "data"], b'{"data":"no access"}', "data"),
        (["data.rows"], b'{"data":"no access"}', "data"),
        (["data.rows"], b'{"data":[{"a":1}]}', "data"),
        (["data.rows"], b'[{"a":1}]', None),
        ([""], b'{"message":"no access"}', None),
        (["*.results"], b'[{"results":{"a":1}}]', "*.results"),
        (["data.*.results"], b'{"data":"no access"}', "data"),
    ],
)
def test_something_else_in_place_of_a_list_is_not_taken_for_no_rows(
    rows: list[str], body: bytes, place: str | None
) -> None:
    got = reading(body, JsonRows(kind="json", rows=rows, absent_is_empty=True), cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    where = repr(place) if place else "the top"
    assert got.said == f"there is something, but no list, at {where}; the page begins: {body.decode()}"


def test_something_else_in_one_batch_fails_the_job_after_the_rows_of_others() -> None:
    body = b'[{"results":[{"a":1}]},{"results":{"a":2}},{"results":null}]'
    got = reading(body, BATCHES, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert got.said == "not everything at '*.results' is a list of rows"
    assert reading(body.replace(b'{"a":2}', b"{}"), BATCHES).published == [b'{"a":1}']


@pytest.mark.parametrize(
    ("rows", "body"),
    [
        (["rows"], b'{"rows":{}}'),
        (["rows"], b'{"rows":""}'),
        (["rows"], b'{"rows":false,"row_count":0}'),
        (["data.rows"], b'{"data":[],"note":{"rows":1}}'),
        (["data.rows", "data"], b'{"data":{"note":"no rows"}}'),
        (["data.rows"], b"[]"),
        (["*.results"], b'[{"fieldMask":"a,b","requestId":"r1"}]'),
        (["*.results"], b'{"fieldMask":"a,b","requestId":"r1"}'),
    ],
)
def test_whatever_is_empty_in_place_of_a_list_is_no_rows(rows: list[str], body: bytes) -> None:
    shape = JsonRows(kind="json", rows=rows, absent_is_empty=True)
    assert reading(body, shape, cuts=range(len(body))).published == []


def test_names_with_dots_lead_to_rows_links_counts_and_errors() -> None:
    shape = JsonRows(
        kind="json",
        rows=["d.result.rows", "*.r.rows"],
        total=["@odata.count"],
        next=["@odata.nextLink"],
        errors=[ErrorShape(when="odata.error", message="odata.error.message.value")],
    )
    body = b'{"@odata.count":3,"d":{"result.rows":[{"a.b":1},{"a.b":2}]},"@odata.nextLink":"/rows?$skiptoken=2"}'
    for cut in range(len(body)):
        got = reading(body, shape, cuts=[cut])
        assert got.published == [b'{"a.b":1}', b'{"a.b":2}']
        assert (got.facts.total, got.facts.next) == (3, "/rows?$skiptoken=2")
    assert reading(b'{"example.com":{"r.rows":[{"a":1}]},"example.org":{"r":{"rows":[{"a":2}]}}}', shape).published == [
        b'{"a":1}',
        b'{"a":2}',
    ]
    assert "quota is over" in reading(b'{"odata.error":{"message":{"value":"quota is over"}}}', shape).said


def test_rows_in_two_places_are_not_mixed() -> None:
    got = reading(b'{"rows":[{"a":1}],"data":{"rows":[{"b":1}]}}', STRICT)
    assert isinstance(got.error, FailJob)
    assert "rows and data.rows" in got.said


@pytest.mark.parametrize("body", [b"<html><h1>502</h1></html>", b"", b"  \n", b"upstream error", b'"text"', b"12"])
def test_what_is_not_a_page_fails_with_its_first_bytes(body: bytes) -> None:
    got = reading(body, PAGE, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert (body.decode().strip() or "(empty)") in got.said


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b'{"rows":[{"a":1},{"a":NaN}]}', FailJob, "row 2: NaN"),
        (b'{"rows":[{"a":1},5]}', FailJob, "row 2: not a JSON object"),
        (b'{"rows":[{"a":1},[]]}', FailJob, "row 2: not a JSON object"),
        (b'{"rows":["a"]}', FailJob, "row 1: not a JSON object"),
        (b'{"rows":[{"a":1},{"a":%b}]}' % (b"[" * 100 + b"]" * 100), FailJob, "row 2: nesting is deeper than 100"),
        (b'{"rows":[{"a":1},{"a":%b' % (b"[" * 300_000), FailJob, "row 2: nesting is deeper than 100"),
        (b'{"rows":[{"a":1},{"a":%b}]}' % (b"9" * 5000), FailJob, "row 2: a number has more than 4300 digits"),
        (b'{"rows":[{"a":1}],"x":NaN}', FailJob, "row 2: NaN"),
        (b'{"x":%b,"rows":[]}' % (b"[" * 10_000), FailJob, "row 1: nesting is deeper than 100"),
        (b'{"x":%b,"rows":[]}' % (b"9" * 5_000), FailJob, "row 1: a number has more than 4300 digits"),
        (b'{"rows":[{"a":1},{"a":x}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1},{"a":"\xff"}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1},{"a":"\\ud800"}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1},]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1} {"a":2}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1}],"x":}', RetryLater, "row 2: not valid JSON"),
        (b'{"x":"\xff","rows":[]}', RetryLater, "row 1: not valid JSON"),
        (b'{"rows":[{"a":1}]} x', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1}]}{"rows":[]}', RetryLater, "row 2: not valid JSON"),
    ],
)
@pytest.mark.parametrize("size", [7, 20_000, 10**6])
def test_broken_pages_name_the_row(body: bytes, error: type[Exception], said: str, size: int) -> None:
    got = reading(body, PAGE, cuts=range(0, min(len(body), 10**5), size))
    assert isinstance(got.error, error)
    assert got.said.startswith(said)
    assert len(got.rows) == int(said[4]) - 1


@pytest.mark.parametrize("text", [rb"\ud800", rb"\ud83d\u0041"])
def test_half_a_character_outside_of_the_rows_is_an_error_too(text: bytes) -> None:
    body = b'{"note":"%b","rows":[]}' % text
    assert isinstance(reading(body, PAGE, cuts=range(len(body))).error, RetryLater)
    whole = rb'{"note":"\ud83d\ude00\\ud800","rows":[]}'
    assert reading(whole, PAGE, cuts=range(len(whole))).published == []


def test_what_is_around_the_rows_may_be_of_any_size() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"included":[{"x":1}'
        yield from (b',{"x":[1,2,{"y":"%d"}]}' % number for number in range(20_000))
        yield b'],"data":{"rows":[{"a":1}'
        yield from (b',{"a":%d}' % number for number in range(20_000))
        yield b'],"total_rows":20001}}'

    got = reading(chunks(), PAGE)
    assert len(got.published) == 20_001
    assert got.facts.total == 20_001


@pytest.mark.parametrize("after", [b" " * 70_000 + b"}", b',"links":{"next":"' + b"x" * 40_000 + b'"}}'])
@pytest.mark.parametrize("rows", [b'{"a":1}', b'{"a":1},{"a":2},{"a":3}', b""])
def test_what_follows_the_rows_may_be_long(rows: bytes, after: bytes) -> None:
    got = reading(b'{"rows":[' + rows + b"]" + after, PAGE)
    assert got.published == [row for row in rows.replace(b"},", b"}\n").split(b"\n") if row]


def test_an_object_too_large_for_a_row_is_not_held() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"data":{"a":1'
        yield from (b',"k%d":"%b"' % (number, b"x" * 100_000) for number in range(200))
        yield b"}}"

    got = reading(chunks(), ENVELOPES)
    assert isinstance(got.error, FailJob)
    assert "larger than 16 MiB" in got.said


def test_an_error_too_large_to_quote_is_an_error_all_the_same() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"rows":[],"error_code":{"a":1'
        yield from (b',"k%d":"%b"' % (number, b"x" * 100_000) for number in range(200))
        yield b"}}"

    assert reading(chunks(), PAGE).said == "the vendor answered with an error: a value of more than 16 MiB"


def test_errors_name_the_row_within_the_page_where_a_page_is_several_responses() -> None:
    assert reading(b'{"rows":[{"a":1},{"a":NaN}]}', PAGE, first_row=10_001).said.startswith("row 10002: ")


@pytest.mark.parametrize("rows_at", ["", "data"])
def test_an_error_in_place_of_the_first_row_is_not_a_row(rows_at: str) -> None:
    path = f"{rows_at}.0".strip(".")
    shape = JsonRows(
        kind="json", rows=[rows_at], errors=[ErrorShape(when=f"{path}.errorCode", message=f"{path}.message")]
    )
    body, row = b'[{"message":"expired","errorCode":"INVALID_SESSION"}]', b'[{"id":1},{"errorCode":"a column"}]'
    if rows_at:
        body, row = b'{"data":%b}' % body, b'{"data":%b}' % row
    for size in (1, 1000):
        got = reading(body, shape, cuts=range(0, len(body), size))
        assert got.rows == []
        assert "expired" in got.said
        assert len(reading(row, shape, cuts=range(0, len(row), size)).published) == 2


# ------------------------------------------------------------ rows in batches

BATCHES = JsonRows(kind="json", rows=["*.results"], errors=[ErrorShape(when="error.code", message="error.message")])


@given(st.lists(st.lists(rows, max_size=5), max_size=5), others, cuts)
@settings(deadline=None, max_examples=100)
def test_rows_in_batches_are_those_of_every_batch_for_any_chunks(
    sent: list[list[Any]], beside: dict[str, Any], some: list[int]
) -> None:
    body = dumped([{**beside, "results": batch, "note": 1} for batch in sent]).encode()
    got = reading(body, BATCHES, cuts=some)
    assert [exact(row) for row in got.published] == exact(dumped([row for batch in sent for row in batch]))


@pytest.mark.parametrize(
    ("rows_at", "body"),
    [
        ("data.*.rows", b'{"data":[{"rows":[{"a":1}]},{"x":[{"rows":[{"a":9}]}]},{"rows":null},{"rows":[{"a":2}]}]}'),
        ("data.*.rows", b'{"data":{"one":{"rows":[{"a":1}]},"two":{"rows":[{"a":2}]}}}'),
        ("*.*", b'[[[{"a":1}]],[[],[{"a":2}]]]'),
        ("results.*.0", b'{"results":[[[{"a":1}],[{"a":9}]],[[{"a":2}],[]]]}'),
    ],
)
def test_a_star_is_any_member_of_a_list_or_an_object(rows_at: str, body: bytes) -> None:
    for size in (1, 7, 1000):
        got = reading(body, BATCHES.model_copy(update={"rows": [rows_at]}), cuts=range(0, len(body), size))
        assert got.published == [b'{"a":1}', b'{"a":2}']


def test_no_batches_are_no_rows_but_batches_without_rows_are_a_fault() -> None:
    assert reading(b"[]", BATCHES).published == []
    assert reading(b'[{"results":[]}]', BATCHES).published == []
    assert "no rows at '*.results'" in reading(b'[{"status":"pending"}]', BATCHES).said
    assert "no rows at '*.results'" in reading(b'{"results":[{"a":1}]}', BATCHES).said


@pytest.mark.parametrize("before", [b"", b'{"results":[{"a":1}]},'])
def test_an_error_in_place_of_a_batch_is_an_error_and_no_end(before: bytes) -> None:
    error = b'[%b{"error":{"code":7,"message":"gave up"}}' % before
    for rest in (b"]", b',{"results":[]},{"error":null}]'):
        got = reading(error + rest, BATCHES)
        assert isinstance(got.error, FailJob)
        assert "gave up" in got.said
        assert len(got.rows) == bool(before)


def test_memory_does_not_grow_with_the_number_of_batches() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"["
        for number in range(200):
            yield (b"," if number else b"") + b'{"pad":"%b","results":[' % (b"x" * 100_000)
            yield b",".join(b'{"a":%d}' % row for row in range(50)) + b'],"after":[1,2]}'
        yield b"]"

    assert len(reading(chunks(), BATCHES).published) == 10_000


# ------------------------------------------------------------ rows as lists

LISTS = JsonRows(kind="json", rows=["results"], columns="columns")


@given(st.lists(st.tuples(leaves, values), max_size=8), st.booleans(), st.sampled_from([",", " , ", ",\n"]), cuts)
@settings(deadline=None, max_examples=150)
def test_lists_are_rows_with_the_names_given_elsewhere_for_any_chunks(
    sent: list[tuple[Any, Any]], names_first: bool, between: str, some: list[int]
) -> None:
    names, results = '"columns":["event","n"]', '"results":[' + between.join(dumped([*row]) for row in sent) + "]"
    body = "{" + ",".join((names, results) if names_first else (results, names)) + "}"
    got = reading(body.encode(), LISTS, cuts=some)
    by_ijson = reading_by_ijson(body.encode(), LISTS)
    assert got.published == by_ijson.published
    expected = [{"event": one, "n": two} for one, two in sent]
    assert [exact(row) for row in got.published] == exact(dumped(expected))


def test_values_of_lists_come_as_they_were_sent_and_are_typed_by_their_names() -> None:
    body = rb'{"results":[["57.1000", "\u00e9\/"],["x",[1E5, {"a":[]}]]],"columns":[{"title":"n"},{"title":"o"}]}'
    shape = LISTS.model_copy(update={"column_name": "title"})
    for size in (1, 1000):
        got = reading(body, shape, columns={"n": "number"}, cuts=range(0, len(body), size))
        assert got.rows == [
            rb'{"n":57.1000,"o":"\u00e9\/"}',
            DeadRow(b'{"n":"x","o":[1E5, {"a":[]}]}', "n: 'x' is not a valid number"),
        ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"columns":["a","b"],"results":[[1,2],[3]]}', "row 2: 1 values for 2 columns"),
        (b'{"results":[[1,2],[3,4,5]],"columns":["a","b"]}', "row 2: 3 values for 2 columns"),
        (b'{"results":[[1,2]]}', "the names of the columns are not at 'columns'"),
        (b'{"columns":["a","a"],"results":[[1,2]]}', "two columns are called 'a'"),
        (b'{"columns":[1,2],"results":[[1,2]]}', "the columns are not a list of names"),
        (b'{"columns":["a"],"results":[{"a":1}]}', "row 1: not a JSON list"),
        (b'{"columns":["a"],"results":[[1],[NaN]]}', "row 2: NaN is not a JSON number"),
        (b'{"columns":["a"],"results":[[1],[2]', "row 3: the response is cut"),
    ],
)
def test_lists_that_fit_no_columns_fail_the_job(body: bytes, said: str) -> None:
    for size in (1, 1000):
        assert reading(body, LISTS, cuts=range(0, len(body), size)).said.startswith(said)


def test_batches_of_lists_have_the_same_columns() -> None:
    shape = JsonRows(kind="json", rows=["*.rows"], columns="*.columns")
    same = b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["a"]}]'
    late = b'[{"rows":[[1]],"columns":["a"]},{"rows":[[2]],"columns":["a"]}]'
    assert reading(same, shape).published == reading(late, shape).published == [b'{"a":1}', b'{"a":2}']
    for other in (
        b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["b"]}]',
        b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["b"]},{"columns":["a"],"rows":[[3]]}]',
    ):
        assert "the columns change within the page" in reading(other, shape).said
