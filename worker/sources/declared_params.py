"""Checks the parameters that a source file declares: bounds that fit the type, and a default that they allow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.errors import BadInput
from worker.sources.date_forms import check_form
from worker.sources.macros import Moment
from worker.sources.params import as_sent, resolve_value
from worker.sources.schema import Param, Report
from worker.sources.windows import put_window
from worker.sources.yaml_files import Place, YamlFile

_LIST_WORDS = ("items", "items_allowed", "min_items", "max_items", "unique", "join")
_MOMENTS = ("datetime", "local-datetime")
# Any moment will do: all that matters is whether a macro can be resolved.
_MOMENT = Moment(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))


def check_declared_params(report: Report, file: YamlFile, place: Place) -> None:
    """Raise BadInput for a field of a parameter that has no effect, and for a value that the parameter refuses."""
    for name, param in report.params.items():
        _check_param(param, file, (*place, "params", name))
        needless = next((other for other in param.needs if other == name or report.params[other].is_always_given), None)
        if needless is not None:
            allowed = "other parameters that may be missing, so that needing them says something"
            raise BadInput(file.where((*place, "params", name, "needs")), needless, allowed)
        always = next((other for other in param.excludes if other == name or report.params[other].required), None)
        if always is not None:
            allowed = f"other parameters that are not required: {name} could never be given"
            raise BadInput(file.where((*place, "params", name, "excludes")), always, allowed)
    for name in report.columns_from:
        param = report.params[name]
        if param.type != "list" or param.items in ("list", "object"):
            kind = param.type if param.type != "list" else f"list of {param.items}"
            raise BadInput(file.where((*place, "columns_from", name)), name, f"a parameter of type list, not {kind}")
    _check_window_form(report, file, place)
    for position, read in enumerate(report.read):
        for name, wanted in read.when.items():
            _check_when(name, wanted, report, file.where((*place, "read", position, "when", name)))


def _check_param(param: Param, file: YamlFile, place: Place) -> None:
    for word, allowed in _contradictions(param):
        raise BadInput(file.where((*place, word)), word, allowed)
    is_list = param.type == "list"
    plain = _without_schema(param)
    single = plain.model_copy(update={"min_items": None})
    for value in (param.items_allowed if is_list else param.allowed) or ():
        word = "items_allowed" if is_list else "allowed"
        resolve_value(file.where((*place, word)), single, [value] if is_list else value, _MOMENT)
    if param.date_adds:
        moment = Param(type=(param.items if is_list else param.type) or "any")
        resolve_value(file.where((*place, "date_adds")), moment, f"2026-01-01{param.date_adds}", _MOMENT)
    if param.default is not None:
        resolve_value(file.where((*place, "default")), plain, param.default, _MOMENT)


def _check_window_form(report: Report, file: YamlFile, place: Place) -> None:
    """Raise BadInput for a `window_form` that is not valid, or writes what the window's parameters do not accept."""
    if report.window_form is None or report.window is None:
        return
    where = file.where((*place, "window_form"))
    check_form(report.window_form, where)
    plain = [name for name in report.window.values() if name in report.params]
    if len(plain) == len(report.window) == 2:
        sample = put_window(report, {}, _MOMENT.now, _MOMENT.now)
        for name in plain:
            resolve_value(where, _without_schema(report.params[name]), sample[name], _MOMENT)


def _check_when(name: str, wanted: Any, report: Report, where: str) -> None:
    """Raise BadInput for a value that the parameter never has, so that the read would never be chosen."""
    param = report.params[name]
    if wanted is None and param.is_always_given:
        raise BadInput(where, wanted, f"a value, since {name} is always given")
    if wanted in (None, "*"):
        return
    sent = as_sent(param, resolve_value(where, _without_schema(param), wanted, _MOMENT))
    if sent != wanted:
        raise BadInput(where, wanted, f"the value as it is sent, which is {sent!r}")


def _without_schema(param: Param) -> Param:
    """The parameter without `schema`: its validator takes long to import, and checks every job anyway."""
    return param.model_copy(update={"json_schema": None})


def _contradictions(param: Param) -> Iterator[tuple[str, str]]:
    """The words of a parameter that have no effect, and what each would need."""
    given = {word for word in param.model_fields_set if getattr(param, word) is not None}
    if param.type != "list":
        yield from ((word, "`type: list` beside it") for word in _LIST_WORDS if word in given)
    else:
        yield from ((word, "`items_allowed` for what a list may have") for word in given & {"allowed", "pattern"})
    if param.type not in ("integer", "number"):
        yield from ((word, "`type: integer` or `number` beside it") for word in given & {"minimum", "maximum"})
    if "date_adds" in given and (param.items if param.type == "list" else param.type) not in _MOMENTS:
        yield "date_adds", "`type: datetime` or `local-datetime` beside it"
    if param.join is not None and param.items in ("list", "object"):
        yield "join", f"items that are text or numbers, not {param.items}s"
    if param.required and param.default is not None:
        yield "default", "no default beside `required: true`"
    for least, most in ((param.minimum, param.maximum), (param.min_items, param.max_items)):
        if least is not None and most is not None and least > most:
            yield "maximum" if least is param.minimum else "max_items", f"{least:g} or more"
    try:
        re.compile(param.pattern or "")
    except re.error as error:
        yield "pattern", f"a regular expression ({error})"
