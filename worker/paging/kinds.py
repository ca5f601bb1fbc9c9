"""The paging kinds and the class of each. A new kind needs a file beside this one and a case in `pager_for`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.errors import FailJob
from worker.model import PageFacts
from worker.paging.chain import by_link, by_token
from worker.paging.offset import Offset
from worker.paging.page_number import PageNumber
from worker.paging.pager import Address, Addresses, NextPages, Pager
from worker.sources.placeholders import fill
from worker.sources.schema import LinkPaging, OffsetPaging, PageNumberPaging, Read, TokenPaging


class Single:
    """A report of one page: one request has it all."""

    is_addressable = False
    size = None
    cursor_name = ""

    def plan(self, total: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        yield Address()
        return None

    def follow(self, number: int, page: PageFacts, planned: int) -> NextPages:
        return NextPages(1)


def pager_for(read: Read, params: Mapping[str, Any]) -> Pager:
    """The pager that a source file declares. Raises FailJob if a parameter gives no usable page size."""
    match read.paging:
        case OffsetPaging() as paging:
            limit = _size(paging.limit, params)
            if limit is None:
                raise FailJob(f"{paging.limit} has no value, so the number of rows of a page is unknown")
            return Offset(paging, limit)
        case PageNumberPaging() as paging:
            return PageNumber(paging, _size(paging.size, params))
        case LinkPaging() as paging:
            return by_link(paging)
        case TokenPaging() as paging:
            return by_token(paging)
    return Single()


def _size(declared: int | str | None, params: Mapping[str, Any]) -> int | None:
    """The number of rows of a page: as declared, or the value of the parameter that the declaration names."""
    given = fill(declared, params)
    if given is None:
        return None
    if not str(given).isdecimal() or int(given) < 1:
        raise FailJob(f"{given!r} is not a valid page size")
    return int(given)
