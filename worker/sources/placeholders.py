"""Put values where a source file says `{name}`, by the rules of worker/sources/schema.py."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from worker.errors import FailJob

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_][\w-]*)\}\}|\{([A-Za-z_][\w-]*)\}")
_ABSENT: Any = object()


def names_in(template: Any) -> Iterator[str]:
    """Every placeholder in the template, at any depth, as often as it stands there."""
    if isinstance(template, str):
        yield from (found[2] for found in _PLACEHOLDER.finditer(template) if found[2])
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from names_in(value)
    elif isinstance(template, list | tuple):
        for value in template:
            yield from names_in(value)


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
        text = "" if values.get(name) is None else _text(values[name])
        if not is_segment(text):
            raise FailJob(f"{name}: {text!r} cannot stand in the path {template}")
        return quote(text, safe="")

    return _PLACEHOLDER.sub(segment, template)


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
        value = values.get(whole[2])
        return _ABSENT if value is None else value
    if any(values.get(name) is None for name in names_in(template)):
        return _ABSENT
    return _PLACEHOLDER.sub(lambda found: _text(values[found[2]]) if found[2] else f"{{{found[1]}}}", template)


def _text(value: Any) -> str:
    """A value inside a longer text: a list with commas, anything else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
