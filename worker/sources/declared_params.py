"""Checks the parameters that a source file declares: bounds that fit the type, and a default that they allow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from worker.errors import BadInput
from worker.sources.macros import Moment
from worker.sources.params import resolve_value
from worker.sources.schema import Param, Report
from worker.sources.yaml_files import Place, YamlFile

_LIST_WORDS = ("items", "items_allowed", "min_items", "max_items", "unique", "join")
_MOMENTS = ("datetime", "local-datetime")
# Any moment will do: all that matters is whether a macro can be resolved.
_MOMENT = Moment(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))


def check_declared_params(report: Report, file: YamlFile, place: Place) -> None:
    """Raise BadInput for a field of a parameter that has no effect, and for a default or value that it refuses."""
    for name, param in report.params.items():
        where = (*place, "params", name)
        for word, allowed in _contradictions(param):
            raise BadInput(file.where((*where, word)), word, allowed)
        is_list = param.type == "list"
        # Without `schema`: its validator takes long to import, and checks every job anyway.
        plain = param.model_copy(update={"json_schema": None})
        single = plain.model_copy(update={"min_items": None})
        for value in (param.items_allowed if is_list else param.allowed) or ():
            word = "items_allowed" if is_list else "allowed"
            resolve_value(file.where((*where, word)), single, [value] if is_list else value, _MOMENT)
        if param.default is not None:
            resolve_value(file.where((*where, "default")), plain, param.default, _MOMENT)


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
    if param.required and param.default is not None:
        yield "default", "no default beside `required: true`"
    for least, most in ((param.minimum, param.maximum), (param.min_items, param.max_items)):
        if least is not None and most is not None and least > most:
            yield "maximum" if least is param.minimum else "max_items", f"{least:g} or more"
    try:
        re.compile(param.pattern or "")
    except re.error as error:
        yield "pattern", f"a regular expression ({error})"
