"""A job says which columns are new or gone since the same report was last done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.fake_vendor import Answer, Request
from tests.in_process import World, world
from tests.source_files import report, source
from worker.metrics import read_counters
from worker.model import Job

READ = {"request": {"path": "/r", "query": {"day": "{day}", "by": "{by}"}}, "format": {"kind": "json", "rows": [""]}}
SOURCE = source(report(READ, params={"day": {"type": "date"}, "by": {}}, window={"from": "day", "to": "day"}))


class Changing:
    """A vendor whose rows are what the test says."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Answer:
        return Answer(self.rows)


@pytest.fixture
def vendor() -> Changing:
    return Changing()


@pytest.fixture
def made(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: Changing) -> Iterator[World]:
    with world(redis, tmp_path, SOURCE, vendor, monkeypatch) as found:
        yield found


def done(made: World, day: int, by: str = "campaign") -> Job:
    made.ask(params={"day": f"2026-11-{day:02}", "by": by})
    assert made.run()["state"] == "done"
    return made.job


def test_columns_that_are_new_or_gone_are_named_against_the_last_done_job(made: World, vendor: Changing) -> None:
    vendor.rows = [{"id": 1, "clicks": 2}]
    first = done(made, 1)
    assert (first.columns_added, first.columns_gone) == ((), ())
    vendor.rows = [{"clicks": 2, "spend": 3, "id": 1, "cpm": 1}]
    second = done(made, 2)
    assert (second.columns_added, second.columns_gone) == (("cpm", "spend"), ())
    vendor.rows = [{"id": 1, "spend": 3}]
    third = done(made, 3)
    assert (third.columns_added, third.columns_gone) == ((), ("clicks", "cpm"))
    assert done(made, 4).columns_gone == ()
    assert ("millrace_columns_changed_total", ("v", "r"), 2.0) in list(read_counters(made.services.redis))


def test_a_page_may_begin_with_a_row_that_no_program_reads(made: World, vendor: Changing) -> None:
    vendor.rows = [{"id": 1}]
    done(made, 1)
    vendor.rows = [{"id": "\ud83d"}, *({"id": number, "new": 1} for number in range(200))]
    assert done(made, 2).columns_added == ("new",)


def test_a_request_with_other_parameters_is_not_compared(made: World, vendor: Changing) -> None:
    vendor.rows = [{"id": 1, "clicks": 2}]
    done(made, 1)
    vendor.rows = [{"id": 1, "site": "x"}]
    assert done(made, 2, by="site").columns_added == ()


def test_a_report_without_rows_has_lost_no_columns(made: World, vendor: Changing) -> None:
    vendor.rows = [{"id": 1}]
    done(made, 1)
    vendor.rows = []
    assert done(made, 2).columns_gone == ()
    vendor.rows = [{"id": 1, "new": 2}]
    assert done(made, 3).columns_added == ("new",)
