"""Paging by offset: page N is the `limit` rows from offset (N - 1) * limit on, in as many requests as it takes."""

from __future__ import annotations

from typing import Literal

from worker.errors import FailJob
from worker.model import PageFacts
from worker.paging.pager import Address, Addresses, NextPages, build_address
from worker.sources.schema import OffsetPaging


class Offset:
    """Pages by offset. A vendor may cap the limit, so requests continue until the page is full or no more rows come.

    After a short answer the next request begins one row early, at the last row that came. If the vendor only capped the
    limit, that row comes again; if another row comes, a row was lost in between, which nothing else would show.
    """

    is_addressable = True

    def __init__(self, paging: OffsetPaging, limit: int) -> None:
        self.cursor_name = f"`{paging.offset_param}`"
        self._paging = paging
        self.size = limit

    def plan(self, total: int | None) -> int:
        return max(1, -(-(total or 0) // self.size))  # rounded up

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        got = 0
        start = (number - 1) * self.size
        begins_with: Literal["last", "another"] | None = None
        while True:
            asked = self.size - got
            answer = yield self._address(start + got, asked, begins_with, total)
            total = answer.total
            if answer.rows > asked:
                ignored = f"the vendor ignores `{self._paging.limit_param}` or {self.cursor_name}"
                raise FailJob(f"asked for {asked} rows from row {start + got} on, got {answer.rows}: {ignored}")
            got += answer.rows
            is_short_the_end = self._paging.ends_with == "short" and not answer.has_more
            is_end = is_short_the_end or (not answer.rows and begins_with != "last")
            is_all = self._is_all(start + got, total) and not answer.has_more
            if is_end or is_all or got == self.size or answer.is_declared_last:
                return None
            # If only the repeated row came, the next request leaves it out: an empty answer is then the end.
            begins_with = "last" if answer.rows else "another"

    def follow(self, number: int, page: PageFacts, planned: int) -> NextPages:
        """A page that is not full is the last. After a full page there are as many as the total says, or one more."""
        read = (number - 1) * self.size + page.rows
        is_full = page.rows == self.size
        # A count that the vendor contradicts may be that of one page. Nothing follows a page that is not full.
        is_all = self._is_all(read, page.total) and not (page.has_more and is_full)
        if page.is_declared_last or is_all:
            return NextPages(planned)
        if not is_full:
            if page.has_more:
                raise FailJob(f"no row follows row {read}, but the vendor says that more pages follow")
            return NextPages(planned)
        return NextPages(max(planned, number + 1, self.plan(page.total)))

    def _is_all(self, rows: int, total: int | None) -> bool:
        """Are these all rows that the vendor counts? A count that equals its cap proves nothing."""
        return total is not None and total != self._paging.total_capped_at and rows >= total

    def _address(
        self, offset: int, limit: int, begins_with: Literal["last", "another"] | None, total: int | None
    ) -> Address:
        paging = self._paging
        is_promised = total is not None and (offset < total or total != paging.total_capped_at)
        repeated = int(begins_with == "last")
        limit, at = limit + repeated, paging.first + offset - repeated
        return build_address(
            paging.place,
            {paging.limit_param: limit, paging.offset_param: at},
            values={"limit": limit, "offset": at},
            begins_with=begins_with,
            is_probe=offset > 0 and not repeated and not is_promised,
        )
