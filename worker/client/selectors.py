"""Finds values in a vendor's answer by the selectors of a source file: ids, times, a report requested earlier."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from worker.errors import FailJob
from worker.json_path import find, find_all, is_value, links, number
from worker.sources.schema import Adoption, Selector, SelectorOfSeveral

SECONDS_FROM = 1_000_000_000
"""A time this large is in seconds since 1970. A smaller one would be before 2001."""

MILLISECONDS_FROM = 100_000_000_000
"""A time this large is in milliseconds: in seconds it would be the year 5138."""

MARGIN_SECONDS = 5.0
"""The vendor's clock may be slow, and its times may be whole seconds only."""


def select(selectors: Iterable[str | Selector], content: Any, headers: Mapping[str, str]) -> Iterator[Any]:
    """The values that the selectors find, in their order; those of a path with `*` as one list."""
    for selector in selectors:
        where = SelectorOfSeveral(path=selector) if isinstance(selector, str) else selector
        found = [headers.get(where.header)] if where.header is not None else find_all(content, where.path or "")
        if where.pattern is not None:
            texts = (str(value) for value in found if isinstance(value, str | int))
            matches = filter(None, (re.search(where.pattern, text) for text in texts))
            # The number of groups is 1 or 0: the group if the pattern has one, else the whole match.
            found = [match[match.re.groups] for match in matches]
        found = [value for value in found if is_value(value)]
        if found:
            yield found if "*" in (where.path or "") else found[0]


def id_in(selectors: Iterable[str | Selector], content: Any, headers: Mapping[str, str]) -> str | None:
    """The first id, a text or an integer; None if there is none."""
    found = select(selectors, content, headers)
    return next((str(value) for value in found if isinstance(value, str | int) and not isinstance(value, bool)), None)


def describe_selectors(selectors: Iterable[str | Selector]) -> str:
    """The places the selectors name, for messages."""
    places = [selector if isinstance(selector, str) else selector.header or selector.path for selector in selectors]
    return " or ".join(place or "the top" for place in places)


def refuse_one_of_several(selectors: Iterable[str | Selector], content: Any, name: str) -> None:
    """Raise FailJob if a path leads, by its position, to one of several links in a list: the others would not be read.

    A position among objects may be meant: the first may be the latest report, or the one in the format wanted.
    """
    paths = (selector if isinstance(selector, str) else selector.path for selector in selectors)
    for path in filter(None, paths):
        place, _, position = path.rpartition(".")
        listed = find(content, place) if position.isdecimal() else None
        if isinstance(listed, list) and (several := len({*links([listed])})) > 1:
            every = f"{place}.*".removeprefix(".")
            remedy = f"`link: [{every!r}]` in a poll reads all of them"
            raise FailJob(f"{name}: the vendor names {several} files, but {path!r} is only one of them: {remedy}")


def parse_time(stated: Any) -> float | None:
    """Seconds since the epoch, from RFC 3339 text, a number or its digits; None if it is neither. No zone means UTC.

    Vendors write 0, -1 or the year 1 (as .NET and Go do) for a time that is not set, and a small number for a time from
    now on, such as `expires_in`. So nothing before 2001 is a time.
    """
    if isinstance(stated, str):
        with suppress(ValueError):
            read = datetime.fromisoformat(stated.strip())
            # Python takes some numbers of milliseconds for days long ago.
            if read.year > 2000:
                return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    seconds = number(stated) or 0.0
    if seconds >= MILLISECONDS_FROM:
        seconds /= 1000
    return seconds if SECONDS_FROM <= seconds < math.inf else None


def latest_match(
    adoption: Adoption, listed: Iterable[Any], expected: Mapping[str, Any], since: float
) -> tuple[float, str] | None:
    """Creation time and id of the latest report listed with the expected values and created after `since`, or None."""
    found = []
    for report in listed:
        made_at, report_id = parse_time(find(report, adoption.created_at)), find(report, adoption.id)
        if made_at is None or made_at < since - MARGIN_SECONDS or not isinstance(report_id, str | int) or not report_id:
            continue
        if all(normalize(find(report, path)) == normalize(value) for path, value in expected.items()):
            found.append((made_at, str(report_id)))
    return max(found, default=None)


def normalize(value: Any) -> Any:
    """A value in a form in which ours and the vendor's copy of it are equal.

    Vendors list a report's parameters with keys in another order, with empty ones dropped or null, and with numbers as
    text.
    """
    if isinstance(value, Mapping):
        kept = {name: normalize(part) for name, part in value.items()}
        return {name: part for name, part in kept.items() if part is not None} or None
    if isinstance(value, list | tuple):
        return [normalize(part) for part in value] or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None if value == "" else value
