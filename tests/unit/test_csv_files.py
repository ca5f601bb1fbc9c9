"""Rows as CSV: no value loses anything, and every column of the rows is in the header."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import csv_rows, exact, written
from worker.errors import FailJob


def text(*batches: list[bytes], **how: Any) -> list[str]:
    return [file.content.decode() for file in written("csv", *batches, **how)]


def test_columns_are_ordered_as_declared_and_then_as_first_seen() -> None:
    rows = [b'{"b":1,"z":2}', b'{"a":3,"y":4,"b":5}']
    assert text(rows, declared={"a": "integer"}) == ["a,b,z,y\r\n,1,2,\r\n3,5,,4\r\n"]


def test_a_later_column_begins_a_file_with_a_wider_header() -> None:
    assert text([b'{"a":1}'], [b'{"a":2}'], [b'{"b":3}'], [b'{"a":4}']) == ["a\r\n1\r\n2\r\n", "a,b\r\n,3\r\n4,\r\n"]


def test_the_next_part_begins_with_the_header_of_the_one_before() -> None:
    assert text([b'{"b":1}'], known={"a": "text", "b": "text"}) == ["a,b\r\n,1\r\n"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("57.1000", "57.1000"),
        ("9223372036854775807", "9223372036854775807"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1E+2", "1E+2"),
        ("true", "true"),
        ("null", ""),
        ('""', '""'),
        ('"null"', "null"),
        ('"=1+1"', "=1+1"),
        ('"-2"', "-2"),
        ('"a,b"', '"a,b"'),
        ('"say \\"so\\""', '"say ""so"""'),
        ('"two\\r\\nlines"', '"two\r\nlines"'),
        ('" blank "', " blank "),
        ('"Größe"', "Größe"),
        ('{"a": [1.50, "x"]}', '"{""a"": [1.50, ""x""]}"'),
        ("[1, 2]", '"[1, 2]"'),
    ],
)
def test_every_kind_of_value_has_its_form_as_a_cell(value: str, cell: str) -> None:
    assert text([f'{{"k":1,"v":{value}}}'.encode()]) == [f"k,v\r\n1,{cell}\r\n"]


def test_a_null_on_a_line_of_its_own_is_not_a_blank_line() -> None:
    assert text([b'{"a":null}', b'{"a":1}']) == ['a\r\n""\r\n1\r\n']


def test_rows_that_do_not_make_a_table_are_refused_with_the_reason() -> None:
    with pytest.raises(FailJob, match="rows without members have no columns"):
        written("csv", [b"{}"])
    with pytest.raises(FailJob, match=r"cannot be divided into columns: .*; format=ndjson keeps it as it is"):
        written("csv", [b'{"a":1}', b"[1]"])
    with pytest.raises(FailJob, match="more than 10,000 columns do not make a table"):
        written("csv", [json.dumps(dict.fromkeys(map(str, range(10_001)), 1)).encode()])


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.lists(st.integers()),
)
rows = st.lists(st.dictionaries(st.text(max_size=3), values, min_size=1, max_size=4), min_size=1, max_size=8)


@given(rows, st.integers(1, 8))
def test_any_rows_are_read_back_cell_for_cell(rows: list[dict[str, Any]], stride: int) -> None:
    texts = [json.dumps(row).encode() for row in rows]
    files = written("csv", *[texts[first : first + stride] for first in range(0, len(texts), stride)])
    assert [file.rows for file in files] == [len(csv_rows(file)) for file in files]
    read = [row for file in files for row in csv_rows(file)]
    assert len(read) == len(rows)
    for row, cells in zip(texts, read, strict=True):
        for name, value in exact(row).items():
            if value is None or isinstance(value, str):
                assert cells[name] == (value or "")
            else:
                assert exact(b'{"v":' + cells[name].encode() + b"}")["v"] == value
