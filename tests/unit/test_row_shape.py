"""Rows that are changed many at a time give the same result as if each were changed alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.model import Row, Rows
from worker.readers.columns import Columns
from worker.readers.row_shape import RowShape
from worker.sources.schema import ColumnType

DECLARED: dict[str, ColumnType] = {"a": "integer", "b": "number", "c d": "string", "\u00e9": "datetime", "t": "boolean"}
USUAL = {
    "a": ['"5"', "12", "null", '"123456789012345678901"'],
    "b": ['"5.50"', "1.5", "null", '"-0.10"'],
    "c d": ['"x"', "null", '"\u00e9"', '"null"'],
    "\u00e9": ['"2026-07-01"', '"7/1/2026"', "null"],
    "t": ["true", '"false"', "null"],
    "u": ['"x"', "1", "[1]", '{"a":"1"}', "2.50"],
}
UNUSUAL = [
    '"007"', '"1.0"', "1e3", '"1e3"', '" 5 "', '""', '"null"', '"NULL"', '"-0"', "-0", "1.0", '"1_0"', '"0.00000000"',
    '"NaN"', '"sNaN"', '"-Infinity"', '"nan"', '"a,b:1"', '",a:1"', '"},{"', '"\\"a\\":1"', '"x\\u00e9\\/"', '"\\\\"',
    '{ "a" : 1 }', "9" * 30, '"soon"', '"1"', "5", '" null"', '"- 5"', '" true"', '"1 000"', '"x\\": \\""',
    '"2026-07 -01"', '"--"', '" --"', '"N/A"', '"N\\/A"', r'"7\/1\/2026"', '"7/1/26"',
]  # fmt: skip


def alone(row: bytes, null_values: list[str]) -> Row:
    return next(iter(Columns(DECLARED, null_values).convert(Rows.of([row]))))


@st.composite
def alike(draw: st.DrawFn) -> list[bytes]:
    """Rows, most with the first one's keys and usual values; some differ in everything that may differ."""
    usual = draw(st.lists(st.sampled_from([*USUAL]), min_size=1, max_size=5, unique=True))
    spacing = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        keys = draw(st.one_of(st.just(usual), st.just(usual), st.permutations(usual), st.lists(st.sampled_from(usual))))
        comma, colon = draw(st.sampled_from([spacing] * 6 + [(", ", ":"), (",", ": ")]))
        members = []
        for key in keys:
            is_usual = draw(st.integers(0, 7))
            value = draw(st.sampled_from(USUAL[key] if is_usual else UNUSUAL))
            members.append(json.dumps(key, ensure_ascii=not is_usual) + colon + value)
        rows.append(("{" + comma.join(members) + "}").encode())
    return rows


def as_members(rows: list[bytes]) -> bytes:
    return b"".join(b"," + row for row in rows)


@given(alike(), st.sampled_from([[], ["--", "N/A"], ["NaN", "null"]]))
@settings(deadline=None, max_examples=500)
def test_every_row_comes_out_as_if_it_were_changed_alone(rows: list[bytes], null_values: list[str]) -> None:
    if shape := RowShape.of(rows[0], DECLARED, null_values):
        members = None if shape.is_spaced else shape.change_members(as_members(rows))
        for changed in (shape.change_lines(Rows.of(rows).text), members):
            assert changed is None or [*changed] == [alone(row, null_values) for row in rows]


def test_rows_of_one_shape_are_changed_at_once() -> None:
    rows = [b'{"a":"%d","u":[{"a":"1"}],"b":"%d.50","c d":"x"}' % (number, number) for number in range(5)]
    shape = RowShape.of(rows[0], DECLARED)
    assert shape
    want = [b'{"a":%d,"u":[{"a":"1"}],"b":%d.50,"c d":"x"}' % (number, number) for number in range(5)]
    assert shape.change_lines(Rows.of(rows).text) == shape.change_members(as_members(rows)) == Rows.of(want)


def test_rows_with_blanks_are_changed_at_once_and_those_without_a_change_keep_them() -> None:
    rows = [b'{"a": "1", "u": [1, "x, y"], "b": 1}', b'{"a": 1, "u": "1", "b": 2.50}', b'{"a": 2, "u": "", "b": ""}']
    want = [b'{"a":1,"u":[1, "x, y"],"b":1}', rows[1], b'{"a":2,"u":"","b":null}']
    shape = RowShape.of(rows[0], DECLARED)
    assert shape
    for start, end in ((0, 1), (1, 2), (0, 2), (1, 3), (0, 3)):
        assert shape.change_lines(Rows.of(rows[start:end]).text) == Rows.of(want[start:end])


def test_texts_that_mean_null_are_replaced_at_once() -> None:
    shape = RowShape.of(b'{"a":"1","b":"--","u":"--","c d":"N/A"}', DECLARED, ["--", "N/A"])
    assert shape
    for rows, want in (
        (b'{"a":"N/A","b":"","u":"--","c d":"--"}\n', b'{"a":null,"b":null,"u":"--","c d":"--"}'),
        (b'{"a":"1","b":"--","u":"N/A","c d":""}\n', b'{"a":1,"b":null,"u":"N/A","c d":""}'),
    ):
        assert shape.change_lines(rows) == Rows.of([want])


def test_an_empty_string_is_null_except_in_a_string_column() -> None:
    shape = RowShape.of(b'{"a":"1","u":{"a":"1"},"c d":"x"}', DECLARED)
    assert shape
    assert shape.change_lines(b'{"a":"","u":"","c d":""}\n') == Rows.of([b'{"a":null,"u":"","c d":""}'])
    assert shape.change_lines(b'{"a":"","u":{"a":""},"c d":""}\n') is None


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b'{"b":"2","a":"1"}', id="other order"),
        pytest.param(b'{"a":"1"}', id="a key less"),
        pytest.param(b'{"a":"1","b":"2","u":1}', id="a key more"),
        pytest.param(b'{"a":"1","a":"1","b":"2"}', id="a key twice"),
        pytest.param(b'{"a":"1", "b":"2"}', id="a blank"),
        pytest.param(b'{"a":"1e3","b":"2"}', id="an integer that is not in digits"),
        pytest.param(b'{"a":"1","b":"NaN"}', id="a decimal that is no number"),
        pytest.param(b'{"a":"null","b":"2"}', id="a word that is no null"),
    ],
)
def test_one_row_of_another_shape_is_noticed(row: bytes) -> None:
    shape = RowShape.of(b'{"a":"1","b":"2"}', DECLARED)
    assert shape
    assert shape.change_lines(b'{"a":null,"b":null}\n')
    assert shape.change_lines(b'{"a":"1","b":"2"}\n' + row + b"\n") is None
