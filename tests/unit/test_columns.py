"""A value of a declared type is exactly the number that was written, or its row is a dead letter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.model import DeadRow, Row, Rows
from worker.readers.columns import Columns
from worker.readers.exact import dumps
from worker.sources.schema import ColumnType


def typed(texts: list[str], kind: ColumnType, null_values: Sequence[str] = ()) -> list[Row]:
    rows = [text.encode() for text in texts]
    return [*Columns({"n": kind}, null_values).convert(Rows.of(rows))]


@pytest.mark.parametrize(
    ("kind", "given_", "expected"),
    [
        ("integer", '"2281"', "2281"),
        ("integer", "2281", "2281"),
        ("integer", '" 2281 "', "2281"),
        ("integer", '"-5"', "-5"),
        ("integer", '"2281.00"', "2281"),
        ("integer", "2281.0", "2281"),
        ("integer", "1E+3", "1000"),
        ("integer", '"123456789012345678901234567890"', "123456789012345678901234567890"),
        ("integer", "123456789012345678901234567890", "123456789012345678901234567890"),
        ("integer", '""', "null"),
        ("integer", "null", "null"),
        ("number", '"57.1000"', "57.1000"),
        ("number", "57.1000", "57.1000"),
        ("number", '"1234567890123456789.50"', "1234567890123456789.50"),
        ("number", '"-0.0"', "-0.0"),
        ("number", '"1e400"', "1e400"),
        ("number", '"2281"', "2281"),
        ("number", '" "', "null"),
        ("boolean", '"True"', "true"),
        ("boolean", "0", "false"),
        ("boolean", "true", "true"),
        ("boolean", '"t"', "true"),
        ("boolean", '"F "', "false"),
        ("boolean", '""', "null"),
        ("string", '"0042"', '"0042"'),
        ("string", '""', '""'),
        ("string", "null", "null"),
        ("string", "1234567890123456789", '"1234567890123456789"'),
        ("string", "57.1000", '"57.1000"'),
        ("string", "1e5", '"1e5"'),
        ("string", "1e999999999999999999999", '"1e999999999999999999999"'),
        ("string", "false", '"false"'),
        ("datetime", '"2026-07-27T12:00:00Z"', '"2026-07-27T12:00:00Z"'),
        ("datetime", '"2017-05"', '"2017-05"'),
        ("datetime", '"2026/7/1"', '"2026/7/1"'),
        ("datetime", '"20260727T1200"', '"20260727T1200"'),
        ("datetime", '"46023.5"', '"46023.5"'),
        ("datetime", "-1", '"-1"'),
        ("datetime", "2026112000", '"2026112000"'),
        ("datetime", '""', "null"),
        ("datetime", '" "', "null"),
        ("datetime", '" 2026-07-27"', '"2026-07-27"'),
        ("datetime", '"46023\\n"', '"46023"'),
    ],
)
def test_a_value_that_fits_is_that_value(kind: ColumnType, given_: str, expected: str) -> None:
    row = f'{{"n":{given_}}}'
    assert typed([row], kind) == [f'{{"n":{expected}}}'.encode()]
    assert Columns({"n": kind})._convert_alone(row.encode()) == f'{{"n":{expected}}}'.encode()


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "datetime"])
def test_declared_texts_mean_null_but_not_in_a_column_of_strings(kind: ColumnType) -> None:
    null_values = ["--", " N/A", "null", "NaN"]
    rows = ['{"n":"--"}', '{"n":" -- "}', '{"n":"N\\/A"}', '{"n":"null"}', '{"n":"NaN"}', '{"n":"n/a"}']
    *nulls, other = typed(rows, kind, null_values)
    assert nulls == [b'{"n":null}'] * 5
    assert isinstance(other, DeadRow)
    assert typed(rows, "string", null_values) == [row.encode() for row in rows]
    assert all(isinstance(row, DeadRow) for row in typed(rows, kind))


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        ("integer", '"1,234"'),
        ("integer", '"2.5"'),
        ("integer", "2.5"),
        ("integer", '"007"'),
        ("integer", '"+5"'),
        ("integer", '"1_000"'),
        ("integer", '"٣"'),
        ("integer", '"1e99999"'),
        ("integer", '"1e999999999999999999999"'),
        ("integer", "1e999999999999999999999"),
        ("integer", "true"),
        ("integer", "[1]"),
        ("number", '"1,234.5"'),
        ("number", '"5 %"'),
        ("number", '".5"'),
        ("number", '"5."'),
        ("number", '"NaN"'),
        ("number", '"1,2"'),
        ("number", '"[1"'),
        ("number", "true"),
        ("boolean", '"yes"'),
        ("boolean", "2"),
        ("string", "[1]"),
        ("string", "{}"),
        ("datetime", '"soon"'),
        ("datetime", "true"),
    ],
)
def test_a_value_that_does_not_fit_sets_its_row_aside_as_it_came(kind: ColumnType, given_: str) -> None:
    row = f'{{"m": 57.1000, "n": {given_}}}'
    (got,) = typed([row], kind)
    assert isinstance(got, DeadRow)
    assert bytes(got) == row.encode()
    assert got.reason.startswith("n: ")
    assert got.reason.endswith(f"is not a valid {kind}")


def test_a_reason_shows_no_more_than_a_hundred_characters_of_the_value() -> None:
    (got,) = typed([json.dumps({"n": "x" * 10_000})], "integer")
    assert isinstance(got, DeadRow)
    assert len(got.reason) < 140


def test_rows_that_fit_or_lack_the_columns_stay_byte_for_byte() -> None:
    rows = ['{ "n" : 5 , "m": 57.1000 }', '{"m":1E5}', '{"n":null}', '{"n":1,"n":2}']
    assert typed(rows, "integer") == [row.encode() for row in rows]


def test_a_row_that_is_written_again_keeps_the_digits_of_all_other_values() -> None:
    row = '{"n":"5","m":57.1000,"o":[1E+2,123456789012345678901234567890,-0.0],"p":{"q":0.10}}'
    assert typed([row], "integer") == [row.replace('"5"', "5").encode()]


def test_blanks_around_a_number_are_ignored() -> None:
    assert typed(['{"n":" 1.50 "}', '{"n":"2"}'], "number") == [b'{"n":1.50}', b'{"n":2}']


def test_several_columns_of_one_row_are_typed_together() -> None:
    rows = [b'{"a":"1","b":"2.50","c":3}', b'{"a":"x","b":"y","c":4}']
    columns = Columns({"a": "integer", "b": "number", "c": "string", "d": "integer"})
    first, second = columns.convert(Rows.of(rows))
    assert first == b'{"a":1,"b":2.50,"c":"3"}'
    assert second == DeadRow(rows[1], "a: 'x' is not a valid integer")


written = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text(alphabet=st.sampled_from('0123456789-+.eE, []"x/'), max_size=4),
    st.sampled_from(["null.0", "5.00", "-0.0", "7/1/2026", "2026/07/01", "2026/07/01 \\", "17/2026"]),
)


@given(
    st.lists(st.one_of(written, written, st.none(), st.integers()), min_size=1, max_size=6),
    st.sampled_from(["integer", "number", "boolean", "string", "datetime"]),
)
@settings(deadline=None, max_examples=400)
def test_many_rows_are_typed_as_each_would_be_alone(column: list[Any], kind: ColumnType) -> None:
    rows = [dumps({"n": value, "m": 1}).decode() for value in column]
    rows += [row.replace("/", "\\/") for row in rows]
    assert typed(rows, kind) == [typed([row], kind)[0] for row in rows]


@pytest.mark.parametrize(
    ("kind", "value", "same"),
    [
        ("integer", '"5.0"', "5"),
        ("integer", "5.00", "5"),
        ("integer", '" 5"', "5"),
        ("number", '" -0.50 "', "-0.50"),
        ("number", '""', "null"),
        ("number", '" "', "null"),
        ("string", "1234567890123456789", '"1234567890123456789"'),
        ("string", "true", '"true"'),
        ("boolean", "1", "true"),
        ("boolean", '"0"', "false"),
        ("boolean", '"True"', "true"),
        ("boolean", '"FALSE"', "false"),
        ("boolean", '"f"', "false"),
        ("string", "57.10", '"57.10"'),
        ("datetime", "1767225600", '"1767225600"'),
        *(
            (kind, value, value)
            for kind, value in [
                ("datetime", '"7/1/2026"'),
                ("datetime", '"2026/7/1 9:05"'),
                ("datetime", r'"07\/01\/2026 10:00"'),
                ("datetime", r'"2026\/07\/01"'),
            ]
        ),
    ],
)
def test_ways_to_write_that_many_vendors_have_need_no_parsing(kind: ColumnType, value: str, same: str) -> None:
    """Without this the rows would be the same, but take twenty times as long."""
    rows = [f'{{"n":{value},"m":{number}}}' for number in range(5)]
    with patch.object(Columns, "_convert_alone", side_effect=AssertionError):
        assert typed(rows, kind) == [row.replace(f'"n":{value}', f'"n":{same}').encode() for row in rows]


def test_rows_of_thousands_of_keys_are_typed_without_a_pattern() -> None:
    others = ",".join(f'"k{number}":{number}' for number in range(2_000))
    got = typed([f'{{"n":"{number}",{others}}}' for number in range(3)], "integer")
    assert got == [f'{{"n":{number},{others}}}'.encode() for number in range(3)]


@given(st.lists(st.text(alphabet=st.sampled_from('"\\,:{}[]n'), max_size=6), min_size=1, max_size=6))
@settings(deadline=None, max_examples=400)
def test_quotes_and_backslashes_within_text_end_no_value(texts: list[str]) -> None:
    values = [dumps(text).decode() for text in texts]
    rows = [f'{{"t":{value},"in":[{{"t":{value}}}],"n":"5"}}' for value in values]
    anew = [f'{{"t":{value},"in":[{{"t":{value}}}],"n":5}}'.encode() for value in values]
    assert typed(rows, "integer") == anew
