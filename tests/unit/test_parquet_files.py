"""Rows as Parquet: exact types from the values, and another file whenever a type has to change."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import exact, parquet_rows, written
from worker.errors import FailJob
from worker.sinks.files.formats import parquet
from worker.sinks.files.formats.cells import Number
from worker.sinks.files.formats.column_types import widen


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    # A file can only be ended between two groups of rows.
    monkeypatch.setattr(parquet, "GROUP_ROWS", 1)


def test_columns_have_the_types_of_their_values() -> None:
    row = b'{"id":9223372036854775807,"spend":57.1000,"name":"x","on":true,"tags":["a", 1.50],"none":null}'
    (file,) = written("parquet", [row])
    assert file.columns == {
        "id": "int64",
        "spend": "decimal(29, 9)",
        "name": "string",
        "on": "boolean",
        "tags": "string",
    }
    assert parquet_rows(file) == [
        {"id": 2**63 - 1, "spend": Decimal("57.1"), "name": "x", "on": True, "tags": '["a", 1.50]'}
    ]


def test_declared_columns_come_first_with_their_types_even_where_no_row_has_them() -> None:
    declared = {"spend": "number", "clicks": "integer", "at": "datetime", "ok": "boolean", "text": "string"}
    (file,) = written("parquet", [b'{"name":"x","clicks":1}'], declared=declared)
    assert file.columns == {
        "spend": "decimal(29, 9)",
        "clicks": "int64",
        "at": "timestamp(us, UTC)",
        "ok": "boolean",
        "text": "string",
        "name": "string",
    }


def test_times_are_timestamps_where_they_are_declared_and_nowhere_else() -> None:
    row = b'{"at":"2026-11-01T10:00:00.25+02:00","said":"2026-11-01T10:00:00Z"}'
    (file,) = written("parquet", [row], declared={"at": "datetime"})
    assert parquet_rows(file) == [
        {"at": datetime(2026, 11, 1, 8, 0, 0, 250_000, tzinfo=UTC), "said": "2026-11-01T10:00:00Z"}
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2026-11-01T10:00:00"], "timestamp(us)"),
        (["2026-11-01T10:00:00.1234567Z"], "string"),
        (["2026-11-01"], "string"),
        (["2026-02-30T00:00:00Z"], "string"),
        (["9999-12-31T23:59:59Z"], "timestamp(us, UTC)"),
        (["9999-12-31T23:59:59-10:00"], "string"),
        (["2026-11-01T10:00:00Z", "2026-11-01T10:00:00"], "string"),
    ],
)
def test_text_that_is_not_a_time_stays_text(values: list[str], kind: str) -> None:
    assert widen(None, values, is_time=True) == kind


@pytest.mark.parametrize(
    ("held", "value", "kind"),
    [
        (None, None, None),
        ("int64", None, "int64"),
        ("int64", 5, "int64"),
        ("int64", Number("0.5"), "decimal(29, 9)"),
        ("int64", 2**63, "decimal(20, 0)"),
        (None, -(2**63), "int64"),
        (None, -(2**63) - 1, "decimal(20, 0)"),
        (None, Number("1E+2"), "decimal(20, 0)"),
        ("decimal(29, 9)", 7, "decimal(29, 9)"),
        ("decimal(29, 9)", Number("0.1234567891"), "decimal(38, 18)"),
        ("decimal(38, 18)", 99_999_999_999_999_999_999, "decimal(38, 18)"),
        ("decimal(20, 0)", 10**20, "string"),
        (None, Number("0.1234567890123456789"), "string"),
        (None, Number("1e400"), "string"),
        (None, Number("1e-400"), "string"),
        ("int64", Number("1e99999999999999999999"), "string"),
        ("int64", "five", "string"),
        ("int64", True, "string"),
        ("boolean", 1, "string"),
        ("string", 1, "string"),
        ("timestamp(us, UTC)", "soon", "string"),
    ],
)
def test_a_type_is_widened_so_that_nothing_is_lost(held: str | None, value: Any, kind: str | None) -> None:
    assert widen(held, [value]) == kind


def test_integers_beside_other_numbers_are_numbers() -> None:
    assert widen(None, [1, None, Number("2.50")]) == "decimal(29, 9)"


@pytest.mark.usefixtures("small_groups")
def test_a_new_column_or_a_wider_type_begins_a_file_and_leaves_the_one_before() -> None:
    files = written("parquet", [b'{"n":1}'], [b'{"n":2}'], [b'{"n":"three"}'], [b'{"n":4,"m":5.5}'], [b'{"n":6}'])
    assert [file.columns for file in files] == [{"n": "int64"}, {"n": "string"}, {"n": "string", "m": "decimal(29, 9)"}]
    assert [parquet_rows(file) for file in files] == [
        [{"n": 1}, {"n": 2}],
        [{"n": "three"}],
        [{"n": "4", "m": Decimal("5.5")}, {"n": "6", "m": None}],
    ]


def test_the_next_part_continues_with_the_columns_of_the_one_before() -> None:
    known = {"a": "decimal(29, 9)", "b": "string"}
    (file,) = written("parquet", [b'{"b":"x"}'], known=known)
    assert file.columns == known


def test_files_with_different_number_types_are_one_table_without_a_digit_lost(tmp_path: Path) -> None:
    values = ["9223372036854775807", "99999999999999999999", "99999999999999999999.999999999", "-0.123456789012345678"]
    paths = []
    for number, value in enumerate(values):
        (file,) = written("parquet", [b'{"v":%b}' % value.encode()])
        paths.append(tmp_path / f"{number}.parquet")
        paths[-1].write_bytes(file.content)
    read = duckdb.connect()
    for order in permutations(paths):
        found = read.execute("SELECT v FROM read_parquet(?, union_by_name = true)", [list(map(str, order))]).fetchall()
        assert sorted(value for (value,) in found) == sorted(map(Decimal, values))


def test_digits_stay_in_a_column_of_text() -> None:
    (file,) = written("parquet", [b'{"v":57.1000}', b'{"v":"x"}', b'{"v":1e2}', b'{"v":{"a": 1.0}}'])
    assert [row["v"] for row in parquet_rows(file)] == ["57.1000", "x", "1e2", '{"a": 1.0}']


def test_rows_without_members_are_refused_with_the_reason() -> None:
    with pytest.raises(FailJob, match="rows without members have no columns"):
        written("parquet", [b"{}"])
    assert [row["a"] for row in parquet_rows(written("parquet", [b'{"a":null}'])[0])] == [None]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "snappy"])
def test_files_of_every_codec_are_read_by_other_programs(compression: str) -> None:
    (file,) = written("parquet", [b'{"a":"x"}'], compression=compression)
    group = pyarrow.parquet.read_metadata(io.BytesIO(file.content)).row_group(0)
    assert group.column(0).compression == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())
    assert parquet_rows(file) == [{"a": "x"}]


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=7),
    st.text(),
    st.lists(st.integers(), max_size=2),
)
rows = st.lists(st.dictionaries(st.sampled_from("abc"), values, min_size=1), min_size=1, max_size=8)


def as_json(row: dict[str, Any]) -> bytes:
    members = (
        f"{json.dumps(name)}:{format(value, 'f') if isinstance(value, Decimal) else json.dumps(value)}"
        for name, value in row.items()
    )
    return f"{{{','.join(members)}}}".encode()


@given(rows, st.integers(1, 8))
def test_any_rows_are_read_back_value_for_value(rows: list[dict[str, Any]], stride: int) -> None:
    texts = [as_json(row) for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "GROUP_ROWS", 1)
        files = written("parquet", *[texts[first : first + stride] for first in range(0, len(texts), stride)])
    read = [row for file in files for row in parquet_rows(file)]
    assert len(read) == len(rows)
    for text, cells in zip(texts, read, strict=True):
        for name, value in exact(text).items():
            cell = cells.get(name)
            if isinstance(value, str) or value is None or not isinstance(cell, str):
                assert cell == value
            else:
                assert exact(b'{"v":' + cell.encode() + b"}")["v"] == value
