"""Rows of a JSON page that are each in an object of their own, and declared errors among rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_values import dumped, exact, rows, values
from tests.readings import cuts, reading, reading_by_ijson
from worker.errors import FailJob, RetryLater
from worker.model import DeadRow
from worker.sources.schema import ErrorShape, JsonRows

STREAM = JsonRows(kind="json", rows=["*.row"], object_is_row=True, errors=[ErrorShape(when="error.text")])
NODES = JsonRows(kind="json", rows=["data.orders.edges.*.node.order"], object_is_row=True)


@given(st.lists(st.one_of(rows, st.none()), min_size=1, max_size=6), st.booleans(), values, cuts)
@settings(deadline=None, max_examples=100)
def test_rows_in_objects_of_their_own_leave_as_they_came_for_any_chunks(
    sent: list[Any], is_compact: bool, beside: Any, some: list[int]
) -> None:
    members = [{"header": beside}, *({"row": row, "note": beside} for row in sent), {"footer": {"count": "3"}}]
    body = dumped(members, compact=is_compact).encode()
    got = reading(body, STREAM.model_copy(update={"absent_is_empty": True}), cuts=some)
    assert got.published == reading_by_ijson(body, STREAM.model_copy(update={"absent_is_empty": True})).published
    assert [exact(row) for row in got.published] == exact(dumped([row for row in sent if row is not None]))


def test_a_row_keeps_its_bytes_and_its_declared_columns_have_their_types() -> None:
    body = b'{"data":{"orders":{"edges":[{"cursor":"x","node":{"order":{"n": "1.50", "o":\n[1E5]}}},{"node":null}]}}}'
    assert reading(body, NODES, columns={"n": "number"}).published == [b'{"n":1.50,"o":[1E5]}']
    assert reading(body.replace(b"\n", b" "), NODES).published == [b'{"n": "1.50", "o": [1E5]}']


def test_a_member_with_half_a_character_is_a_dead_row() -> None:
    got = reading(rb'[{"row":{"a":"\ud83d"}},{"row":{"a":2}}]', STREAM)
    assert got.rows == [
        DeadRow(rb'{"row":{"a":"\ud83d"}}', r"\ud83d at byte 14 is half of a surrogate pair"),
        b'{"a":2}',
    ]


def test_members_without_any_row_are_no_rows_only_if_the_source_file_says_so() -> None:
    body = b'[{"header":{}},{"rwo":{"a":1}},{"footer":{}}]'
    assert "found no rows at '*.row'" in reading(body, STREAM).message
    assert reading(body, STREAM.model_copy(update={"absent_is_empty": True})).published == []
    assert reading(b"[]", STREAM).published == []


@pytest.mark.parametrize("instead", [b"[1]", b'"text"', b"7", b"true"])
def test_anything_but_an_object_in_place_of_a_row_fails_the_job(instead: bytes) -> None:
    got = reading(b'[{"header":{}},{"row":{"a":1}},{"row":%b}]' % instead, STREAM)
    assert isinstance(got.error, FailJob)
    assert got.message == f"row 2: expected an object at 'row', got: {instead.decode()}"


def test_an_error_among_the_members_is_an_error_wherever_it_stands() -> None:
    error = b'{"error":{"text":"gave up"}}'
    for body in (b"[%b]" % error, b'[{"row":{"a":1}},%b]' % error, b'[{"row":{"a":1}},%b,{"row":{"a":2}}]' % error):
        assert reading(body, STREAM).message == "the vendor answered with an error: gave up"
    assert reading(b'[{"row":{"error":{"text":"of the row itself"}},"error":null}]', STREAM).error is None


ROWS = b'{"items":[{"id":1,"state":"ok"},{"id":2,"state":"FAILED","why":"no access"},{"id":3}],"code":9}'


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("items.[state=failed].why", "an error in place of row 2: no access"),
        ("items.[state=failed]", "an error in place of row 2: {'id': 2, 'state': 'FAILED', 'why': 'no access'}"),
        ("items.1.why", "an error in place of row 2: no access"),
        ("items.[id=2].why", "an error in place of row 2: no access"),
        ("items.0.why", None),
        ("items.[state=late].why", None),
        ("others.[state=failed].why", None),
    ],
)
def test_a_declared_error_in_place_of_a_row_is_no_row(when: str, words: str | None) -> None:
    shape = JsonRows(kind="json", rows=["items"], errors=[ErrorShape(when=when)])
    for size in (1, 30, 1000):
        got = reading(ROWS, shape, cuts=range(0, len(ROWS), size))
        if words is None:
            assert len(got.published) == 3
        else:
            assert got.message == f"the vendor answered with {words}"


@pytest.mark.parametrize("spelled", ["failed", "FA\\u0049LED", " Failed "])
def test_a_declared_value_is_found_among_the_rows_however_it_is_written(spelled: str) -> None:
    shape = JsonRows(kind="json", rows=["items"], errors=[ErrorShape(when="items.[state=failed].why")])
    got = reading(ROWS.replace(b"FAILED", spelled.encode()), shape)
    assert "in place of row 2: no access" in got.message


def test_an_error_in_place_of_a_row_has_the_words_and_consequence_that_are_declared() -> None:
    error = ErrorShape(when="items.[state=failed].why", then="retry", code="code", message="items.[state=failed].why")
    body = ROWS.replace(b'"items"', b'"code":9,"items"', 1).replace(b',"code":9}', b"}")
    got = reading(body, JsonRows(kind="json", rows=["items"], errors=[error]))
    assert isinstance(got.error, RetryLater)
    assert got.message == "the vendor answered with an error in place of row 2: 9: no access"


def test_an_error_in_place_of_a_row_is_found_in_each_batch_and_beside_wrapped_rows() -> None:
    shape = ErrorShape(when="items.[state=failed].why")
    batches = JsonRows(kind="json", rows=["*.items"], errors=[shape])
    assert (
        "in place of row 5: no access"
        in reading(b'[{"items":[{"id":1},{"id":2},{"id":3}]},%b]' % ROWS, batches).message
    )
    wrapped = JsonRows(kind="json", rows=["items.*.id"], object_is_row=True, errors=[shape])
    assert "in place of row 2: no access" in reading(ROWS.replace(b'"id":1', b'"id":{}'), wrapped).message
