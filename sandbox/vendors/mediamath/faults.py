"""MediaMath's own switches: where its prose and its machine-readable definition disagree."""

from __future__ import annotations

from typing import Literal

from sandbox.faults.kind import Kinds, Role

MEDIAMATH = Kinds("mediamath")
_ROWS: set[Role] = {"page", "stream"}

MEDIAMATH.switch("page_bound", {"page"}, "The largest page_size.", rows=(int, 10_000))
MEDIAMATH.switch("windows_conflict", _ROWS, "time_window beside start_time is refused, instead of winning.")
MEDIAMATH.switch(
    "current_date",
    _ROWS,
    "The window of today is called `current_date`, not `current_day`; `beside`: either.",
    beside=(bool, False),
)
MEDIAMATH.switch("end_inclusive", _ROWS, "A bucket that begins at end_time still belongs to the report.")
MEDIAMATH.switch(
    "week_start", _ROWS, "The weekday on which by_week begins.", day=(Literal["monday", "sunday"], "sunday")
)
MEDIAMATH.switch("uncapped_total", {"stream"}, "The header counts all rows although max_results sends fewer.")
MEDIAMATH.switch("agg_timestamp_first", _ROWS, "agg_timestamp is the first key of a row, not the last.")
