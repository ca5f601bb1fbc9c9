"""Rows of a JSON page in batches, and rows that are lists beside the names of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_values import dumped, exact, leaves, others, rows, values
from tests.readings import cuts, reading, reading_by_ijson
from worker.errors import FailJob
from worker.model import DeadRow
from worker.sources.schema import ErrorShape, JsonRows

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


def test_no_batches_means_no_rows_but_batches_without_rows_are_an_error() -> None:
    assert reading(b"[]", BATCHES).published == []
    assert reading(b'[{"results":[]}]', BATCHES).published == []
    assert "no rows at '*.results'" in reading(b'[{"status":"pending"}]', BATCHES).message
    assert "no rows at '*.results'" in reading(b'{"results":[{"a":1}]}', BATCHES).message


def test_something_else_in_one_batch_fails_the_job_after_the_rows_of_others() -> None:
    body = b'[{"results":[{"a":1}]},{"results":{"a":2}},{"results":null}]'
    got = reading(body, BATCHES, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert got.message == "not everything at '*.results' is a list of rows"
    assert reading(body.replace(b'{"a":2}', b"{}"), BATCHES).published == [b'{"a":1}']


@pytest.mark.parametrize("before", [b"", b'{"results":[{"a":1}]},'])
def test_an_error_in_place_of_a_batch_is_an_error_and_not_the_end(before: bytes) -> None:
    error = b'[%b{"error":{"code":7,"message":"gave up"}}' % before
    for rest in (b"]", b',{"results":[]},{"error":null}]'):
        got = reading(error + rest, BATCHES)
        assert isinstance(got.error, FailJob)
        assert "gave up" in got.message
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
    ("body", "expected"),
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
def test_lists_that_fit_no_columns_fail_the_job(body: bytes, expected: str) -> None:
    for size in (1, 1000):
        got = reading(body, LISTS, cuts=range(0, len(body), size))
        assert got.message.startswith(expected)
        assert got.rows == ([b'{"a":1,"b":2}'] if "values" in expected else got.rows)


@pytest.mark.parametrize(
    ("body", "rows", "expected"),
    [
        (b'{"data":[["a","b"],[1,"x"],[2.50,null]]}', "data", [b'{"a":1,"b":"x"}', b'{"a":2.50,"b":null}']),
        (b'[["a"],[1]]', "", [b'{"a":1}']),
        (b'[["a","b"]]', "", []),
        (b"[]", "", []),
    ],
)
def test_the_names_of_the_columns_may_be_the_first_row(body: bytes, rows: str, expected: list[bytes]) -> None:
    shape = JsonRows(kind="json", rows=[rows], columns=f"{rows}.0".removeprefix("."))
    for size in (1, 2, 1000):
        got = reading(body, shape, cuts=range(0, len(body), size))
        assert (got.error, got.rows) == (None, expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'[["a",7],[1,2]]', "the columns are not a list of names: ['a', 7]"),
        (rb'[["\ud83d"],[1]]', r'the columns are not a list of names: ["\ud83d"]'),
        (b'[["a"],[1,2]]', "row 1: 2 values for 1 columns"),
    ],
)
def test_a_first_row_that_is_no_names_fails_the_job(body: bytes, expected: str) -> None:
    assert reading(body, JsonRows(kind="json", rows=[""], columns="0")).message == expected


def test_a_list_with_half_a_character_is_a_dead_row_wherever_the_names_are() -> None:
    names, results = rb'"columns":["a","b"]', rb'"results":[[1,"2"],["\ud83d",\n 3],[4,"5"]]'
    for body in (b"{%b,%b}" % (names, results), b"{%b,%b}" % (results, names)):
        for cut in range(len(body)):
            got = reading(body.replace(rb"\n", b"\n"), LISTS, columns={"b": "integer"}, cuts=[cut])
            assert got.error is None
            dead = DeadRow(rb'["\ud83d", 3]', r"\ud83d at byte 3 is half of a surrogate pair")
            assert got.rows == [b'{"a":1,"b":2}', dead, b'{"a":4,"b":5}']
    wrong = reading(b"{%b,%b}" % (names, rb'"results":[[1,2],["\ud83d",3],[4]]'), LISTS)
    assert wrong.message == "row 3: 1 values for 2 columns"
    assert len(wrong.rows) == 2


def test_batches_of_lists_have_the_same_columns() -> None:
    shape = JsonRows(kind="json", rows=["*.rows"], columns="*.columns")
    same = b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["a"]}]'
    late = b'[{"rows":[[1]],"columns":["a"]},{"rows":[[2]],"columns":["a"]}]'
    assert reading(same, shape).published == reading(late, shape).published == [b'{"a":1}', b'{"a":2}']
    for other in (
        b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["b"]}]',
        b'[{"columns":["a"],"rows":[[1]]},{"rows":[[2]],"columns":["b"]},{"columns":["a"],"rows":[[3]]}]',
    ):
        assert "the columns change within the page" in reading(other, shape).message
