"""Paging by page number, up to the vendor's count of pages or rows, or until a page is empty."""

from __future__ import annotations

from worker.errors import FailJob, StartOver
from worker.model import PageFacts
from worker.paging.pager import Addresses, NextPages, build_address
from worker.sources.schema import PageNumberPaging


class PageNumber:
    """Numbered pages. The vendor decides how many rows a page has, so a short page is not the end by itself.

    If the vendor counts rows, the size of the first page shows how many pages there are; none beyond are requested.
    """

    is_addressable = True

    def __init__(self, paging: PageNumberPaging, size: int | None) -> None:
        self.cursor_name = f"`{paging.number_param}`"
        self._paging = paging
        self.size = size

    def plan(self, total: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        position = self._paging.first + number - 1
        sent = {self._paging.number_param: position}
        if self._paging.size_param and self.size is not None:
            sent[self._paging.size_param] = self.size
        values = {"page_number": position, "page_size": self.size}
        yield build_address(self._paging.place, sent, values=values, is_probe=number > 1 and total is None)
        return None

    def follow(self, number: int, page: PageFacts, planned: int) -> NextPages:
        if page.total_pages is not None:
            return self._follow_counted(number, page, page.total_pages, planned)
        if page.is_declared_last:
            return NextPages(planned)
        if not page.rows:
            # Whether a counted report is complete shows at its end.
            if page.has_more and page.total is None:
                raise FailJob(f"page {number} is empty, but the vendor says that more pages follow")
            return NextPages(planned)
        is_short = self.size is not None and page.rows < self.size
        if self._paging.ends_with == "short" and is_short and not page.has_more:
            return NextPages(planned)
        if page.total is None:
            return NextPages(max(planned, number + 1))
        counted = -(-page.total // page.rows) if number == 1 else 1  # rounded up
        return NextPages(max(planned, counted, number + bool(page.has_more)), is_open=True)

    def _follow_counted(self, number: int, page: PageFacts, counted: int, planned: int) -> NextPages:
        """There are as many pages as counted; if rows are counted as well, no more pages than they need."""
        if page.total is None:
            if number > 1 and counted != planned:
                raise StartOver(f"page {number} counts {counted} pages, but another page counted {planned}")
            return NextPages(max(planned, counted))
        # The last page may be short, so only the others show how many rows a page has.
        if page.rows and (number == 1 or number < planned):
            needed = -(-page.total // page.rows)  # rounded up
            planned = max(planned, min(counted, needed))
        return NextPages(planned, is_open=bool(page.rows) and number < counted)
