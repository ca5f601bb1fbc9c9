"""Places in a JSON value: names and list positions joined by dots; the empty path is all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def find(value: Any, path: str) -> Any:
    """What a path leads to; None where it leads nowhere."""
    for name in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def is_value(found: Any) -> bool:
    """Does a path lead to a value? Null, empty text, an empty list and an empty object are none."""
    return found is not None and found != "" and found != [] and found != {}


def first(value: Any, paths: Iterable[str]) -> Any:
    """What the first path that leads to a value leads to; None where none does."""
    return next((found for found in (find(value, path) for path in paths) if is_value(found)), None)


def count(candidates: Iterable[Any]) -> int | None:
    """The first that is a count, as a number or in digits. A negative one means that the vendor cannot tell."""
    for found in candidates:
        value = int(found) if isinstance(found, str) and found.strip().isdecimal() else found
        if isinstance(value, int) and not isinstance(value, bool):
            return value if value >= 0 else None
    return None


def link(candidates: Iterable[Any]) -> str | None:
    """The first that is a link or token. Null, empty text and the word "null" are none."""
    for found in candidates:
        text = str(found) if isinstance(found, int) and not isinstance(found, bool) else found
        if isinstance(text, str) and text.strip() not in ("", "null"):
            return text.strip()
    return None


def count_in(value: Any, paths: Iterable[str]) -> int | None:
    """The count at the first path that leads to one."""
    return count(find(value, path) for path in paths)


def find_all(value: Any, path: str) -> list[Any]:
    """Everything a path leads to, in order; `*` on it is any position of a list."""
    before, star, after = path.partition("*")
    if not star:
        found = find(value, path)
        return [] if found is None else [found]
    inside = find(value, before.removesuffix("."))
    parts = inside if isinstance(inside, list) else []
    return [found for part in parts for found in find_all(part, after.removeprefix("."))]


def links_in(value: Any, paths: Iterable[str]) -> tuple[str, ...]:
    """The links at the first path that leads to any; a list there is many."""
    for path in paths:
        found = [part for end in find_all(value, path) for part in (end if isinstance(end, list) else [end])]
        if links := tuple(text for text in (link([part]) for part in found) if text is not None):
            return links
    return ()


def link_in(value: Any, paths: Iterable[str]) -> str | None:
    """The link or token at the first path that leads to one."""
    return link(find(value, path) for path in paths)
