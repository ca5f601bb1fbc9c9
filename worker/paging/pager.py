"""What every way of paging promises. One contract suite, `tests/contract/test_paging.py`, runs over all of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from worker.model import Facts

Addresses = Generator["Address", int, None]


@dataclass(frozen=True, slots=True)
class Address:
    """How one request of a page differs from the report's first.

    `query` and `json_parts` (by path) are sent in place of what the request says there; `values` fill placeholders.
    `link` is asked instead of the request itself. `begins_with`: its first row must be the last that came, again, and
    is not counted; or must be another. `is_probe`: no count promises rows here, so a refusal may mean the end.
    """

    query: Mapping[str, Any] = field(default_factory=dict)
    json_parts: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    begins_with: Literal["last", "another"] | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """What a finished page led to: the pages now known, and the address of the next where only this page knew it."""

    planned: int
    link: str | None = None


class Pager(Protocol):
    """One report's pages. Pages count from 1; the same page always asks for the same rows."""

    is_addressable: bool
    """Can any page be asked for at any time, so that many are read at once and one can be given back?"""

    def planned(self, total: int | None, total_pages: int | None) -> int:
        """The pages known before any is read; at least 1."""

    def addresses(self, number: int, link: str | None, facts: Facts) -> Addresses:
        """The requests of one page, one after another; each is answered by sending the number of rows that came.

        `facts` holds what is known of the report and what the answers said. Raises FailJob where there is no end.
        """

    def following(self, number: int, rows: int, facts: Facts, planned: int) -> Following:
        """What a page of `rows` rows led to, where `planned` pages were known.

        The end is an answer without rows, the count of pages reached, or no further link. StartOver where the count of
        pages changed between pages.
        """
