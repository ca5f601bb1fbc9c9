"""One request has it all."""

from __future__ import annotations

from worker.model import Facts
from worker.paging.pager import Address, Addresses, Following


class Single:
    """A report of one page."""

    is_addressable = False

    def planned(self, total: int | None, total_pages: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, facts: Facts) -> Addresses:
        yield Address()

    def following(self, number: int, rows: int, facts: Facts, planned: int) -> Following:
        return Following(1)
