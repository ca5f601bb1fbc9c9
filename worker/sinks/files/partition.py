"""The directories that tell engines which dates a job's files cover: `date=2026-11-01`, as Hive names partitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from worker.errors import BadInput

ALLOWED = "a report with a window, both ends given as dates, for partition=window"


def partition(window: Mapping[str, Any] | None) -> list[str]:
    """`date=D` for a window of one date, `from=D` and `to=D` for a longer one. Raises BadInput where there is none."""
    first, last = (str((window or {}).get(end) or "") for end in ("from", "to"))
    for end, date in (("from", first), ("to", last)):
        if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z:+_.-]{0,63}", date):
            raise BadInput(f"to: partition: window.{end}", date or None, ALLOWED)
    return [f"date={first}"] if first == last else [f"from={first}", f"to={last}"]
