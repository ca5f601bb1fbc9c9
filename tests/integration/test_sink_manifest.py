"""`latest.json`: the newest done job of each window, in any order of their ends."""

from __future__ import annotations

import ast
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest

from tests.sinks import READING, make, opened, publish
from worker.errors import FailJob
from worker.model import Totals
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.manifest import note_latest
from worker.sinks.files.store import Key
from worker.sinks.kinds import file_store, parse_address

ROOT = Path(__file__).parents[2]


def end(directory: Path, job: str, day: str, ready_at: str, rows: int = 1, how: str = "format=parquet") -> None:
    """Bring a job about one day to its end."""
    end_at(f"file:{directory}?{how}", job, day, ready_at, rows)


def end_at(to: str, job: str, day: str, ready_at: str, rows: int = 1) -> None:
    """The same at any address."""
    sink = opened(to, job=job, window={"from": day, "to": day})
    publish(sink, READING[:rows])
    totals = sink.tally(1, 1)
    assert isinstance(totals, Totals)
    receipt = {
        "connection": "kargo", "report": "report", "job": job, "params": {"day": day}, "rows": totals.rows,
        "window": {"from": day, "to": day}, "ready_at": ready_at, "digest": totals.digest,
    }  # fmt: skip
    assert isinstance(sink.finish(1, 1, receipt), dict)
    sink.release()


def manifest(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "kargo" / "report" / "latest.json").read_text())
    return content


