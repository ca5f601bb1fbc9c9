"""JSON pages: rows at every declared place, the facts of the page, and everything that is not a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, product, repeat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_values import dumped, exact, others, rows
from tests.readings import PAGE, cuts, reading
from worker.errors import FailJob, RetryLater
from worker.json_path import find
from worker.readers import envelope
from worker.sources.schema import ErrorShape, JsonRows

ENVELOPES = JsonRows(kind="json", rows=["data.items", "items", "data", ""], object_is_row=True, skip_empty=True)
JOINED = ENVELOPES.model_copy(update={"comma_joined": True})
TOP = JsonRows(kind="json", rows=[""])
STRICT = JsonRows(kind="json", rows=["data.rows", "rows", "data"], total=["data.total_rows", "total_rows"])


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
        (b'{"a":[12345678901234567890123,{"b":0.00000010}]}', [b'{"a":[12345678901234567890123,{"b":0.00000010}]}']),
        (b"[]", []),
        (b"{}", []),
        (b'{"data":{}}', []),
        (b'{"data":{"items":[]}}', []),
        (b" \n [ [ ] , [ ] ] ", []),
        (b'{"items":[],"data":{"items":[{"a":1}]}}', [b'{"a":1}']),
        (b'{"data":{"items":[{"a":1}]},"items":[]}', [b'{"a":1}']),
        (b'{"data":{"items":[]},"items":[{"a":1}]}', [b'{"a":1}']),
        (b'{"items":[{"a":1}],"data":{"items":[]}}', [b'{"a":1}']),
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
        (b"{} ,\n{ }", []),
    ],
)
def test_objects_joined_by_commas_are_rows_where_declared(body: bytes, expected: list[bytes]) -> None:
    for size, shape in product((1, 5, 1000), (JOINED, JOINED.model_copy(update={"object_is_row": False}))):
        assert reading(body, shape, cuts=range(0, len(body), size)).published == expected
    assert isinstance(reading(body, ENVELOPES).error, RetryLater)


@pytest.mark.parametrize("body", [b'{"a":1},{"a":2},', b'{"a":1},{"a"', b'{"a":1},', b'{"a":1}, {"b":1}]'])
def test_joined_objects_that_are_cut_or_broken_are_never_a_clean_end(body: bytes) -> None:
    assert isinstance(reading(body, JOINED).error, RetryLater)


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
    assert "BadRequest: no (request id r1)" in got.message


def test_an_error_is_found_in_a_list_of_errors() -> None:
    shape = PAGE.model_copy(
        update={"errors": [ErrorShape(when="errors", code="errors.0.code", message="errors.0.text")]}
    )
    assert reading(b'{"rows":[],"errors":[]}', shape).published == []
    assert "E7: no" in reading(b'{"rows":[],"errors":[{"code":"E7","text":"no"},{"code":"E8"}]}', shape).message


@pytest.mark.parametrize("body", [b'{"status":"pending"}', b'{"data":{"status":"x"}}', b'{"data":null}', b"[]"])
def test_a_page_without_rows_anywhere_fails_and_says_where_they_were_looked_for(body: bytes) -> None:
    got = reading(body, STRICT)
    assert isinstance(got.error, FailJob)
    assert "'data.rows' or 'rows' or 'data'" in got.message
    assert body.decode() in got.message
    assert reading(body, STRICT.model_copy(update={"absent_is_empty": True})).published == []


@pytest.mark.parametrize(
    "body", [b'{"items":[{"a":1}[]]}', b'{"items":[[][]]}', b'{"items":[{"a":1},,[]]}', b'{"items":[,[]]}']
)
def test_a_skipped_empty_row_must_still_be_where_a_row_may_be(body: bytes) -> None:
    for size in (1, 100):
        assert reading(body, ENVELOPES, cuts=range(0, len(body), size)).error is not None


@pytest.mark.parametrize("empty", ["[]", "{}"])
def test_after_a_skipped_row_digits_in_a_text_are_not_a_number(empty: str) -> None:
    row = '{"},{":"%s","]":{}}' % ("9" * 5_000)
    body = f'{{"items":[{{"a":1}},{empty},{row},{empty},{row}]}}'.encode()
    for some in ((), range(0, len(body), 7), range(20)):
        assert reading(body, ENVELOPES, cuts=some).published == [b'{"a":1}', row.encode(), row.encode()]


def test_null_instead_of_rows_means_none_only_if_the_count_says_so() -> None:
    assert reading(b'{"data":{"rows":null,"total_rows":0}}', STRICT).published == []
    assert isinstance(reading(b'{"data":{"rows":null,"total_rows":5}}', STRICT).error, FailJob)
    assert isinstance(reading(b'{"data":{"rows":null}}', STRICT).error, FailJob)
    assert isinstance(reading(b'{"data":{"total_rows":0}}', STRICT).error, FailJob)


@pytest.mark.parametrize("body", [b"null", b"null\n", b"\xef\xbb\xbf null"])
def test_null_in_place_of_the_whole_list_is_no_rows_where_declared(body: bytes) -> None:
    absent = JsonRows(kind="json", rows=["data", ""], absent_is_empty=True)
    for shape, is_read in ((absent, True), (absent.model_copy(update={"rows": ["data"]}), False), (TOP, False)):
        for some in ((), range(len(body))):
            got = reading(body, shape, cuts=some)
            assert got.rows == []
            assert got.message == ("None" if is_read else "expected a JSON list or object, got: null")
    assert isinstance(reading(b"nullable", absent).error, FailJob)


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
def test_something_else_instead_of_a_list_is_not_mistaken_for_no_rows(
    rows: list[str], body: bytes, place: str | None
) -> None:
    got = reading(body, JsonRows(kind="json", rows=rows, absent_is_empty=True), cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    where = repr(place) if place else "the top"
    assert got.message == f"there is something, but no list, at {where}; the page begins: {body.decode()}"


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
def test_anything_empty_in_place_of_a_list_means_no_rows(rows: list[str], body: bytes) -> None:
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
    assert "quota is over" in reading(b'{"odata.error":{"message":{"value":"quota is over"}}}', shape).message


@pytest.mark.parametrize("second", ['{"b":1}', '"a text"', "[1]"])
@pytest.mark.parametrize("rows", [["rows", "data"], ["data", "rows"]])
def test_rows_in_two_places_are_not_mixed_and_none_are_left_out(rows: list[str], second: str) -> None:
    body = f'{{"rows":[{{"a":1}}],"data":[{second}]}}'.encode()
    for size in (1, 1000):
        got = reading(body, JsonRows(kind="json", rows=rows), cuts=range(0, len(body), size))
        assert isinstance(got.error, FailJob)
        assert got.message == "row 2: there are rows both at rows and data"
    assert isinstance(reading(body[: body.index(b"data") + 7], JsonRows(kind="json", rows=rows)).error, RetryLater)
    assert isinstance(reading(body.replace(b"data", b"rows"), JsonRows(kind="json", rows=rows)).error, FailJob)


@pytest.mark.parametrize("body", [b"<html><h1>502</h1></html>", b"", b"  \n", b"upstream error", b'"text"', b"12"])
def test_what_is_not_a_page_fails_with_its_first_bytes(body: bytes) -> None:
    got = reading(body, PAGE, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert (body.decode().strip() or "(empty)") in got.message


@pytest.mark.parametrize(
    ("body", "error", "expected"),
    [
        (b'{"rows":[{"a":1},{"a":NaN}]}', FailJob, "row 2: NaN"),
        (b'{"rows":[{"a":1},5]}', FailJob, "row 2: not a JSON object"),
        (b'{"rows":[{"a":1},[]]}', FailJob, "row 2: not a JSON object; for rows that are lists, `columns`"),
        (b'{"rows":["a"]}', FailJob, "row 1: not a JSON object"),
        (b'{"rows":[{"a":1},{"a":%b}]}' % (b"[" * 100 + b"]" * 100), FailJob, "row 2: nesting is deeper than 100"),
        (b'{"rows":[{"a":1},{"a":%b' % (b"[" * 300_000), FailJob, "row 2: nesting is deeper than 100"),
        (b'{"rows":[{"a":1},{"a":%b}]}' % (b"9" * 5000), FailJob, "row 2: a number has more than 4300 digits"),
        (b'{"rows":[{"a":1}],"x":NaN}', FailJob, "row 2: NaN"),
        (b'{"x":%b,"rows":[]}' % (b"[" * 10_000), FailJob, "row 1: nesting is deeper than 100"),
        (b'{"x":%b,"rows":[]}' % (b"9" * 5_000), FailJob, "row 1: a number has more than 4300 digits"),
        (b'{"rows":[{"a":1},{"a":x}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1},{"a":"\xff"}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1},]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1} {"a":2}]}', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1}],"x":}', RetryLater, "row 2: not valid JSON"),
        (b'{"x":"\xff","rows":[]}', RetryLater, "row 1: not valid JSON"),
        (b'{"rows":[{"a":1}]} x', RetryLater, "row 2: not valid JSON"),
        (b'{"rows":[{"a":1}]}{"rows":[]}', RetryLater, "row 2: not valid JSON"),
        (
            b'{"a":1,"b":[]}\r\n{"a":2}\n',
            RetryLater,
            'row 1: not valid JSON in UTF-8: {"a":1,"b":[]} {"a":2}; objects one after another are `kind: ndjson`',
        ),
    ],
)
@pytest.mark.parametrize("size", [7, 20_000, 10**6])
def test_broken_pages_name_the_row(body: bytes, error: type[Exception], expected: str, size: int) -> None:
    got = reading(body, PAGE, cuts=range(0, min(len(body), 10**5), size))
    assert isinstance(got.error, error)
    assert got.message.startswith(expected)
    assert len(got.rows) == int(expected[4]) - 1


@pytest.mark.parametrize(
    "body", [b'{"rows":[{"a":1}]}\n{"rows":[]}', b'{"rows":[{"a":1}],"x":}', b'[{"a":1}]', b'{"data":[{"b":1}]}']
)
def test_a_message_quotes_the_same_text_however_the_page_was_cut(body: bytes) -> None:
    shape = JsonRows(kind="json", rows=["rows", "*.rows"], object_is_row=True)
    whole = reading(body, shape)
    assert whole.error is not None
    for at in range(len(body)):
        assert reading(body, shape, cuts=[at]).message == whole.message
    assert reading(body, shape, cuts=range(len(body))).message == whole.message


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
    assert "larger than 16 MiB" in got.message


@pytest.mark.parametrize("start", [b'{"note":"', b'{"', b'{"rows":[{"a":1}],"note":"', b'{"rows":[{"a":1}]'])
def test_a_text_around_the_rows_that_never_ends_fails_the_job(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "LARGEST_ROW_BYTES", 200_000)
    got = reading(chain([start], repeat(b" " * 10_000)), PAGE)
    assert isinstance(got.error, FailJob)
    assert got.message.startswith(f"row {len(got.rows) + 1}: a text of more than ")


def test_an_error_too_large_to_quote_is_still_an_error() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"rows":[],"error_code":{"a":1'
        yield from (b',"k%d":"%b"' % (number, b"x" * 100_000) for number in range(200))
        yield b"}}"

    assert reading(chunks(), PAGE).message == "the vendor answered with an error: a value of more than 16 MiB"


def test_errors_name_the_row_within_the_page_where_a_page_is_several_responses() -> None:
    assert reading(b'{"rows":[{"a":1},{"a":NaN}]}', PAGE, first_row=10_001).message.startswith("row 10002: ")


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
        assert "expired" in got.message
        assert len(reading(row, shape, cuts=range(0, len(row), size)).published) == 2
