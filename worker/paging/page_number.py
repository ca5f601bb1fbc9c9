"""Pages by number, up to the vendor's count of pages, or until one is empty."""

from __future__ import annotations

from worker.errors import StartOver
from worker.model import Facts
from worker.paging.pager import Address, Addresses, Following
from worker.sources.schema import PageNumberPaging


class PageNumber:
    """Numbered pages. How many rows one brings is the vendor's affair, so a short page ends nothing by itself."""

    is_addressable = True

    def __init__(self, paging: PageNumberPaging, size: int | None) -> None:
        self._paging = paging
        self._size = size

    def planned(self, total: int | None, total_pages: int | None) -> int:
        if total_pages is not None:
            return max(1, total_pages)
        return max(1, -(-total // self._size)) if total is not None and self._size else 1

    def addresses(self, number: int, link: str | None, facts: Facts) -> Addresses:
        position = self._paging.first + number - 1
        sent = {self._paging.number_param: position}
        if self._paging.size_param and self._size is not None:
            sent[self._paging.size_param] = self._size
        yield Address(
            query=sent if self._paging.place == "query" else {},
            json_parts=sent if self._paging.place == "json" else {},
            values={"page_number": position, "page_size": self._size},
            is_probe=number > 1 and facts.total is None and facts.total_pages is None,
        )

    def following(self, number: int, rows: int, facts: Facts, planned: int) -> Following:
        if facts.total_pages is not None:
            pages = max(1, facts.total_pages)
            # Where rows are counted as well, their count decides whether the report changed.
            if number > 1 and pages != planned and facts.total is None:
                raise StartOver(f"page {number} counts {pages} pages, another page counted {planned}")
            return Following(max(planned, pages))
        return Following(max(planned, number + 1) if rows else planned)
