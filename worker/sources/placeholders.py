"""Fills placeholders of a source file: `{name}`, `{name:%Y%m%d}`, `{name|json}` (see `worker.sources.schema`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from worker.errors import FailJob
from worker.sources.date_forms import write_date

_NAME, _FORM, _KIND = r"[A-Za-z_][\w-]*", r":[^{}|]*", r"\|[^{}|]*"
_PLACEHOLDER = re.compile(rf"\{{\{{({_NAME}(?:{_FORM})?(?:{_KIND})?)\}}\}}|\{{({_NAME})({_FORM})?({_KIND})?\}}")
_FOREIGN = re.compile(rf"\{{\{{(?!{_NAME}(?:{_FORM})?(?:{_KIND})?\}}\}})")
_ABSENT: Any = object()
KINDS = ("integer", "json")
"""What may follow `|`: the value as a number, or as JSON text."""


class Placeholder(NamedTuple):
    """The content of the braces: a name, the format for a date, and the kind that the value is converted to."""

    name: str
    form: str | None
    kind: str | None


def names_in(template: Any) -> Iterator[str]:
    """The name of every placeholder in the template, at any depth, as often as it occurs."""
    yield from (found.name for found in placeholders_in(template))


def placeholders_in(template: Any) -> Iterator[Placeholder]:
    """Every placeholder in the template, at any depth."""
    if isinstance(template, str):
        for found in _PLACEHOLDER.finditer(template):
            if found[2]:
                form, kind = (None if part is None else part[1:] for part in (found[3], found[4]))
                yield Placeholder(found[2], form, kind)
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from placeholders_in(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from placeholders_in(value)


def has_foreign_placeholder(text: str) -> bool:
    """Does a text have a placeholder as other tools write it, `{{ name }}`? It would be sent as it is."""
    return _FOREIGN.search(text) is not None


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The template with its values. Keys and list items without a value are left out; None if nothing is left."""
    filled = _fill(template, values)
    return None if filled is _ABSENT else filled


def fill_path(template: str, values: Mapping[str, Any]) -> str:
    """A URL path in which each value is percent-encoded and stays one segment.

    Raises FailJob for a value that is missing, empty, `.` or `..`.
    """

    def segment(found: re.Match[str]) -> str:
        name = found[2]
        if name is None:
            return quote(f"{{{found[1]}}}", safe="")
        text = "" if values.get(name) is None else as_text(_value(found, values))
        if not is_segment(text):
            raise FailJob(f"{name}: {text!r} cannot be a segment of the path {template}")
        return quote(text, safe="")

    return _PLACEHOLDER.sub(segment, template)


def fill_query(template: str, values: Mapping[str, Any]) -> str:
    """A query that is sent as written; its values are percent-encoded, those of a list separated by plain commas.

    A part between two `&` is left out if a placeholder in it has no value.
    """

    def value(found: re.Match[str]) -> str:
        if found[2] is None:
            return quote(f"{{{found[1]}}}", safe="")
        filled = _value(found, values)
        parts = filled if isinstance(filled, list | tuple) else [filled]
        return ",".join(quote(as_text(part), safe="") for part in parts)

    given = [part for part in template.split("&") if all(values.get(name) is not None for name in names_in(part))]
    return "&".join(_PLACEHOLDER.sub(value, part) for part in given)


def is_segment(text: str) -> bool:
    """Can the text be one segment of a URL path? `.` and `..` would lead to another directory."""
    return text not in ("", ".", "..")


def as_text(value: Any) -> str:
    """A value as part of a longer text: a list with commas, anything else as in JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(as_text(part) for part in value)
    return _json(value)


def _fill(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if any(values.get(name) is None for name in names_in(template)):
            return _ABSENT
        # Text that is only one placeholder becomes the value with its type: a number stays a number.
        if whole and whole[2]:
            return _value(whole, values)
        return _PLACEHOLDER.sub(
            lambda found: as_text(_value(found, values)) if found[2] else f"{{{found[1]}}}", template
        )
    if isinstance(template, Mapping):
        filled = {key: _fill(value, values) for key, value in template.items()}
        return {key: value for key, value in filled.items() if value is not _ABSENT}
    if isinstance(template, list | tuple):
        return [value for value in (_fill(part, values) for part in template) if value is not _ABSENT]
    return template


def _value(found: re.Match[str], values: Mapping[str, Any]) -> Any:
    """The value of a placeholder that has one, with its format and its kind applied."""
    value = values[found[2]]
    if found[3] is not None:
        value = write_date(datetime.fromisoformat(str(value).upper()), found[3][1:])
    if found[4] == "|json":
        return _json(value)
    if found[4] == "|integer":
        try:
            return int(str(value))
        except ValueError:
            raise FailJob(f"{found[2]}: the request needs an integer, not {str(value)[:50]!r}") from None
    return value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
