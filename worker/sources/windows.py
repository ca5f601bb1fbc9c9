"""Puts a span of days into a report's parameters, at the places its source file declares as `window`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from worker.errors import BadInput
from worker.sources.date_forms import write_date
from worker.sources.macros import rfc3339
from worker.sources.schema import Report


def put_window(report: Report, params: Mapping[str, Any], first: datetime, end: datetime) -> dict[str, Any]:
    """The parameters with the report's window set to [first, end); `params` is not changed.

    Both ends must be in the time zone of the dates. Raises BadInput if the report's window cannot be set, or if
    `params` lacks the list that it is part of.
    """
    if reason := why_fixed(report):
        raise BadInput("window", f"{first.date()} to {end.date()}", reason)
    assert report.window is not None  # noqa: S101 - `why_fixed` has checked it
    last = end if report.window_ends == "exclusive" else end - timedelta(seconds=1)
    moved: dict[str, Any] = dict(params)
    for side, moment in (("from", first), ("to", last)):
        path = report.window[side]  # type: ignore[index]
        declared = report.params.get(path)
        value: str | int
        if report.window_form:
            value = write_date(moment, report.window_form)
            # Digits such as 2026110100 are sent as a number, unless the parameter is declared with another type.
            if value.isdigit() and (declared is None or declared.type == "integer"):
                value = int(value)
        else:
            value = _WRITERS[report.params[path].type](moment)
        moved = _with_value(moved, path.split("."), value, f"params.{path}")
    return moved


def why_fixed(report: Report) -> str:
    """What the report lacks for its window to be set, for messages; empty if it can be set."""
    if report.window is None or {"from", "to"} - report.window.keys():
        return "a report whose source file says where its window begins and ends (`window`)"
    for path in report.window.values():
        if not report.window_form and ("." in path or report.params[path].type not in _WRITERS):
            return f"a report whose source file says how {path} writes dates (`window_form`)"
    return ""


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "date": lambda at: at.date().isoformat(),
    "datetime": rfc3339,
    "local-datetime": lambda at: at.replace(tzinfo=None).isoformat(timespec="milliseconds"),
}


def _with_value(inside: Any, steps: list[str], value: Any, where: str) -> Any:
    """A copy of `inside` with the value at the path `steps`; `*` is every list item that has the next step."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step != "*":
        known = inside if isinstance(inside, Mapping) else {}
        if rest and step not in known:
            raise BadInput(where, "nothing", f"{step}, which the window is put into")
        return {**known, step: _with_value(known.get(step), rest, value, where)}
    if isinstance(inside, list):
        holders = [part for part in inside if isinstance(part, Mapping) and rest[0] in part]
        if holders:
            return [_with_value(part, rest, value, where) if part in holders else part for part in inside]
    raise BadInput(where, "nothing", f"a list with {rest[0]}, which the window is put into")
