"""Parameters: what was given becomes what is sent, or a message that says what is wrong.

A wrong parameter costs a message, never a request. Dates relative to now are resolved here, once, when a job is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from worker.errors import BadInput
from worker.sources.checks import path_names
from worker.sources.json_schemas import check_schema
from worker.sources.macros import Moment
from worker.sources.param_values import checked
from worker.sources.placeholders import is_segment
from worker.sources.schema import ColumnType, Param, Read, Report
from worker.suggestions import did_you_mean, one_of, shortened


@dataclass(frozen=True, slots=True)
class Resolved:
    """Parameters as they will be sent, and the dates they cover where that is known."""

    params: dict[str, Any]
    window: dict[str, Any] | None


def resolve(report: Report, given: Mapping[str, Any], *, now: datetime, timezone: str) -> Resolved:
    """Defaults added, macros resolved in the time zone, everything checked.

    Raises BadInput naming the field. The same arguments give the same answer; nothing given is changed.
    """
    moment = Moment(now, zone_of(timezone))
    present = {name: value for name, value in given.items() if value is not None}
    _check_names(report, given)
    params: dict[str, Any] = {}
    for name, param in report.params.items():
        value = present.get(name, param.default)
        if value is not None:
            params[name] = checked(f"params.{name}", param, value, moment)
        elif param.required:
            raise BadInput(f"params.{name}", "nothing", f"a value: {param.help or param.type}")
    _check_together(report, present, params)
    window = _window(report, params)
    _join(report, params)
    return Resolved(params, window)


def read_for(report: Report, params: Mapping[str, Any]) -> Read:
    """The first way of reading whose `when` agrees with the parameters."""
    for read in report.read:
        if all(
            params.get(name) is not None if wanted == "*" else params.get(name) == wanted
            for name, wanted in read.when.items()
        ):
            return read
    raise BadInput("params", shortened(dict(params)), "parameters one of the report's ways of reading is for")


def columns_for(report: Report, params: Mapping[str, Any]) -> dict[str, ColumnType]:
    """The declared columns, and those that list parameters name."""
    named = {column: kind for name, kind in report.columns_from.items() for column in _listed(report, params, name)}
    return {**named, **report.columns}


def required_columns(report: Report, params: Mapping[str, Any]) -> list[str] | None:
    """The columns a file must have because they were asked for; None where no parameter says, so that all count."""
    if not report.columns_from:
        return None
    return [column for name in report.columns_from for column in _listed(report, params, name)]


def _listed(report: Report, params: Mapping[str, Any], name: str) -> list[str]:
    """What a list parameter names, also where it is sent as one text."""
    value = params.get(name) or []
    separator = report.params[name].join
    return value.split(separator) if isinstance(value, str) and separator else list(map(str, value))


def zone_of(timezone: str) -> ZoneInfo:
    """The time zone of this IANA name. Raises BadInput with close names."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = did_you_mean(timezone, available_timezones())
        raise BadInput("timezone", timezone, f"an IANA time zone such as Europe/Berlin{hint}") from error


def _check_names(report: Report, given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in report.params:
            raise BadInput(f"params.{name}", name, one_of(name, report.params, "parameters"))


def _check_together(report: Report, present: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """What no parameter can be judged on alone."""
    for group in report.one_of:
        found = [name for name in group if name in params]
        if len(found) != 1:
            raise BadInput("params", " and ".join(found) or "none of them", f"exactly one of {', '.join(group)}")
    for name, param in report.params.items():
        if name in present:
            _check_beside(name, param, present, params)
    if report.json_schema:
        check_schema(dict(params), report.json_schema, "params")
    for name in sorted(path_names(report)):
        if name in params and not is_segment(str(params[name])):
            raise BadInput(f"params.{name}", params[name], "a name or id that can stand in a URL's path")


def _check_beside(name: str, param: Param, present: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    for other in param.needs:
        if other not in params:
            raise BadInput(f"params.{name}", shortened(present[name]), f"{other} beside it")
    for other in param.excludes:
        if other in present:
            raise BadInput(f"params.{name}", shortened(present[name]), f"no {other} beside it")


def _window(report: Report, params: Mapping[str, Any]) -> dict[str, Any] | None:
    if report.window is None:
        return None
    window: dict[str, Any] = {end: next(_at(params, path.split(".")), None) for end, path in report.window.items()}
    first, last = window.get("from"), window.get("to")
    if first is None and last is None:
        return None
    if first is not None and last is not None and _is_after(first, last):
        raise BadInput(
            f"params.{report.window['to']}", last, f"nothing before {report.window['from']}, which is {first}"
        )
    return window


def _is_after(first: Any, last: Any) -> bool:
    """Whether a window would end before it begins, as far as its ends can be compared."""
    try:
        if isinstance(first, str) and isinstance(last, str):
            return datetime.fromisoformat(first) > datetime.fromisoformat(last)
        return bool(first > last)
    except (TypeError, ValueError):
        return False


def _at(value: Any, steps: list[str]) -> Iterator[Any]:
    """Every value the steps lead to; `*` is any position of a list."""
    if not steps:
        yield value
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from _at(value[steps[0]], steps[1:])
    elif isinstance(value, list) and steps[0] == "*":
        for part in value:
            yield from _at(part, steps[1:])


def _join(report: Report, params: dict[str, Any]) -> None:
    for name, param in report.params.items():
        if param.join is not None and name in params:
            params[name] = param.join.join(str(part) for part in params[name])
