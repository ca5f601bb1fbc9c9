"""How to address the pages of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.errors import FailJob
from worker.paging.link import by_link, by_token
from worker.paging.offset import Offset
from worker.paging.page_number import PageNumber
from worker.paging.pager import Address, Following, Pager
from worker.paging.single import Single
from worker.sources.placeholders import fill
from worker.sources.schema import LinkPaging, OffsetPaging, PageNumberPaging, Read, SinglePage

__all__ = ["Address", "Following", "Pager", "pager_for"]


def pager_for(read: Read, params: Mapping[str, Any]) -> Pager:
    """The pager a read declares. FailJob where a parameter gives no usable page size."""
    paging = read.paging
    if isinstance(paging, SinglePage):
        return Single()
    if isinstance(paging, OffsetPaging):
        return Offset(paging)
    if isinstance(paging, PageNumberPaging):
        return PageNumber(paging, _size(paging, params))
    return by_link() if isinstance(paging, LinkPaging) else by_token(paging)


def _size(paging: PageNumberPaging, params: Mapping[str, Any]) -> int | None:
    given = fill(paging.size, params)
    if given is None:
        return None
    if not str(given).isdecimal() or int(given) < 1:
        raise FailJob(f"{given!r} is no number of rows a page may have")
    return int(given)
