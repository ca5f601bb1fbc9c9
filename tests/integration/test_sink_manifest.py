"""`latest.json`: the newest done job of each window, whatever order they end in."""

from __future__ import annotations

import ast
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet

from tests.sinks import READING, make, publish
from worker.model import Totals

ROOT = Path(__file__).parents[2]


def end(directory: Path, job: str, day: str, ready_at: str, rows: int = 1, how: str = "format=parquet") -> None:
    """Bring a job about one day to its end."""
    sink = make(f"file:{directory}?{how}", job=job)
    sink.open(1)
    publish(sink, READING[:rows])
    totals = sink.tally(1, 1)
    assert isinstance(totals, Totals)
    receipt = {
        "connection": "kargo", "report": "report", "job": job, "params": {"day": day}, "rows": totals.rows,
        "window": {"from": day, "to": day}, "ready_at": ready_at, "digest": totals.digest,
    }  # fmt: skip
    assert isinstance(sink.finish(1, 1, receipt), dict)


def manifest(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "kargo" / "report" / "latest.json").read_text())
    return content


def test_the_manifest_names_the_newest_reading_of_each_window_whichever_ended_last(tmp_path: Path) -> None:
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


def page_of(directory: Path) -> str:
    """What the guide says of reading files, about a report with three windows, one restated and one without rows."""
    for day, job, ready_at, rows in (("1", "a", "1", 3), ("2", "b", "1", 3), ("1", "c", "2", 3), ("3", "d", "1", 0)):
        end(directory, job, f"2026-11-0{day}", f"2026-11-0{ready_at}T06:00:00.000Z", rows=rows)
    page = (ROOT / "docs" / "consuming.md").read_text().partition("## Consuming files")[2]
    return page.replace("rows/kargo/report", str(directory / "kargo" / "report")).replace("/JOB/", "/c/")


def test_the_guides_sql_reads_the_manifest_and_a_receipt(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for names, expected in ((None, [1, 1, 2, 2, 3, 3]), (re.search(r"`(\(SELECT list.+?)`", page), [1, 2, 3])):
        (script,) = re.findall(r"```sql\n(.+?)```", page, re.DOTALL)
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
