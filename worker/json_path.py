"""JSON paths: names and list positions joined by dots, such as `data.0.id`; the empty path is the whole value.

A name may have dots itself, as in `@odata.nextLink`. In a path, `[rel=next]` is the first member of a list whose `rel`
is `next`: `links.[rel=next].href`. The functions that read counts, links and flags accept the ways in which vendors
write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

LARGEST_COUNT = 2**53
"""A greater number cannot be a count of rows; JavaScript and Lua would not keep its digits either."""

LAST = "-1"
"""In the path of a next token, the last row: `data.-1.id`."""

_MOST_DIGITS_WRITTEN_OUT = 400
_NO_LINK = ("", "null", "none", "undefined")
"""Texts that programs in several languages write for a link or token that they do not have."""
_MEMBER = re.compile(r"\[([^=\]]+)=([^\]]*)\]")
_COUNT = re.compile(r"[0-9]+(?:\.0+)?|[0-9]{1,3}(?:,[0-9]{3})+")


def find(value: Any, path: str) -> Any:
    """The value at a path; None if there is none."""
    return _find(value, path.split(".") if path else [])


def _find(value: Any, names: list[str]) -> Any:
    if not names:
        return value
    name, rest = names[0], names[1:]
    if chosen := _MEMBER.fullmatch(name):
        members = value if isinstance(value, list) else []
        member = next((each for each in members if is_same(find(each, chosen[1]), chosen[2])), None)
        return _find(member, rest)
    if isinstance(value, list):
        return _find(value[int(name)], rest) if name.isdecimal() and int(name) < len(value) else None
    for taken in range(1, len(names) + 1) if isinstance(value, dict) else ():
        key = ".".join(names[:taken])
        if key in value and (found := _find(value[key], names[taken:])) is not None:
            return found
    return None


def is_choice(step: str) -> bool:
    """Does this step of a path choose a member of a list, as `[rel=next]` does? Quotes would be part of the value."""
    chosen = _MEMBER.fullmatch(step)
    return chosen is not None and chosen[2][:1] not in ("'", '"')


@lru_cache(maxsize=4_096)
def split(path: str) -> tuple[str, str]:
    """Split a path before its first `[...]`: `links.[rel=next].href` into `links` and `[rel=next].href`."""
    before, chooses, rest = path.partition("[")
    return before.removesuffix("."), chooses + rest


def first_rows(places: Iterable[str]) -> list[str]:
    """The paths of the first members of lists at these places."""
    return [f"{place}.0".removeprefix(".") for place in places]


def is_value(found: Any) -> bool:
    """Is this a value? Null, an empty string, an empty list and an empty object are not."""
    return found is not None and found != "" and found != [] and found != {}


def is_same(found: Any, stated: Any) -> bool:
    """Does a value in an answer equal one in a source file, however the vendor writes it?

    A number equals its digits as text, true equals the word "true"; case and blanks around a word do not matter.
    """
    return bool(_normalize(found) == _normalize(stated))


def first(value: Any, paths: Iterable[str]) -> Any:
    """The value at the first path that has one; None if none has."""
    return next((found for found in (find(value, path) for path in paths) if is_value(found)), None)


def count(candidates: Iterable[Any]) -> int | None:
    """The first candidate that is a whole number: `605`, `605.0`, `"605"` or `"1,605"`; None if it is negative.

    Vendors write a negative number for a count that they do not know.
    """
    for found in candidates:
        text = found.strip() if isinstance(found, str) else ""
        value = Decimal(text.replace(",", "")) if _COUNT.fullmatch(text) else found
        # To Python `True` is the integer 1.
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if is_number and abs(value) <= LARGEST_COUNT and value == int(value):
            return int(value) if value >= 0 else None
    return None


def number(found: Any) -> float | None:
    """A number given as a number or as text; None for anything else. May be infinite or NaN."""
    try:
        return None if isinstance(found, bool) else float(found)
    except (TypeError, ValueError, OverflowError):
        return None


def link(candidates: Iterable[Any]) -> str | None:
    """The first candidate that is a link or token. Null, an empty string and words such as "null" are not."""
    for found in candidates:
        # A token may be a number, which keeps its spelling; `True` would be the integer 1.
        text = str(found) if isinstance(found, int | Decimal) and not isinstance(found, bool) else found
        if isinstance(text, str) and text.strip().lower() not in _NO_LINK:
            return text.strip()
    return None


def flag(candidates: Iterable[Any]) -> bool | None:
    """The first candidate that means yes or no (a boolean, one of the words below, 1 or 0); None if none does."""
    for found in candidates:
        for stated, words in ((True, ("true", "yes", "y", 1)), (False, ("false", "no", "n", 0))):
            if any(is_same(found, word) for word in words):
                return stated
    return None


def count_in(value: Any, paths: Iterable[str]) -> int | None:
    """The count at the first path that leads to one."""
    return count(find(value, path) for path in paths)


def find_all(value: Any, path: str) -> list[Any]:
    """Every value at a path, in order; in the path, `*` is any position of a list."""
    before, star, after = path.partition("*")
    if not star:
        found = find(value, path)
        return [] if found is None else [found]
    inside = find(value, before.removesuffix("."))
    parts = inside if isinstance(inside, list) else []
    return [found for part in parts for found in find_all(part, after.removeprefix("."))]


def links(candidates: Iterable[Any]) -> tuple[str, ...]:
    """The links in the first candidate that is a link or a list with links; empty if there are none."""
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
        number = Decimal(str(value))
        # Written out, the zeros of 1E999999999 would fill the memory.
        is_short = abs(number.adjusted()) <= _MOST_DIGITS_WRITTEN_OUT
        return f"{number:f}".removesuffix(".0") if is_short else str(number)
    return value.strip().casefold() if isinstance(value, str) else value
