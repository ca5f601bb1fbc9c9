"""Places in a JSON value: names and list positions joined by dots; the empty path is all of it.

`[rel=next]` on a path is the first member of a list whose `rel` is `next`: `links.[rel=next].href`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

_MEMBER = re.compile(r"\[([^=\]]+)=([^\]]*)\]")


def find(value: Any, path: str) -> Any:
    """The value at a path; None if there is none."""
    for name in path.split(".") if path else ():
        if chosen := _MEMBER.fullmatch(name):
            members = value if isinstance(value, list) else []
            value = next((each for each in members if is_same(find(each, chosen[1]), chosen[2])), None)
        elif isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def split(path: str) -> tuple[str, str]:
    """A path up to where it chooses among the members of a list, and the rest of it."""
    before, chooses, rest = path.partition("[")
    return before.removesuffix("."), chooses + rest


def is_value(found: Any) -> bool:
    """Is this more than nothing? Null, empty text, an empty list and an empty object are not."""
    return found is not None and found != "" and found != [] and found != {}


def is_same(found: Any, stated: Any) -> bool:
    """Does a value in an answer equal one in a source file, however the vendor writes it?

    A number equals its digits in text and true the word; case and blanks around a word do not count.
    """
    return bool(_normalize(found) == _normalize(stated))


def first(value: Any, paths: Iterable[str]) -> Any:
    """The value at the first path that has one; None if none has."""
    return next((found for found in (find(value, path) for path in paths) if is_value(found)), None)


def count(candidates: Iterable[Any]) -> int | None:
    """The first that is a count, as a number or in digits. A negative one means that the vendor cannot tell."""
    for found in candidates:
        # Digits in a text are a count; `True` would be the integer 1 and is refused below.
        value = int(found) if isinstance(found, str) and found.strip().isdecimal() else found
        if isinstance(value, int) and not isinstance(value, bool):
            return value if value >= 0 else None
    return None


def number(found: Any) -> float | None:
    """A number, given as one or in digits; None for anything else. May be infinite or NaN."""
    try:
        return None if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        return None


def link(candidates: Iterable[Any]) -> str | None:
    """The first that is a link or token. Null, empty text and the word "null" are none."""
    for found in candidates:
        # A token may be an integer; `True` would be the integer 1.
        text = str(found) if isinstance(found, int) and not isinstance(found, bool) else found
        if isinstance(text, str) and text.strip() not in ("", "null"):
            return text.strip()
    return None


def flag(candidates: Iterable[Any]) -> bool | None:
    """The first that is a yes or a no: a boolean, one of these words, or a number."""
    for found in candidates:
        for stated, words in ((True, ("true", "yes", "y", 1)), (False, ("false", "no", "n", 0))):
            if any(is_same(found, word) for word in words):
                return stated
    return None


def count_in(value: Any, paths: Iterable[str]) -> int | None:
    """The count at the first path that leads to one."""
    return count(find(value, path) for path in paths)


def find_all(value: Any, path: str) -> list[Any]:
    """Every value at a path, in order; `*` on it is any position of a list."""
    before, star, after = path.partition("*")
    if not star:
        found = find(value, path)
        return [] if found is None else [found]
    inside = find(value, before.removesuffix("."))
    parts = inside if isinstance(inside, list) else []
    return [found for part in parts for found in find_all(part, after.removeprefix("."))]


def links(candidates: Iterable[Any]) -> tuple[str, ...]:
    """The links of the first that has any: it may be a list of them."""
    for found in candidates:
        texts = (link([part]) for part in (found if isinstance(found, list) else [found]))
        if whole := tuple(text for text in texts if text is not None):
            return whole
    return ()


def link_in(value: Any, paths: Iterable[str]) -> str | None:
    """The link or token at the first path that leads to one."""
    return link(find(value, path) for path in paths)


def _normalize(value: Any) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return f"{Decimal(str(value)):f}".removesuffix(".0")
    return value.strip().casefold() if isinstance(value, str) else value
