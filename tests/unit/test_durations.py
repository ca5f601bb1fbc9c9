"""Durations as they are written and read."""

from __future__ import annotations

import pytest

from worker.durations import format_duration, parse_duration


@pytest.mark.parametrize("text", ["1s", "90s", "15m", "36h", "2d", "3w"])
def test_a_duration_reads_as_it_was_written(text: str) -> None:
    assert format_duration(parse_duration(text, "x")).replace(" ", "") == text


@pytest.mark.parametrize(("seconds", "said"), [(7200, "2 h"), (86_400, "1 d"), (0.5, "0.5 s"), (5400, "90 m")])
def test_a_duration_is_told_in_its_largest_whole_unit(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said
