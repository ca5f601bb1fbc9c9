"""Rows in every format, read back by DuckDB and pyarrow: each value once, with all its digits."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pytest

from tests.sinks import finish, job_directory, opened, publish, sink_job
from worker.errors import BadInput, FailJob
from worker.model import DeadRow
from worker.sinks.files.audit import audit_files
from worker.sinks.kinds import audit_sink, open_sink, parse_address

ROOT = Path(__file__).parents[2]
ROWS = tuple(
    b'{"id":92233720368547758%02d,"name":"=%d, \\"Gr\\u00f6\\u00dfe\\"","spend":%d.1000}' % (number, number, number)
    for number in range(8)
)
EXPECTED = [(9223372036854775800 + number, f'={number}, "Größe"', Decimal(f"{number}.1")) for number in range(8)]
ADDRESSES = [
    "format=ndjson",
    "format=ndjson&compression=gzip",
    "format=csv",
    "format=csv&compression=zstd",
    "format=parquet",
    "format=parquet&compression=snappy",
]

CSV_OPTIONS = """union_by_name = true, all_varchar = true, allow_quoted_nulls = false,
                       header = true, delim = ',', quote = '"', escape = '"', comment = ''"""
"""As docs/consuming.md gives them."""


def listed(directory: Path) -> list[Path]:
    receipt = json.loads((directory / "receipt.json").read_text())
    return [directory / file["path"] for file in receipt["files"]]


def by_duckdb(paths: list[Path]) -> list[tuple[Any, ...]]:
    names = [str(path) for path in paths]
    if ".parquet" in paths[0].name:
        reader = "read_parquet($files, union_by_name=true)"
    elif ".csv" in paths[0].name:
        reader = f"read_csv($files, {CSV_OPTIONS})"
    else:
        reader = "read_json($files, columns={id: 'BIGINT', name: 'VARCHAR', spend: 'DECIMAL(38,9)'})"
    query = f"SELECT id::BIGINT, name, spend::DECIMAL(38,9) FROM {reader} ORDER BY 1"
    return duckdb.connect().execute(query, {"files": names}).fetchall()


def by_pyarrow(paths: list[Path]) -> list[tuple[Any, ...]]:
    types = pyarrow.schema([("id", pyarrow.int64()), ("name", pyarrow.string()), ("spend", pyarrow.decimal128(38, 9))])
    tables = []
    for path in paths:
        if ".parquet" in path.name:
            tables.append(pyarrow.parquet.read_table(path).select(types.names))
        elif ".csv" in path.name:
            options = pyarrow.csv.ConvertOptions(column_types=types)
            with pyarrow.input_stream(str(path), compression="detect") as stream:
                tables.append(pyarrow.csv.read_csv(stream, convert_options=options))
        else:
            with pyarrow.input_stream(str(path), compression="detect") as stream:
                tables.append(pyarrow.json.read_json(stream, parse_options=pyarrow.json.ParseOptions(types)))
    rows = pyarrow.concat_tables(tables).sort_by("id").to_pylist()
    return [tuple(row[name] for name in types.names) for row in rows]


@pytest.mark.parametrize("how", ADDRESSES)
def test_every_format_is_read_back_to_the_digit(tmp_path: Path, how: str) -> None:
    sink = opened(f"file:{tmp_path}?{how}")
    publish(sink, (*ROWS[:3], DeadRow(b"no row", "it is none"), *ROWS[3:6]), page=1)
    publish(sink, ROWS[6:8], page=2)
    finish(sink, pages=2)
    directory = job_directory(tmp_path)
    paths = listed(directory)
    assert by_duckdb(paths) == EXPECTED
    assert by_pyarrow(paths) == EXPECTED
    seen = audit_files(directory)
    assert seen.is_whole
    assert (seen.rows, seen.dead_rows) == (8, 1)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([("#a", "#;d#"), ("b", "#"), ("#", "")], id="comments"),
        pytest.param([("|c;",)], id="another-delimiter"),
        pytest.param([("00123", "true", "2026-01-02"), ("1", "false", "")], id="a-header-like-a-row"),
        pytest.param([("'", "'a"), ('"', '\\"'), ("a\r\nb", "\n")], id="quotes-and-line-breaks"),
    ],
)
def test_the_guides_options_leave_duckdb_nothing_to_guess_of_a_csv(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    assert CSV_OPTIONS in (ROOT / "docs/consuming.md").read_text(encoding="utf-8")
    sink = opened(f"file:{tmp_path}?format=csv", part_rows=100)
    publish(sink, [json.dumps(dict(zip(("zip", "t", "d"), row, strict=False))).encode() for row in rows])
    finish(sink)
    names = [str(path) for path in listed(job_directory(tmp_path))]
    assert duckdb.connect().execute(f"FROM read_csv($files, {CSV_OPTIONS})", {"files": names}).fetchall() == rows


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_comes_late_is_in_every_file_from_then_on_and_the_receipt_says_where(
    tmp_path: Path, kind: str
) -> None:
    rows = (b'{"a":1}', b'{"a":2}', b'{"a":3,"b":"x"}', DeadRow(b"4", "no row"), b'{"a":5}', b'{"a":6}')
    sink = opened(f"file:{tmp_path}?format={kind}", part_rows=2)
    publish(sink, rows)
    finish(sink)
    files = json.loads((job_directory(tmp_path) / "receipt.json").read_text())["files"]
    types = {"csv": ("text", "text"), "parquet": ("int64", "string")}[kind]
    assert [file.get("columns") for file in files] == [{"a": types[0]}, {"a": types[0], "b": types[1]}, None]
    assert [file["path"] for file in files] == [f"page-00001.part-000{part}.{kind}" for part in (1, 2, 3)]


def test_files_of_one_part_are_numbered(tmp_path: Path) -> None:
    sink = opened(f"file:{tmp_path}?format=csv&compression=gzip", part_rows=100)
    publish(sink, (b'{"a":1}', b'{"a":2}', b'{"b":3}', b'{"a":4}'))
    finish(sink)
    assert [path.name for path in listed(job_directory(tmp_path))] == [
        "page-00001.file-0001.csv.gz",
        "page-00001.file-0002.csv.gz",
    ]
    assert audit_files(job_directory(tmp_path)).is_whole


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_audit_finds_a_table_that_was_changed(tmp_path: Path, kind: str) -> None:
    sink = opened(f"file:{tmp_path}?format={kind}")
    publish(sink, ROWS[:3])
    finish(sink)
    (path,) = listed(job_directory(tmp_path))
    path.write_bytes(path.read_bytes() + b"\n")
    assert audit_files(job_directory(tmp_path)).changed == (path.name,)


@pytest.mark.parametrize("name", ["receipt.json", ".sink/g1.outcome.json"])
def test_an_audit_names_a_record_that_is_damaged(tmp_path: Path, name: str) -> None:
    sink = opened(f"file:{tmp_path}")
    publish(sink, ROWS[:3])
    finish(sink)
    (job_directory(tmp_path) / name).write_bytes(b'{"state": "en')
    with pytest.raises(FailJob, match=rf"/{name} was changed: "):
        audit_files(job_directory(tmp_path))


def test_partitions_are_named_by_the_dates_of_the_window(tmp_path: Path) -> None:
    address = parse_address(f"file:{tmp_path}?format=parquet&partition=window")

    def job(first: str | None, last: str | None) -> Any:
        return sink_job(window={"from": first, "to": last})

    day = open_sink(address, job("2026-11-01", "2026-11-01"))
    day.open(1)
    assert (tmp_path / "kargo" / "report" / "date=2026-11-01" / "job-1").is_dir()
    week = open_sink(address, job("2026-11-01", "2026-11-07"))
    week.open(1)
    assert (tmp_path / "kargo" / "report" / "from=2026-11-01" / "to=2026-11-07" / "job-1").is_dir()
    assert audit_sink(address, job("2026-11-01", "2026-11-01")).rows == 0
    for first, last in ((None, None), ("../..", "../.."), ("2026-11-01", None)):
        with pytest.raises(BadInput, match="partition"):
            open_sink(address, job(first, last))
    with pytest.raises(BadInput, match="partition"):
        open_sink(address, sink_job(window=None))
