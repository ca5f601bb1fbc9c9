"""Checks a report's parameters and resolves them to the values that are sent: defaults, date macros, lists.

A wrong parameter is refused here, before any request. Dates relative to now are resolved once, when a job is made.
A list may be given as text: one item, or several separated by commas, such as `clicks,impressions`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from worker.durations import parse_duration
from worker.errors import BadInput, MissingInput
from worker.json_path import find_all
from worker.sources.json_schema_check import check_schema
from worker.sources.macros import Form, Moment, expand, rfc3339
from worker.sources.placeholders import as_text, fill, is_segment
from worker.sources.plain_json import require_plain_json
from worker.sources.schema import ColumnType, Delimited, Format, Param, ParamType, Read, Report
from worker.sources.templates import path_names
from worker.suggestions import did_you_mean, one_of, shorten

_ANYTHING = re.compile(".*", re.DOTALL)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_DATETIME = re.compile(_DATE.pattern + _TIME + r"([Zz]|[+-][0-9]{2}:[0-9]{2})")
_LOCAL_DATETIME = re.compile(_DATE.pattern + _TIME)

# A comma between items, but not one inside the format of a macro.
_COMMA = re.compile(r",(?![^{}]*\})")
_PLAIN_LIST = '["a", "b"]'
_LISTS: dict[str, str] = {"object": '[{"name": "value"}]', "list": "[[1, 2], [3]]"}

_FORMS: dict[ParamType, Form] = {
    "integer": "integer",
    "number": "integer",
    "date": "date",
    "datetime": "datetime",
    "local-datetime": "local-datetime",
    "object": "any",
    "any": "any",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """Parameters as they will be sent, and the dates they cover, if that is known."""

    params: dict[str, Any]
    window: dict[str, Any] | None


def resolve(report: Report, given: Mapping[str, Any], *, now: datetime, timezone: str) -> Resolved:
    """Add defaults, resolve macros in the time zone, and check everything.

    Raises BadInput that names the field. `given` is not changed.
    """
    moment = Moment(now, zone_of(timezone))
    present = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in report.params:
            raise BadInput(f"params.{name}", name, one_of(name, report.params, "parameters"))
    params: dict[str, Any] = {}
    for name, param in report.params.items():
        value = present.get(name, param.default)
        if value is not None:
            params[name] = resolve_value(f"params.{name}", param, value, moment)
        elif param.required:
            raise MissingInput(f"params.{name}", param.help or TYPES[param.type][1])
    _check_together(report, present, params)
    window = _find_window(report, params)
    # Joined last: until here the items of a list are needed, for the checks and for the window.
    for name, param in report.params.items():
        if name in params:
            params[name] = as_sent(param, params[name])
    return Resolved(params, window)


def read_for(report: Report, params: Mapping[str, Any]) -> Read:
    """The first entry of `read` whose `when` matches the parameters. Raises BadInput if there is none."""
    for read in report.read:
        if all(
            params.get(name) is not None if wanted == "*" else params.get(name) == wanted
            for name, wanted in read.when.items()
        ):
            return read
    raise BadInput("params", shorten(dict(params)), "parameters that match the `when` of one of the report's reads")


def as_sent(param: Param, value: Any) -> Any:
    """The value as a job keeps it: a list whose parameter has a `join` is one text."""
    return value if param.join is None else param.join.join(as_text(part) for part in value)


def columns_for(report: Report, params: Mapping[str, Any]) -> dict[str, ColumnType]:
    """The types of the declared columns, and of those that list parameters name."""
    named = {column: kind for name, kind in report.columns_from.items() for column in _items_of(report, params, name)}
    return {**named, **report.columns}


def required_columns(report: Report, params: Mapping[str, Any]) -> list[str] | None:
    """The columns that a file must have because parameters name them; None if no parameter names columns."""
    if not report.columns_from:
        return None
    return [column for name in report.columns_from for column in _items_of(report, params, name)]


def requested_columns(report: Report, params: Mapping[str, Any]) -> dict[str, ColumnType]:
    """The declared columns that the report will have: if parameters name columns, only those."""
    declared, required = columns_for(report, params), required_columns(report, params)
    return declared if required is None else {name: declared[name] for name in required}


def format_for(report: Report, read: Read, values: Mapping[str, Any]) -> Format:
    """The format of a read, completed by the parameters: whether there is a header, and which columns it must have."""
    declared = read.format
    if not isinstance(declared, Delimited):
        return declared
    header: Any = fill(declared.header, values) if isinstance(declared.header, str) else declared.header
    required = required_columns(report, values) if declared.required is None else declared.required
    return declared.model_copy(update={"header": True if header is None else bool(header), "required": required})


def _items_of(report: Report, params: Mapping[str, Any], name: str) -> list[str]:
    """The items of a list parameter, even if it is sent as one text."""
    value = params.get(name) or []
    separator = report.params[name].join
    return value.split(separator) if isinstance(value, str) and separator else list(map(str, value))


def zone_of(timezone: str, where: str = "timezone") -> ZoneInfo:
    """The time zone with this IANA name. Raises BadInput with close names; `where` is the field, for the message."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = did_you_mean(timezone, available_timezones())
        raise BadInput(where, timezone, f"an IANA time zone such as Europe/Berlin{hint}") from error


