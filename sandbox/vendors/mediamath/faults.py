"""MediaMath's own switches: where its prose and its machine-readable definition disagree."""

from __future__ import annotations

from sandbox.faults.kind import Arg, Kind, choice, roles

_PAGE = roles("page")
_QUERY = roles("page", "stream")
_MEDIAMATH = frozenset({"mediamath"})

MEDIAMATH_KINDS: tuple[Kind, ...] = (
    Kind("page_bound", _PAGE, "The largest page_size.", {"rows": Arg(int, 10_000)}, _MEDIAMATH),
    Kind("windows_conflict", _QUERY, "time_window beside start_time is refused, instead of winning.", {}, _MEDIAMATH),
    Kind(
        "current_date",
        _QUERY,
        "The window of today is called `current_date`, not `current_day`; `beside`: either.",
        {"beside": Arg(bool, False)},
        _MEDIAMATH,
    ),
    Kind("end_inclusive", _QUERY, "A bucket that begins at end_time still belongs to the report.", {}, _MEDIAMATH),
    Kind(
        "week_start",
        _QUERY,
        "The weekday on which by_week begins.",
        {"day": choice("monday", "sunday", default="sunday")},
        _MEDIAMATH,
    ),
    Kind(
        "uncapped_total",
        roles("stream"),
        "The header counts all rows although max_results sends fewer.",
        {},
        _MEDIAMATH,
    ),
    Kind("agg_timestamp_first", _QUERY, "agg_timestamp is the first key of a row, not the last.", {}, _MEDIAMATH),
)
