"""A span of days in the parameters of every packaged report that has a window."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from worker.durations import format_duration, parse_duration
from worker.errors import BadInput
from worker.sources.loading import load_catalogue
from worker.sources.schema import Report
from worker.sources.windows import put_window

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, END = datetime(2026, 11, 1, tzinfo=BERLIN), datetime(2026, 11, 2, tzinfo=BERLIN)
HOURS = [{"status": {"op": "eq"}}, {"day_time_id": {"op": "between", "start": 1, "end": 2}}]


def report(name: str) -> Report:
    source, _, report = name.partition(".")
    return load_catalogue().sources[source].reports[report]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("instal.advertiser-export", {"interval": "hourly"}, {"start_date": "2026-11-01", "stop_date": "2026-11-01"}),
        (
            "mediamath.performance",
            {},
            {"start_time": "2026-11-01T00:00:00+01:00", "end_time": "2026-11-02T00:00:00+01:00"},
        ),
        (
            "kargo.campaign-performance-metrics",
            {"filters": HOURS},
            {"filters": [HOURS[0], {"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}]},
        ),
    ],
)
def test_a_day_goes_into_the_parameter_that_the_source_file_declares(
    name: str, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    before = repr(given)
    assert put_window(report(name), given, FIRST, END) == {**given, **expected}
    assert repr(given) == before


def test_a_list_that_holds_the_window_must_be_given() -> None:
    with pytest.raises(BadInput, match="day_time_id"):
        put_window(report("kargo.campaign-performance-metrics"), {"filters": HOURS[:1]}, FIRST, END)


def test_a_report_without_window_says_so() -> None:
    with pytest.raises(BadInput, match="window"):
        put_window(report("kargo.report-definitions"), {}, FIRST, END)


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize("text", ["1s", "90s", "15m", "36h", "2d", "3w"])
def test_a_duration_reads_as_it_was_written(text: str) -> None:
    assert format_duration(parse_duration(text, "x")).replace(" ", "") == text


@pytest.mark.parametrize(("seconds", "shown"), [(7200, "2 h"), (86_400, "1 d"), (0.5, "0.5 s"), (5400, "90 m")])
def test_a_duration_is_shown_in_its_largest_whole_unit(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown
