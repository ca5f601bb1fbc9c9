"""Faults of MediaMath: the variants on which its prose and its machine-readable definition disagree."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds, Role

MEDIAMATH = Kinds("mediamath")
_ROWS: set[Role] = {"page", "stream"}

MEDIAMATH.switch("page_bound", {"page"}, "The largest page_size.", rows=(int, 10_000))
MEDIAMATH.switch(
    "windows_conflict", _ROWS, "A query with both time_window and start_time is refused; otherwise time_window is used."
)
MEDIAMATH.switch(
    "current_date",
    _ROWS,
    "The window of today is called `current_date`, not `current_day`; with `beside`, both names work.",
    beside=(bool, False),
)
MEDIAMATH.switch("end_inclusive", _ROWS, "The report includes the bucket that begins at end_time.")
MEDIAMATH.switch(
    "week_start", _ROWS, "The weekday on which by_week begins.", day=(Literal["monday", "sunday"], "sunday")
)
MEDIAMATH.switch("uncapped_total", {"stream"}, "The header counts all rows although max_results sends fewer.")
MEDIAMATH.switch("agg_timestamp_first", _ROWS, "agg_timestamp is the first key of a row, not the last.")
