"""Finds paths into answers that lead to no value because of how they are written, such as `$.data[*]`.

Such a path would not fail by itself: a report whose `next` leads nowhere ends after its first page, without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from worker.json_path import is_choice
from worker.sources.schema import (
    Adoption,
    Duplicate,
    ErrorShape,
    JsonRows,
    Poll,
    Read,
    Selector,
    SessionAuth,
    Submit,
)
from worker.sources.yaml_files import Place

# The fields that are paths, lists of paths or selectors, or that have paths as keys.
_PATH_FIELDS: Mapping[type[BaseModel], tuple[str, ...]] = {
    SessionAuth: ("token", "expires_in"),
    ErrorShape: ("when", "code", "message", "request_id", "wait"),
    JsonRows: ("rows", "columns", "total", "total_pages", "next", "has_more", "is_last"),
    Read: ("link", "total"),
    Submit: ("report_id", "poll_link", "refused"),
    Duplicate: ("report_id",),
    Adoption: ("rows", "next", "id", "created_at", "match"),
    Poll: ("reports", "id", "status", "ready_when_set", "total", "link", "expires_at", "match"),
}
_MAY_HAVE_STARS = {(JsonRows, "rows"), (Poll, "link")}


def wrong_paths(declared: Any, place: Place = ()) -> Iterator[tuple[Place, str, str]]:
    """Every path below a part of a source that leads to no value: its place, the path, and what is allowed there."""
    if isinstance(declared, BaseModel):
        path_fields = _PATH_FIELDS.get(type(declared), ())
        for name, value in declared:
            if name in path_fields:
                is_star_allowed = (type(declared), name) in _MAY_HAVE_STARS
                for where, path in _paths_in(value, (*place, name)):
                    if allowed := _mistake_in(path, is_star_allowed=is_star_allowed):
                        yield where, path, allowed
            else:
                yield from wrong_paths(value, (*place, name))
    elif isinstance(declared, Mapping):
        for name, part in declared.items():
            yield from wrong_paths(part, (*place, name))
    elif isinstance(declared, list):
        for position, part in enumerate(declared):
            yield from wrong_paths(part, (*place, position))


def _paths_in(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Selector):
        yield from [(place, value.path)] if value.path else []
    elif isinstance(value, Mapping):
        yield from (((*place, path), path) for path in value)
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _paths_in(part, (*place, position))


def _mistake_in(path: str, *, is_star_allowed: bool) -> str | None:
    """What is allowed in place of this path; None if it can lead to a value."""
    steps = path.split(".")
    has_brackets = any(("[" in step or "]" in step) and not is_choice(step) for step in steps)
    if has_brackets or path.startswith(("$.", "$[", "/")):
        return "names and positions joined by dots, such as data.0.rows, or [name=value] for one member of a list"
    if "*" in steps and not is_star_allowed:
        return "a path to one value, without `*`"
    return None
