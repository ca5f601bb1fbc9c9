"""Finds values in a vendor's answer, where a source file says they stand: in its body or in a header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from worker.json_path import find_all, is_value
from worker.sources.schema import Selector, Selectors


def select(selectors: Selectors, content: Any, headers: Mapping[str, str]) -> Iterator[Any]:
    """What each selector that leads anywhere leads to, in order; a path with `*` leads to a list."""
    for selector in selectors:
        where = Selector(path=selector) if isinstance(selector, str) else selector
        found = [headers.get(where.header)] if where.header is not None else find_all(content, where.path or "")
        if where.pattern is not None:
            found = [_matched(where.pattern, value) for value in found]
        found = [value for value in found if is_value(value)]
        if found:
            yield found if "*" in (where.path or "") else found[0]


def id_in(selectors: Selectors, content: Any, headers: Mapping[str, str]) -> str | None:
    """The first id, a text or an integer; None where there is none."""
    found = select(selectors, content, headers)
    return next((str(value) for value in found if isinstance(value, str | int) and not isinstance(value, bool)), None)


def named(selectors: Selectors) -> str:
    """The places the selectors mean, for people."""
    places = [selector if isinstance(selector, str) else selector.header or selector.path for selector in selectors]
    return " or ".join(str(place) for place in places)


def _matched(pattern: str, value: Any) -> str | None:
    """What the pattern finds in a text: its group where it has one."""
    found = re.search(pattern, str(value)) if isinstance(value, str | int) else None
    return found[found.re.groups] if found else None
