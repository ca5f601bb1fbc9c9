"""One request has it all."""

from __future__ import annotations

from worker.model import PageFacts
from worker.paging.pager import Address, Addresses, Following


class Single:
    """A report of one page."""

    is_addressable = False
    moved_by = ""

    def planned(self, total: int | None, total_pages: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        yield Address()
        return None

    def following(self, number: int, page: PageFacts, planned: int) -> Following:
        return Following(1)
