"""Resolves date macros in parameters: dates relative to now.

    {today} {yesterday} {now}            2026-11-21   2026-11-20   2026-11-21T06:50:33Z
    {today-7d} {now-3h} {now+30m}        d days, w weeks: the same time of day; h hours, m minutes: elapsed time
    {yesterday:%Y%m%d00}                 a format of your own, by strftime's letters; %s is seconds since the epoch

All macros of a job are resolved in one time zone and at one moment. Text that is only one macro gets the format its
parameter needs: a date, a time with offset, or an integer if it has only digits and the parameter is not text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from worker.errors import BadInput
from worker.sources.date_forms import check_form, write_date
from worker.suggestions import close_names

Form = Literal["text", "integer", "date", "datetime", "local-datetime", "any"]

NAMES = ("today", "yesterday", "now")
_MACRO = re.compile(r"\{(today|yesterday|now)(?:([+-])([0-9]{1,6})([wdhm]))?(?::([^{}]+))?\}")
_ALMOST = re.compile(r"\{\s*([A-Za-z]+)[^{}]*\}")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_ALLOWED = "{today}, {yesterday} or {now}, optionally with + or - a number of d or w (h or m after now), and :FORMAT"


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment at which macros are resolved, and their time zone."""

    now: datetime
    zone: ZoneInfo

    def midnight(self, day: datetime) -> datetime:
        """The first moment of a day, even if the clocks skip midnight."""
        return _existing(day.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def expand(value: Any, form: Form, moment: Moment, where: str) -> Any:
    """The value with every macro in it resolved, at any depth. Raises BadInput for a macro that is misspelt."""
    if isinstance(value, str):
        return _expand_text(value, form, moment, where)
    if isinstance(value, dict):
        return {str(key): expand(part, "any", moment, f"{where}.{key}") for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [expand(part, form, moment, f"{where}.{position}") for position, part in enumerate(value)]
    return value


def rfc3339(at: datetime) -> str:
    """A moment with its offset, `Z` for UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _expand_text(text: str, form: Form, moment: Moment, where: str) -> Any:
    whole = _MACRO.fullmatch(text)
    if whole:
        written = _write_macro(whole, form, moment, where)
        is_number = form in ("integer", "any") and whole[5] and written.isdigit() and str(int(written)) == written
        return int(written) if is_number else written
    expanded = _MACRO.sub(lambda found: _write_macro(found, "text", moment, where), text)
    for almost in _ALMOST.finditer(_MACRO.sub("", text)):
        if almost[1].casefold() in NAMES or close_names(almost[1], NAMES):
            raise BadInput(where, almost[0], _ALLOWED)
    return expanded


def _write_macro(macro: re.Match[str], form: Form, moment: Moment, where: str) -> str:
    try:
        at = _resolve_moment(macro, moment, where)
    except OverflowError as error:
        raise BadInput(where, macro[0], "a date between the years 1 and 9999") from error
    if macro[5]:
        check_form(macro[5], where)
        return write_date(at, macro[5])
    is_day = macro[1] != "now"
    if form == "date" or (is_day and form != "datetime"):
        return at.date().isoformat()
    if form == "local-datetime":
        return at.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return rfc3339(at)


def _resolve_moment(macro: re.Match[str], moment: Moment, where: str) -> datetime:
    """The moment a macro means. Days and weeks keep the time of day, hours and minutes are elapsed time."""
    name, sign, number, unit = macro[1], macro[2], macro[3], macro[4]
    at = moment.now.astimezone(moment.zone)
    if name == "yesterday":
        at -= timedelta(days=1)
    if unit:
        step = timedelta(**{_UNITS[unit]: int(number) * (-1 if sign == "-" else 1)})
        if unit in "wd":
            at += step
        elif name == "now":
            at = (at.astimezone(UTC) + step).astimezone(moment.zone)
        else:
            raise BadInput(where, macro[0], f"d or w after {{{name}}}; h and m go with {{now}}")
    return _existing(at) if name == "now" else moment.midnight(at)


def _existing(at: datetime) -> datetime:
    """The same moment, moved to an hour that exists if daylight saving skips it."""
    # Python's arithmetic on local times can give hours that do not exist; converting to UTC and back corrects them.
    return at.astimezone(UTC).astimezone(at.tzinfo)