def test_the_manifest_names_the_newest_reading_of_each_window_not_the_last_to_end(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z")
    end(tmp_path, "b", "2026-11-02", "2026-11-03T06:00:00.000Z")
    end(tmp_path, "d", "2026-11-01", "2026-11-04T06:00:00.000Z", rows=3)
    end(tmp_path, "c", "2026-11-01", "2026-11-03T06:00:00.000Z", rows=2)
    held = manifest(tmp_path)
    assert (held["connection"], held["report"]) == ("kargo", "report")
    assert [(window["window"]["from"], window["job"], window["rows"]) for window in held["windows"]] == [
        ("2026-11-01", "d", 3),
        ("2026-11-02", "b", 1),
    ]
    assert held["windows"][0]["receipt"] == "d/receipt.json"
    assert held["windows"][0]["files"] == ["d/page-00001.parquet"]


@pytest.mark.parametrize("content", ["", "[]", '{"windows": [{}]}'])
def test_a_manifest_that_was_changed_by_hand_is_named_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z")
    changed = tmp_path / "kargo/report/latest.json"
    changed.write_text(content)
    with pytest.raises(FailJob, match=f"{changed} was changed and is no longer a manifest"):
        end(tmp_path, "b", "2026-11-02", "2026-11-03T06:00:00.000Z")
    assert changed.read_text() == content


def test_jobs_that_end_at_once_do_not_leave_each_other_out(tmp_path: Path) -> None:
    def finish(number: int) -> None:
        end(tmp_path, f"j{number}", f"2026-11-{number:02}", "2026-12-01T06:00:00.000Z")

    with ThreadPoolExecutor(max_workers=8) as threads:
        list(threads.map(finish, range(1, 25)))
    assert len(manifest(tmp_path)["windows"]) == 24


def test_an_end_that_is_repeated_completes_a_manifest_that_was_not_written(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z")
    written = manifest(tmp_path)
    (tmp_path / "kargo" / "report" / "latest.json").unlink()
    make(f"file:{tmp_path}?format=parquet", job="a").finish(1, 1, {})
    assert manifest(tmp_path) == written


def test_a_manifest_that_was_removed_is_made_again_from_the_receipts(any_files: str) -> None:
    end_at(any_files, "a", "2026-11-01", "2026-11-02T06:00:00.000Z")
    end_at(any_files, "b", "2026-11-01", "2026-11-03T06:00:00.000Z", rows=2)
    end_at(any_files, "c", "2026-11-02", "2026-11-03T06:00:00.000Z")
    store, manifest_key = file_store(parse_address(any_files)), Key("kargo", "report", "latest.json")  # type: ignore[arg-type]
    whole = store.read(manifest_key)
    store.remove(manifest_key)
    end_at(any_files, "d", "2026-11-01", "2026-11-01T06:00:00.000Z", rows=3)
    assert store.read(manifest_key) == whole


def page_of(directory: Path) -> str:
    """What the guide says of reading files, about a report with three windows, one restated and one without rows."""
    for day, job, ready_at, rows in (("1", "a", "1", 3), ("2", "b", "1", 3), ("1", "c", "2", 3), ("3", "d", "1", 0)):
        end(directory, job, f"2026-11-0{day}", f"2026-11-0{ready_at}T06:00:00.000Z", rows=rows)
    page = (ROOT / "docs" / "consuming.md").read_text().partition("## Consuming files")[2]
    return page.replace("rows/kargo/report", str(directory / "kargo" / "report")).replace("/JOB/", "/c/")


def test_the_guides_sql_reads_the_manifest_and_a_receipt(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for names, expected in ((None, [1, 1, 2, 2, 3, 3]), (re.search(r"`(\(SELECT list.+?)`", page), [1, 2, 3])):
        script = re.findall(r"```sql\n(.+?)```", page, re.DOTALL)[0]
        if names:
            script = re.sub(r"(?s)(?<=files = )\(.+?\);", f"{names[1]};", script)
        assert sorted(value for (value,) in duckdb.sql(script).fetchall()) == expected


def test_the_guides_python_is_python_and_its_lines_for_pyarrow_read_the_manifest(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    script = re.findall(r"```python\n(.+?)```", page, re.DOTALL)[0]
    lines = dict(re.findall(r"^\| (\w+) \| `(.+?)`", page, re.MULTILINE))
    assert lines.keys() == {"polars", "pandas", "pyarrow", "Spark"}
    for line in lines.values():
        ast.parse(line)
    found: dict[str, Any] = {"pyarrow": pyarrow}
    exec(script, found)
    table = eval(lines["pyarrow"], found)
    assert sorted(table["row"].to_pylist()) == [1, 1, 2, 2, 3, 3]


# ------------------------------------------------------------ links


def links(directory: Path) -> dict[str, list[str]]:
    """The files an engine reads that is given the directory of links, by their partitions; others are hidden to it."""
    lists = (directory / "kargo" / "report" / "_symlink_format_manifest").glob("*/manifest")
    return {path.parent.name: path.read_text().splitlines() for path in lists}


def named(directory: Path) -> dict[str, list[str]]:
    """Those the manifest names."""
    windows = manifest(directory)["windows"]
    report = f"file://{directory}/kargo/report"
    return {f"date={w['window']['from']}": [f"{report}/{file}" for file in w["files"]] for w in windows}


PARTITIONED = "format=parquet&partition=window"


def test_an_engine_that_reads_a_directory_reads_what_the_manifest_names_and_nothing_else(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z", rows=9, how=PARTITIONED)
    end(tmp_path, "b", "2026-11-02", "2026-11-03T06:00:00.000Z", rows=2, how=PARTITIONED)
    failed = make(f"file:{tmp_path}?{PARTITIONED}", job="f", window={"from": "2026-11-02", "to": "2026-11-02"})
    failed.open(1)
    publish(failed, READING)
    failed.void(1, "failed")
    assert links(tmp_path) == named(tmp_path)
    end(tmp_path, "c", "2026-11-01", "2026-11-03T06:00:00.000Z", rows=3, how=PARTITIONED)
    assert links(tmp_path) == named(tmp_path)
    files = [file.removeprefix("file://") for listed in links(tmp_path).values() for file in listed]
    read = duckdb.read_parquet(files, hive_partitioning=True).query("t", "SELECT date, count(*) FROM t GROUP BY 1")
    assert {str(day): rows for day, rows in read.fetchall()} == {"2026-11-01": 3, "2026-11-02": 2}


def test_a_day_restated_without_rows_has_no_files_left(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z", how=PARTITIONED)
    end(tmp_path, "b", "2026-11-01", "2026-11-03T06:00:00.000Z", rows=0, how=PARTITIONED)
    assert links(tmp_path) == {"date=2026-11-01": []}


def test_readings_of_a_day_that_end_at_once_leave_the_links_of_the_newest(any_files: str) -> None:
    to = f"{any_files}&{PARTITIONED}"

    def finish(job: int) -> None:
        end_at(to, f"j{job}", "2026-11-01", f"2026-12-{job:02}T06:00:00.000Z", rows=job)

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(finish, (1, 8, 2, 7, 3, 6, 4, 5)))
    store = file_store(parse_address(to))
    (window,) = json.loads(store.read(Key("kargo/report/latest.json")) or b"{}")["windows"]
    assert window["job"] == "j8"
    listed = store.read(Key("kargo/report/_symlink_format_manifest/date=2026-11-01/manifest")) or b""
    assert listed.decode().splitlines() == [f"{store.uri}/kargo/report/{file}" for file in window["files"]]
    assert all(store.size(Key(line.removeprefix(f"{store.uri}/"))) for line in listed.decode().splitlines())


def test_a_job_that_is_overtaken_between_manifest_and_links_leaves_those_of_the_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, newer = DirectoryStore.change, ["b"]

    def overtaken(store: DirectoryStore, key: Key, make_content: Any) -> None:
        if key.name == "manifest" and newer:
            end(tmp_path, newer.pop(), "2026-11-01", "2026-11-03T06:00:00.000Z", rows=2, how=PARTITIONED)
        change(store, key, make_content)

    monkeypatch.setattr(DirectoryStore, "change", overtaken)
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z", how=PARTITIONED)
    assert links(tmp_path) == named(tmp_path)
    assert manifest(tmp_path)["windows"][0]["job"] == "b"


def test_an_end_that_is_repeated_completes_links_that_were_not_written(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z", how=PARTITIONED)
    written = links(tmp_path)
    (tmp_path / "kargo" / "report" / "_symlink_format_manifest" / "date=2026-11-01" / "manifest").unlink()
    window = {"from": "2026-11-01", "to": "2026-11-01"}
    make(f"file:{tmp_path}?{PARTITIONED}", job="a", window=window).finish(1, 1, {})
    assert links(tmp_path) == written


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("file:/srv/rows", "file:///srv/rows"),
        ("s3://rows/x?endpoint=https://store", "s3://rows/x"),
        ("gs://rows", "gs://rows"),
        ("az://rows/x?account=ours", "abfss://rows@ours.dfs.core.windows.net/x"),
        (
            "az://rows?account=ours&endpoint=https://ours.blob.core.chinacloudapi.cn",
            "abfss://rows@ours.dfs.core.chinacloudapi.cn",
        ),
        ("az://rows/x", ""),
    ],
)
def test_links_name_files_as_engines_do(address: str, uri: str) -> None:
    assert file_store(parse_address(address)).uri == uri


def test_without_partitions_there_are_no_links(tmp_path: Path) -> None:
    end(tmp_path, "a", "2026-11-01", "2026-11-02T06:00:00.000Z")
    assert not list(tmp_path.rglob("_symlink_format_manifest"))


def test_where_a_place_has_no_uri_there_are_no_links(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.uri = ""
    report = Key("kargo/report")
    note_latest(store, report, report / "date=2026-11-01" / "a", {"files": []})
    assert manifest(tmp_path)["windows"] == []
    assert not list(tmp_path.rglob("_symlink_format_manifest"))
