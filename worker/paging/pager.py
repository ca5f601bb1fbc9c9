"""The interface of all paging kinds, and how the counts that pages state are reconciled.

`tests/contract/test_paging.py` holds every kind to it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from worker.errors import StartOver
from worker.model import PageFacts

Addresses = Generator["Address", PageFacts, str | None]
"""See `Pager.addresses`."""


@dataclass(frozen=True, slots=True)
class Address:
    """How one request of a page differs from the report's first request.

    `query`, `form` and `json_parts` (by path) replace what the declared request has there; `values` fill its
    placeholders. `link` is requested instead of it. `begins_with`: the first row of the answer must be the `last`
    row of the answer before, which is not counted again, or must be `another` one. `is_probe`: no count says that
    there are rows here, so a refusal that the source file declares as the end is the end.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    json_parts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    begins_with: Literal["last", "another"] | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class NextPages:
    """What is known after a page was read: how many pages there are, and the `link` to the next if the page gave one.

    `is_open`: more pages may follow if all `planned` pages together have fewer rows than the vendor counts.
    """

    planned: int
    link: str | None = None
    is_open: bool = False


class Pager(Protocol):
    """One report's pages. Pages count from 1; the same page always asks for the same rows."""

    is_addressable: bool
    """Can any page be requested at any time? Then many are read at once, and a worker may give a page back."""

    cursor_name: str
    """The parameter that leads to the next page, for messages: a vendor that ignores it sends the same rows again."""

    @property
    def size(self) -> int | None:
        """How many rows a full page has; None if the vendor decides."""

    def plan(self, total: int | None) -> int:
        """The number of pages known before any is read, at least 1; `total` is the vendor's count of rows."""

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        """Yields the addresses of one page's requests; after each, the facts of its answer must be sent in.

        `rows` in those facts counts that answer alone, without a repeated row. `total` is the count known before.
        Returns the link or token of the next page, None if there is none. Raises FailJob if the answers lead nowhere.
        """

    def follow(self, number: int, page: PageFacts, planned: int) -> NextPages:
        """What is known after a page was read; `planned` is the number of pages known before.

        Raises StartOver if the count of pages changed from page to page, FailJob if the vendor says that there is more
        but not where.
        """


def build_address(place: Literal["query", "json", "form"], sent: Mapping[str, Any], **more: Any) -> Address:
    """An address whose numbers or token go into the query, into the JSON body or into the form."""
    if place == "json":
        return Address(json_parts=sent, **more)
    return Address(query=sent, **more) if place == "query" else Address(form=sent, **more)


def reconcile_total(known: int | None, stated: int | None, *, capped_at: int | None = None) -> int | None:
    """The count of rows to use from now on: the first one stated. Raises StartOver if a later one contradicts it.

    A count that equals its cap means "at least", so a greater one does not contradict it; nor does 0, which some
    vendors count beside the empty page after the last row.
    """
    if stated is None or stated < 0 or stated == known:
        return known
    if known is None:
        return stated
    if capped_at in (known, stated) and (min(known, stated) == capped_at or stated == 0):
        return known
    raise StartOver(f"the vendor counted {known} rows before and counts {stated} now")


def may_be_limit(rows: int) -> bool:
    """Is this a number of rows that a vendor may allow at most? All that are known end in 0, but for 25."""
    return rows > 0 and (rows % 10 == 0 or rows == 25)
