"""Put values where a source file says `{name}` or `{name:%Y%m%d}`, by the rules of worker/sources/schema.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from worker.errors import BadInput, FailJob
from worker.sources.date_forms import write_date

_NAME, _FORM = r"[A-Za-z_][\w-]*", r":[^{}]*"
_PLACEHOLDER = re.compile(rf"\{{\{{({_NAME}(?:{_FORM})?)\}}\}}|\{{({_NAME})({_FORM})?\}}")
_ABSENT: Any = object()


def names_in(template: Any) -> Iterator[str]:
    """The name of every placeholder in the template, at any depth, as often as it stands there."""
    yield from (name for name, _ in placeholders_in(template))


def placeholders_in(template: Any) -> Iterator[tuple[str, str | None]]:
    """Every placeholder in the template, at any depth: its name, and the form it wants a date in."""
    if isinstance(template, str):
        for found in _PLACEHOLDER.finditer(template):
            if found[2]:
                yield found[2], None if found[3] is None else found[3][1:]
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from placeholders_in(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from placeholders_in(value)


def refuse_forms(template: Any, where: str) -> None:
    """Raise BadInput for a date's form where no date can be meant."""
    for name, form in placeholders_in(template):
        if form is not None:
            raise BadInput(where, f"{{{name}:{form}}}", f"{{{name}}}; a form is for a date among a report's parameters")


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its values.

    Keys and list positions without a value are left out; None if nothing is left.
    """
    filled = _fill(template, values)
    return None if filled is _ABSENT else filled


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A URL path in which each value is percent-encoded and stays one segment.

    Raises FailJob where a value is missing, empty, or a segment that means another directory.
    """

    def segment(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return quote(f"{{{found[1]}}}", safe="")
        text = "" if values.get(name) is None else _text(_value(found, values))
        if not is_segment(text):
            raise FailJob(f"{name}: {text!r} cannot stand in the path {template}")
        return quote(text, safe="")

    return _PLACEHOLDER.sub(segment, template)


def fill_query(template: str, values: Mapping[str, Any]) -> str:
    """A query written as it is, in which each value is percent-encoded, those of a list with plain commas between them.

    What stands between two `&` is left out where a placeholder in it has no value.
    """

    def value(found: re.Match[str]) -> str:
        if found[2] is None:
            return quote(f"{{{found[1]}}}", safe="")
        filled = _value(found, values)
        parts = filled if isinstance(filled, list | tuple) else [filled]
        return ",".join(quote(_text(part), safe="") for part in parts)

    given = [part for part in template.split("&") if all(values.get(name) is not None for name in names_in(part))]
    return "&".join(_PLACEHOLDER.sub(value, part) for part in given)


def is_segment(text: str) -> bool:
    """Whether the text can be one segment of a path.

    Dots alone would climb to another directory.
    """
    return text not in ("", ".", "..")


def _fill(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        return _fill_text(template, values)
    if isinstance(template, Mapping):
        filled = {key: _fill(value, values) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not _ABSENT}
    if isinstance(template, list | tuple):
        return [value for value in (_fill(part, values) for part in template) if value is not _ABSENT]
    return template


def _fill_text(template: str, values: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole and whole[2]:
        return _ABSENT if values.get(whole[2]) is None else _value(whole, values)
    if any(values.get(name) is None for name in names_in(template)):
        return _ABSENT
    return _PLACEHOLDER.sub(lambda found: _text(_value(found, values)) if found[2] else f"{{{found[1]}}}", template)


def _value(found: re.Match[str], values: Mapping[str, Any]) -> Any:
    """What a placeholder stands for, given that there is a value: a date in the form it asks for."""
    value = values[found[2]]
    return value if found[3] is None else write_date(datetime.fromisoformat(str(value).upper()), found[3][1:])


def _text(value: Any) -> str:
    """A value inside a longer text: a list with commas, anything else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
