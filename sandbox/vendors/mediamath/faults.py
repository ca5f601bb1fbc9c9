"""MediaMath's own switches: where its prose and its machine-readable definition disagree."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kinds, choice, roles

MEDIAMATH = Kinds("mediamath")
MEDIAMATH.switch("page_bound", roles("page"), "The largest page_size.", rows=Arg(int, 10_000))
MEDIAMATH.switch(
    "windows_conflict", roles("page", "stream"), "time_window beside start_time is refused, instead of winning."
)
MEDIAMATH.switch(
    "current_date",
    roles("page", "stream"),
    "The window of today is called `current_date`, not `current_day`; `beside`: either.",
    beside=Arg(bool, False),
)
MEDIAMATH.switch(
    "end_inclusive", roles("page", "stream"), "A bucket that begins at end_time still belongs to the report."
)
MEDIAMATH.switch(
    "week_start",
    roles("page", "stream"),
    "The weekday on which by_week begins.",
    day=choice("monday", "sunday", default="sunday"),
)
MEDIAMATH.switch("uncapped_total", roles("stream"), "The header counts all rows although max_results sends fewer.")
MEDIAMATH.switch(
    "agg_timestamp_first", roles("page", "stream"), "agg_timestamp is the first key of a row, not the last."
)
