"""What every way of paging promises, and the total that the pages of one report agree on.

One contract suite, `tests/contract/test_paging.py`, runs over every kind of paging.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from worker.errors import StartOver
from worker.model import PageFacts

Addresses = Generator["Address", PageFacts, str | None]


@dataclass(frozen=True, slots=True)
class Address:
    """How one request of a page differs from the report's first.

    `query` and `json_parts` (by path) are sent in place of what the request says there; `values` fill placeholders.
    `link` is asked instead of the request itself. `begins_with`: its first row must be the last that came, again, and
    is not counted; or must be another. `is_probe`: no count promises rows here, so a declared refusal is the end.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    json_parts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    begins_with: Literal["last", "another"] | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """What a finished page led to: the pages now known, and the address of the next where only this page knew it.

    `is_open`: where the vendor counts its rows and those of all these pages are fewer, one page more is worth asking.
    """

    planned: int
    link: str | None = None
    is_open: bool = False


class Pager(Protocol):
    """One report's pages. Pages count from 1; the same page always asks for the same rows."""

    is_addressable: bool
    """Can any page be asked for at any time, so that many are read at once and one can be given back?"""

    cursor_name: str
    """What leads from a page to the next, for messages: a vendor that ignores it sends the same rows again."""

    def plan(self, total: int | None, total_pages: int | None) -> int:
        """The pages known before any is read; at least 1."""

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        """The requests of one page, one after another; each is answered by sending what came of it.

        `rows` of what is sent are those of that answer alone, less a repeated one. `total` is the count known before.
        Returns the link or token of the next page, None where there is none. Raises FailJob where there is no end.
        """

    def follow(self, number: int, page: PageFacts, planned: int) -> Following:
        """What a page led to, where `planned` pages were known.

        The end is an answer without rows, the count of pages reached, no further link, or whatever else the source
        declares. StartOver where the count of pages changed between pages, FailJob where the vendor says that there is
        more and not where.
        """


def build_address(place: Literal["query", "json"], sent: Mapping[str, Any], **more: Any) -> Address:
    """An address whose numbers or token go into the query or into the JSON body."""
    return Address(query=sent, **more) if place == "query" else Address(json_parts=sent, **more)


def reconcile_total(known: int | None, stated: int | None, *, capped_at: int | None = None) -> int | None:
    """The count that holds from now on. The first one stated stands; StartOver where a later one contradicts it.

    A count at its cap says only "at least", so it contradicts no greater one.
    """
    if stated is None or stated < 0 or stated == known:
        return known
    if known is None:
        return stated
    if capped_at in (known, stated) and min(known, stated) == capped_at:
        return known
    raise StartOver(f"the vendor counted {known} rows in all, now {stated}")
