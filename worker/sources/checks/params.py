"""Checks the declared parameters of a report: bounds that fit the type, and values that the parameter accepts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.errors import BadInput
from worker.sources.checks.mistake import Mistake, below, refusal, refusal_of
from worker.sources.date_forms import check_form
from worker.sources.macros import Moment
from worker.sources.params import as_sent, resolve_value
from worker.sources.schema import Param, Report
from worker.sources.windows import put_window
from worker.sources.yaml_files import Place

_OF_LISTS = ("items", "items_allowed", "min_items", "max_items", "unique", "join")
_MOMENTS = ("datetime", "local-datetime")
# Any moment will do: all that matters is whether a macro can be resolved.
_MOMENT = Moment(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))


def mistakes_in_params(report: Report) -> Iterator[Mistake]:
    """Fields of parameters that have no effect, and values that a parameter refuses."""
    for name, param in report.params.items():
        yield from below(("params", name), _mistakes_in_param(name, param, report))
    for name in report.columns_from:
        param = report.params[name]
        if param.type != "list" or param.items in ("list", "object"):
            kind = param.type if param.type != "list" else f"list of {param.items}"
            yield Mistake(("columns_from", name), f"a parameter of type list, not {kind}")
    yield from _mistakes_in_window_form(report)
    for position, read in enumerate(report.read):
        for name, wanted in read.when.items():
            place: Place = ("read", position, "when", name)
            yield from below(place, _mistakes_in_when(name, wanted, report.params[name]))


def _mistakes_in_param(name: str, param: Param, report: Report) -> Iterator[Mistake]:
    yield from _mistakes_in_type(param)
    yield from _mistakes_in_bounds(param)
    yield from _refused_values(param)
    for other in param.needs:
        if other == name or report.params[other].is_always_given:
            allowed = "other parameters that may be missing, so that needing them says something"
            yield Mistake(("needs",), allowed, other)
    for other in param.excludes:
        if other == name or report.params[other].required:
            yield Mistake(("excludes",), f"other parameters that are not required: {name} could never be given", other)


def _mistakes_in_type(param: Param) -> Iterator[Mistake]:
    """The fields that a parameter of this type does not use, and what each would need."""
    given = [word for word, value in param if word in param.model_fields_set and value is not None]
    for word in given:
        if word in _OF_LISTS and param.type != "list":
            yield Mistake((word,), "`type: list` beside it")
        if word in ("allowed", "pattern") and param.type == "list":
            yield Mistake((word,), "`items_allowed` for what a list may have")
        if word in ("minimum", "maximum") and param.type not in ("integer", "number"):
            yield Mistake((word,), "`type: integer` or `number` beside it")
    if "date_adds" in given and (param.items if param.type == "list" else param.type) not in _MOMENTS:
        yield Mistake(("date_adds",), "`type: datetime` or `local-datetime` beside it")
    if param.join is not None and param.items in ("list", "object"):
        yield Mistake(("join",), f"items that are text or numbers, not {param.items}s")


def _mistakes_in_bounds(param: Param) -> Iterator[Mistake]:
    if param.required and param.default is not None:
        yield Mistake(("default",), "no default beside `required: true`")
    for least, most, word in (
        (param.minimum, param.maximum, "maximum"),
        (param.min_items, param.max_items, "max_items"),
    ):
        if least is not None and most is not None and least > most:
            yield Mistake((word,), f"{least:g} or more")


def _refused_values(param: Param) -> Iterator[Mistake]:
    """The allowed values, and the default, that the parameter itself refuses."""
    is_list = param.type == "list"
    plain = _without_schema(param)
    single = plain.model_copy(update={"min_items": None})
    word = "items_allowed" if is_list else "allowed"
    for value in getattr(param, word) or ():
        yield from _refusal(word, single, [value] if is_list else value)
    if param.date_adds:
        moment = Param(type=(param.items if is_list else param.type) or "any")
        yield from _refusal("date_adds", moment, f"2026-01-01{param.date_adds}")
    if param.default is not None:
        yield from _refusal("default", plain, param.default)


def _refusal(word: str, param: Param, value: Any) -> Iterator[Mistake]:
    return refusal_of((word,), lambda: resolve_value("", param, value, _MOMENT))


def _mistakes_in_window_form(report: Report) -> Iterator[Mistake]:
    """A `window_form` that is not valid, or writes what the window's parameters do not accept."""
    form, window = report.window_form, report.window
    if form is None or window is None:
        return
    yield from refusal_of(("window_form",), lambda: check_form(form, ""))
    plain = [name for name in window.values() if name in report.params]
    if len(plain) == len(window) == 2:
        sample = put_window(report, {}, _MOMENT.now, _MOMENT.now)
        for name in plain:
            yield from _refusal("window_form", _without_schema(report.params[name]), sample[name])


def _mistakes_in_when(name: str, wanted: Any, param: Param) -> Iterator[Mistake]:
    """A value that the parameter never has, so that the read would never be chosen."""
    if wanted is None and param.is_always_given:
        yield Mistake((), f"a value, since {name} is always given", wanted)
    if wanted in (None, "*"):
        return
    try:
        sent = as_sent(param, resolve_value("", _without_schema(param), wanted, _MOMENT))
    except BadInput as error:
        yield refusal((), error)
    else:
        if sent != wanted:
            yield Mistake((), f"the value as it is sent, which is {sent!r}", wanted)


def _without_schema(param: Param) -> Param:
    """The parameter without `schema`: its validator takes long to import, and checks every job anyway."""
    return param.model_copy(update={"json_schema": None})
