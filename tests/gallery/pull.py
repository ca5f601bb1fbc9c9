"""One pull: a report of a packaged source, its vendor, and how the job must end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.fake_vendor import Vendor

FROM, TO = date(2026, 11, 1), date(2026, 11, 3)


@dataclass(frozen=True)
class Pull:
    """A report, such as `meta.ads`, and its end: so many `rows`, or a failure that says `fails`.

    `asked` holds how often requests of a method and path were sent, where that is what the pull shows; `at_most` bounds
    them all. `client` is what the vendor knows our account by, where it is not the usual one.
    """

    report: str
    vendor: Callable[[], Vendor]
    rows: int = 0
    fails: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, int] = field(default_factory=dict)
    at_most: int | None = None
    client: Mapping[str, str] | None = None


def days(first: str, last: str) -> Iterator[str]:
    """The days from the first to the last, both included."""
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        yield day.isoformat()
        day += timedelta(days=1)
