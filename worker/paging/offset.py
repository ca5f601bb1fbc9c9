"""Pages by offset: page N is the slice of `limit` rows from (N-1) * limit on, whatever the vendor answers at a time."""

from __future__ import annotations

from typing import Literal

from worker.errors import FailJob
from worker.model import Facts
from worker.paging.pager import Address, Addresses, Following
from worker.sources.schema import OffsetPaging


class Offset:
    """Slices by offset. A vendor may clamp the limit, so a slice is asked for until it is full or nothing comes.

    After a short answer the next begins with the last row that came: a vendor that clamped sends it again, one that
    lost a row on the way sends another. Else the end of that answer would pass for the row that is missing.
    """

    is_addressable = True

    def __init__(self, paging: OffsetPaging) -> None:
        self._paging = paging

    def planned(self, total: int | None, total_pages: int | None) -> int:
        return max(1, -(-(total or 0) // self._paging.limit))

    def addresses(self, number: int, link: str | None, facts: Facts) -> Addresses:
        limit, came = self._paging.limit, 0
        start = (number - 1) * limit
        begins_with: Literal["last", "another"] | None = None
        while True:
            asked = limit - came
            rows = yield self._address(start + came, asked, begins_with, facts.total)
            if rows > asked:
                raise FailJob(f"asked for {asked} rows from row {start + came} on, got {rows}")
            came += rows
            is_end = not rows and begins_with != "last"
            if is_end or came == limit or self._is_all(start + came, facts.total):
                return
            # Where nothing came beyond the repeated row, the end is looked for without it.
            begins_with = "last" if rows else "another"

    def following(self, number: int, rows: int, facts: Facts, planned: int) -> Following:
        """A page that is not full has met the end; behind a full one are as many as the total says, or one more."""
        if rows < self._paging.limit or self._is_all(number * self._paging.limit, facts.total):
            return Following(planned)
        return Following(max(planned, number + 1, self.planned(facts.total, None)))

    def _is_all(self, rows: int, total: int | None) -> bool:
        """Is this the vendor's whole count? A count that stands at its cap proves nothing, so reading goes on."""
        return total is not None and total != self._paging.total_capped_at and rows >= total

    def _address(
        self, offset: int, limit: int, begins_with: Literal["last", "another"] | None, total: int | None
    ) -> Address:
        is_promised = total is not None and (offset < total or total != self._paging.total_capped_at)
        repeated = int(begins_with == "last")
        return Address(
            query={self._paging.limit_param: limit + repeated, self._paging.offset_param: offset - repeated},
            values={"limit": limit + repeated, "offset": offset - repeated},
            begins_with=begins_with,
            is_probe=offset > 0 and not repeated and not is_promised,
        )
