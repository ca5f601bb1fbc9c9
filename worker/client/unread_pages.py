"""Finds a next page that an answer names although the source file declares no paging.

Such a report would end after its first page: the file was tried with an account whose rows fit on one, or the vendor
has divided the report into pages since.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from worker.errors import FailJob
from worker.model import Facts
from worker.paging.chain import next_in_link_header
from worker.sources.schema import JsonRows, Read, SinglePage

_AROUND = (
    "", "data.", "paging.", "data.paging.", "pagination.", "page.", "pageInfo.", "page_info.", "meta.", "metadata.",
    "meta.pagination.", "links.", "_links.", "response_metadata.",
)  # fmt: skip
_NAMES = (
    "next", "next.href", "next_link", "nextLink", "@odata.nextLink", "next_url", "nextUrl", "@nextpageuri", "next_page",
    "nextPage", "next_page_url", "nextPageUrl", "next_page_token", "nextPageToken", "next_token", "nextToken",
    "next_cursor", "nextCursor", "has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage",
)  # fmt: skip
_PLACES = tuple(around + name for around, name in product(_AROUND, _NAMES))


def places_to_watch(read: Read) -> tuple[str, ...]:
    """Where the answers of a read may name a next page that nobody would read.

    Not where an object may be a row, or a batch of rows: there, such a name may be a value of the report.
    """
    shape = read.format
    if not _is_single(read) or not isinstance(shape, JsonRows):
        return ()
    objects = [path.partition("*")[0] for path in shape.rows if shape.object_is_row or "*" in path]
    inside = tuple(path.removesuffix(".") + "." if path else "" for path in objects)
    return tuple(place for place in _PLACES if not place.startswith(inside)) if inside else _PLACES


def refuse_unread(read: Read, facts: Facts, headers: Mapping[str, str]) -> None:
    """Raise FailJob if an answer that should be the whole report, and has no count, names a next page."""
    if not _is_single(read):
        return
    place = facts.seen and f"at {facts.seen!r}"
    if next_in_link_header(headers.get("Link", "")):
        place = "in the header Link"
    if place:
        remedy = "declare `paging`, or `{kind: single, first_page_only: true}` if the rest is not wanted"
        raise FailJob(f"the vendor names a next page {place}, but no paging is declared: {remedy}")


def _is_single(read: Read) -> bool:
    return isinstance(read.paging, SinglePage) and not read.paging.first_page_only
