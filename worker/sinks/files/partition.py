"""Names the partition of a job for the dates that it covers, as Hive does: `date=2026-11-01`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from worker.errors import BadInput

ALLOWED = "a report with a window, both ends given as dates, for partition=window"

# 2026-11-01, 20261101, 2026110123, 2026-11-01T23:59:59.999Z
_moment = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)T?([\d:.]*)(?:Z|[+-]\d\d:?\d\d)?", re.ASCII).fullmatch
_is_first = re.compile(r"[0:.]*").fullmatch
_is_last = re.compile(r"(23(:?59(:?59(\.9+)?)?)?)?").fullmatch
# 2026-11-02T00:00, with minutes, is the end of the day before; 2026110200, without, is the first hour of the next day.
_is_midnight = re.compile(r"00:?00[0:.]*").fullmatch


def partition(window: Mapping[str, Any] | None) -> list[str]:
    """`date=D` for a window of one day, `from=D` and `to=D` for any other. Raises BadInput if there is no window."""
    first, last = (str((window or {}).get(end) or "") for end in ("from", "to"))
    for end, given in (("from", first), ("to", last)):
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z:+_.-]{0,63}", given):
            raise BadInput(f"to: partition: window.{end}", given or None, ALLOWED)
    day = _find_day(first, last)
    return [f"date={day}"] if day else [f"from={first}", f"to={last}"]


def _find_day(first: str, last: str) -> str | None:
    """The day, if a window covers exactly one whole day, however its ends are written; None for any other window."""
    if not (begin := _moment(first)) or not (end := _moment(last)):
        return first if first == last else None
    try:
        day, other = (date(*map(int, moment.group(1, 2, 3))) for moment in (begin, end))
    except ValueError:
        return first if first == last else None
    is_to_its_end = (day == other and _is_last(end[4])) or (other - day == timedelta(1) and _is_midnight(end[4]))
    return day.isoformat() if _is_first(begin[4]) and is_to_its_end else None