def _check_together(report: Report, present: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Check the rules that involve several parameters."""
    for group in report.one_of:
        found = [name for name in group if name in params]
        if len(found) != 1:
            raise BadInput("params", " and ".join(found) or "none of them", f"exactly one of {', '.join(group)}")
    for name, given in present.items():
        param = report.params[name]
        if missing := next((other for other in param.needs if other not in params), None):
            raise BadInput(f"params.{name}", shorten(given), f"{missing} beside it")
        if excluded := next((other for other in param.excludes if other in present), None):
            raise BadInput(f"params.{name}", shorten(given), f"no {excluded} beside it")
    if report.json_schema:
        check_schema(dict(params), report.json_schema, "params")
    for name in sorted(path_names(report)):
        if name in params and not is_segment(str(params[name])):
            raise BadInput(f"params.{name}", params[name], "a name or id that can be part of a URL's path")


def _find_window(report: Report, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """The dates the parameters cover; None if the source file does not say or they are not given."""
    if report.window is None:
        return None
    window: dict[str, Any] = {end: next(iter(find_all(params, path)), None) for end, path in report.window.items()}
    first, last = window.get("from"), window.get("to")
    if first is None and last is None:
        return None
    if first is not None and last is not None:
        _check_window(report.window, report, first, last)
    return window


def _check_window(window: Mapping[Any, str], report: Report, first: Any, last: Any) -> None:
    """Raise BadInput for a window that ends before it begins, or is longer than the vendor accepts.

    Ends that cannot be compared are accepted: they may be dates, numbers, or words of the vendor's own.
    """
    is_text = isinstance(first, str) and isinstance(last, str)
    with suppress(TypeError, ValueError):
        if (datetime.fromisoformat(first) > datetime.fromisoformat(last)) if is_text else first > last:
            raise BadInput(f"params.{window['to']}", last, f"{window['from']}, which is {first}, or later")
    if report.window_at_most is None:
        return
    with suppress(ValueError):
        length = datetime.fromisoformat(str(last)) - datetime.fromisoformat(str(first))
        if _is_date(last) and report.window_ends == "inclusive":
            length += timedelta(days=1)
        if length.total_seconds() > parse_duration(report.window_at_most, "window_at_most"):
            allowed = f"a window of at most {report.window_at_most} from {first} on"
            raise BadInput(f"params.{window['to']}", last, allowed)


# ---------------------------------------------------------------- one value


def resolve_value(where: str, param: Param, value: Any, moment: Moment) -> Any:
    """The value as it will be sent. Raises BadInput that names the place inside the value, after `where`."""
    require_plain_json(value, where)
    if param.type == "list":
        return _resolve_list(where, param, value, moment)
    value = expand(value, _FORMS.get(param.type, "text"), moment, where)
    value = _convert(where, param.type, value, moment, param.date_adds)
    if param.allowed is not None and value not in param.allowed:
        raise BadInput(where, value, one_of(value, param.allowed, "values"))
    if param.pattern is not None and not re.fullmatch(param.pattern, str(value)):
        raise BadInput(where, value, param.help or f"text of the form {param.pattern}")
    bounds = {"at least": param.minimum, "at most": param.maximum}
    is_below = param.minimum is not None and value < param.minimum
    if is_below or (param.maximum is not None and value > param.maximum):
        allowed = " and ".join(f"{side} {bound:g}" for side, bound in bounds.items() if bound is not None)
        raise BadInput(where, value, f"a number of {allowed}")
    if param.json_schema:
        check_schema(value, param.json_schema, where)
    return value


def _resolve_list(where: str, param: Param, value: Any, moment: Moment) -> list[Any]:
    kind = param.items or "any"
    items = _split_items(where, kind, value)
    require_plain_json(items, where)
    values = expand(items, _FORMS.get(kind, "text"), moment, where)
    values = [_convert(f"{where}.{place}", kind, part, moment, param.date_adds) for place, part in enumerate(values)]
    if len(values) < (param.min_items or 0):
        raise BadInput(where, values, f"at least {param.min_items} of them")
    if param.max_items is not None and len(values) > param.max_items:
        raise BadInput(where, f"{len(values)} of them", f"at most {param.max_items}")
    for place, part in enumerate(values):
        if param.items_allowed is not None and part not in param.items_allowed:
            raise BadInput(f"{where}.{place}", part, one_of(part, param.items_allowed))
        if param.unique and part in values[:place]:
            raise BadInput(f"{where}.{place}", part, "each value once")
    if param.json_schema:
        check_schema(values, param.json_schema, where)
    return values


def _split_items(where: str, kind: ParamType, value: Any) -> list[Any]:
    """The items of a list, which may be given as a list, as a text with commas, or as a single item.

    If numbers or booleans are wanted, each item is read as JSON; one that is not JSON stays text and is refused later.
    """
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict) or kind in _LISTS:
        raise BadInput(where, shorten(value), f"a list, such as {_LISTS.get(kind, _PLAIN_LIST)}")
    if not isinstance(value, str):
        return [value]
    parts: list[Any] = [part.strip() for part in _COMMA.split(value)]
    if "" in parts:
        raise BadInput(where, value, "items with commas between them, none of them empty")
    if kind in ("integer", "number", "boolean"):
        for position, text in enumerate(parts):
            with suppress(ValueError):
                parts[position] = json.loads(text)
    return parts


def _convert(where: str, kind: ParamType, value: Any, moment: Moment, date_adds: str) -> Any:
    if _is_date(value) and (kind == "local-datetime" or (kind == "datetime" and date_adds)):
        return value + date_adds
    if _is_date(value) and kind == "datetime":
        return rfc3339(moment.midnight(datetime.fromisoformat(value).replace(tzinfo=moment.zone)))
    if kind == "string" and isinstance(value, int) and not isinstance(value, bool):
        # On the command line an id of digits is read as a number; it is still an id.
        return str(value)
    is_right, allowed = TYPES[kind]
    if not is_right(value):
        hint = did_you_mean(value, available_timezones()) if kind == "timezone" else ""
        raise BadInput(where, shorten(value), allowed + hint)
    return value


def _is_text(form: re.Pattern[str], parse: Callable[[str], object]) -> Callable[[Any], bool]:
    """Returns a function: is a value text of this form that can be parsed?"""

    def is_right(value: Any) -> bool:
        try:
            return isinstance(value, str) and form.fullmatch(value) is not None and bool(parse(value))
        except (ValueError, ZoneInfoNotFoundError, OSError):
            return False

    return is_right


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


_is_date = _is_text(_DATE, date.fromisoformat)


TYPES: dict[ParamType, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "text"),
    "integer": (lambda value: isinstance(value, int) and not isinstance(value, bool), "an integer"),
    "number": (lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool), "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "date": (_is_date, "a date such as 2026-11-20 or {yesterday}"),
    "datetime": (
        _is_text(_DATETIME, _parse_time),
        "a date, or a time with its offset such as 2026-11-20T00:00:00Z, or a macro such as {yesterday}",
    ),
    "local-datetime": (
        _is_text(_LOCAL_DATETIME, _parse_time),
        "a date, or a time without offset such as 2026-11-20T00:00:00.000, or a macro such as {yesterday}",
    ),
    "timezone": (_is_text(_ANYTHING, ZoneInfo), "an IANA time zone such as America/New_York"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "any": (lambda _: True, "anything"),
}
"""How a value of each type is recognized, and what it is in words."""
