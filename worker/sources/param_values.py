"""One parameter's value: its macros resolved, its type and its bounds checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from worker.errors import BadInput
from worker.sources.json_schemas import check_schema
from worker.sources.macros import Form, Moment, expand, rfc3339
from worker.sources.schema import Param, ParamType
from worker.suggestions import did_you_mean, one_of, shortened

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
_DATETIME = re.compile(_DATE.pattern + _TIME + r"([Zz]|[+-][0-9]{2}:[0-9]{2})")
_LOCAL_DATETIME = re.compile(_DATE.pattern + _TIME)

_FORMS: dict[ParamType, Form] = {
    "integer": "integer",
    "number": "integer",
    "date": "date",
    "datetime": "datetime",
    "local-datetime": "local-datetime",
    "object": "any",
    "any": "any",
}


def checked(where: str, param: Param, value: Any, moment: Moment) -> Any:
    """The value as it will be sent. Raises BadInput that names the place inside the value."""
    try:
        return _checked(where, param, value, moment)
    except RecursionError as error:
        raise BadInput(where, "a value nested too deep", "one that can be read") from error


def _checked(where: str, param: Param, value: Any, moment: Moment) -> Any:
    if param.type == "list":
        return _checked_list(where, param, value, moment)
    value = expand(value, _FORMS.get(param.type, "text"), moment, where)
    value = _typed(where, param.type, value, moment, param.date_adds)
    _check_bounds(where, param, value)
    if param.json_schema:
        check_schema(value, param.json_schema, where)
    return value


def _checked_list(where: str, param: Param, value: Any, moment: Moment) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise BadInput(where, shortened(value), 'a list, such as ["a", "b"]')
    kind = param.items or "any"
    values = expand(list(value), _FORMS.get(kind, "text"), moment, where)
    values = [_typed(f"{where}.{place}", kind, part, moment, param.date_adds) for place, part in enumerate(values)]
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


def _check_bounds(where: str, param: Param, value: Any) -> None:
    if param.allowed is not None and value not in param.allowed:
        raise BadInput(where, value, one_of(value, param.allowed, "values"))
    if param.pattern is not None and not re.fullmatch(param.pattern, str(value)):
        raise BadInput(where, value, param.help or f"text of the form {param.pattern}")
    below = param.minimum is not None and value < param.minimum
    if below or (param.maximum is not None and value > param.maximum):
        lowest = "any" if param.minimum is None else f"{param.minimum:g}"
        highest = "any" if param.maximum is None else f"{param.maximum:g}"
        raise BadInput(where, value, f"a number from {lowest} to {highest}")


def _typed(where: str, kind: ParamType, value: Any, moment: Moment, date_adds: str) -> Any:
    if kind in ("datetime", "local-datetime") and isinstance(value, str) and _is_date(value):
        return _completed(value, kind, moment, date_adds)
    if kind == "string" and isinstance(value, int) and not isinstance(value, bool):
        # On a command line an id made of digits reads as a number; it is still an id.
        return str(value)
    is_right, allowed = _TYPES[kind]
    if not is_right(value):
        hint = did_you_mean(value, available_timezones()) if kind == "timezone" else ""
        raise BadInput(where, shortened(value), allowed + hint)
    return value


def _completed(day: str, kind: ParamType, moment: Moment, date_adds: str) -> str:
    """A bare date with what the source file adds to it. Else a datetime is its midnight, and a local one stays."""
    if date_adds or kind == "local-datetime":
        return day + date_adds
    return rfc3339(moment.midnight(datetime.fromisoformat(day).replace(tzinfo=moment.zone)))


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_moment(form: re.Pattern[str]) -> Callable[[Any], bool]:
    def is_moment(value: Any) -> bool:
        if not isinstance(value, str) or not form.fullmatch(value):
            return False
        try:
            datetime.fromisoformat(value.upper())
        except ValueError:
            return False
        return True

    return is_moment


def _is_zone(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ZoneInfo(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_TYPES: dict[ParamType, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "text"),
    "integer": (lambda value: isinstance(value, int) and not isinstance(value, bool), "an integer"),
    "number": (_is_number, "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "date": (_is_date, "a date such as 2026-11-20 or {yesterday}"),
    "datetime": (
        _is_moment(_DATETIME),
        "a date, or a time with its offset such as 2026-11-20T00:00:00Z, or a macro such as {yesterday}",
    ),
    "local-datetime": (
        _is_moment(_LOCAL_DATETIME),
        "a date, or a time without offset such as 2026-11-20T00:00:00.000, or a macro such as {yesterday}",
    ),
    "timezone": (_is_zone, "an IANA time zone such as America/New_York"),
    "object": (lambda value: isinstance(value, dict), "an object"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "any": (lambda _: True, "anything"),
}
