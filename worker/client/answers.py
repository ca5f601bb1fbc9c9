"""Finds in a vendor's answer what a source file says stands there: a value, a time, a report we asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from worker.json_path import find, find_all, is_value
from worker.sources.schema import Adoption, Selector, Selectors

MILLISECONDS_FROM = 100_000_000_000
"""A number this large counts milliseconds: as seconds it would be the year 5138."""

MARGIN_SECONDS = 5.0
"""The vendor's clock may run behind ours, and it may note whole seconds only."""


def select(selectors: Selectors, content: Any, headers: Mapping[str, str]) -> Iterator[Any]:
    """What each selector that leads anywhere leads to, in order; a path with `*` leads to a list."""
    for selector in selectors:
        where = Selector(path=selector) if isinstance(selector, str) else selector
        found = [headers.get(where.header)] if where.header is not None else find_all(content, where.path or "")
        if where.pattern is not None:
            found = [_search(where.pattern, value) for value in found]
        found = [value for value in found if is_value(value)]
        if found:
            yield found if "*" in (where.path or "") else found[0]


def id_in(selectors: Selectors, content: Any, headers: Mapping[str, str]) -> str | None:
    """The first id, a text or an integer; None where there is none."""
    found = select(selectors, content, headers)
    return next((str(value) for value in found if isinstance(value, str | int) and not isinstance(value, bool)), None)


def places_of(selectors: Selectors) -> str:
    """The places the selectors mean, for people."""
    places = [selector if isinstance(selector, str) else selector.header or selector.path for selector in selectors]
    return " or ".join(str(place) for place in places)


def _search(pattern: str, value: Any) -> str | None:
    """What the pattern finds in a text: its group where it has one."""
    found = re.search(pattern, str(value)) if isinstance(value, str | int) else None
    return found[found.re.groups] if found else None


def parse_time(stated: Any) -> float | None:
    """Seconds since the epoch, from RFC 3339 text or a number; None where it is neither. No zone means UTC."""
    if isinstance(stated, bool) or stated is None:
        return None
    if isinstance(stated, int | float):
        return stated / 1000 if stated >= MILLISECONDS_FROM else float(stated)
    if not isinstance(stated, str):
        return None
    try:
        read = datetime.fromisoformat(stated.strip())
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def latest_match(
    adoption: Adoption, listed: Iterable[Any], wanted: Mapping[str, Any], since: float
) -> tuple[float, str] | None:
    """When the latest report that is as wanted was made, not before `since`, and its id; None where there is none."""
    found = []
    for report in listed:
        made_at, report_id = parse_time(find(report, adoption.created_at)), find(report, adoption.id)
        if made_at is None or made_at < since - MARGIN_SECONDS or not isinstance(report_id, str | int) or not report_id:
            continue
        if all(canonical(find(report, path)) == canonical(value) for path, value in wanted.items()):
            found.append((made_at, str(report_id)))
    return max(found, default=None)


def canonical(value: Any) -> Any:
    """A value in the form two spellings of it share.

    The order of keys does not count, absent, null and empty are alike, and a number equals its digits.
    """
    if isinstance(value, Mapping):
        kept = {name: canonical(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part is not None} or None
    if isinstance(value, list | tuple):
        return [canonical(part) for part in value] or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None if value == "" else value
