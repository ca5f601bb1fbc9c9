"""Finds out that an answer is not the whole report although the source file declares no paging.

Such a report would end after its first page: the file was tried with an account whose rows fit on one, or the vendor
has divided the report into pages since. Then the answer names a next page, or counts more pages or rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from worker.errors import MorePages
from worker.json_path import count, flag, link
from worker.model import Facts
from worker.paging.chain import next_in_link_header
from worker.sources.schema import JsonRows, Read, SinglePage

_AROUND_PAGING = ("paging.", "data.paging.", "pagination.", "page.", "pageInfo.", "page_info.", "meta.pagination.")
_AROUND = ("", "data.", *_AROUND_PAGING, "data.page_info.", "meta.", "metadata.", "links.", "_links.",
    "response_metadata.",
)  # fmt: skip
_NEXT = (
    "next", "next.href", "next_link", "nextLink", "@odata.nextLink", "next_url", "nextUrl", "@nextpageuri", "next_page",
    "nextPage", "next_page_url", "nextPageUrl", "next_page_token", "nextPageToken", "next_token", "nextToken",
    "next_cursor", "nextCursor", "has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage",
)  # fmt: skip
_PAGES = (
    "total_pages", "totalPages", "total_page", "totalPage", "page_count", "pageCount", "num_pages", "numPages",
    "numpages", "@numpages", "last_page", "lastPage",
)  # fmt: skip
_ROWS = (
    "total_results", "totalResults", "total_count", "totalCount", "total_rows", "totalRows", "totalRowCount",
    "total_records", "totalRecords", "total_elements", "totalElements", "total_items", "totalItems", "total_number",
    "@total", "@odata.count",
)  # fmt: skip
_NAMING_NEXT = tuple(around + name for around, name in product(_AROUND, _NEXT))
_COUNTING_PAGES = tuple(around + name for around, name in product(_AROUND, _PAGES))
# A `total` elsewhere may be that of a figure.
_COUNTING_ROWS = (
    *(around + name for around, name in product(_AROUND, _ROWS)), *(around + "total" for around in _AROUND_PAGING),
)  # fmt: skip
_PLACES = (*_NAMING_NEXT, *_COUNTING_PAGES, *_COUNTING_ROWS)


def places_to_watch(read: Read) -> tuple[str, ...]:
    """Where the answers of a read may say that there are pages that nobody would read.

    Not where an object may be a row, or a batch of rows: there, such a name may be a value of the report.
    """
    shape = read.format
    if not _is_single(read) or not isinstance(shape, JsonRows):
        return ()
    objects = [path.partition("*")[0] for path in shape.rows if shape.object_is_row or "*" in path]
    inside = tuple(path.removesuffix(".") + "." if path else "" for path in objects)
    # The vendor counts the empty rows as well.
    places = (*_NAMING_NEXT, *_COUNTING_PAGES) if shape.skip_empty else _PLACES
    return tuple(place for place in places if not place.startswith(inside)) if inside else places


def refuse_unread(read: Read, facts: Facts, rows: int, headers: Mapping[str, str]) -> None:
    """Raise MorePages if an answer that should be the whole report, and has no declared count, speaks of more pages."""
    if not _is_single(read):
        return
    if said := _says_more(facts, rows, headers):
        remedy = "declare `paging`, or `{kind: single, first_page_only: true}` if the rest is not wanted"
        raise MorePages(said, remedy)


def _says_more(facts: Facts, rows: int, headers: Mapping[str, str]) -> str | None:
    if next_in_link_header(headers.get("Link", "")):
        return "the vendor names a next page in the header Link"
    for place, found in facts.seen.items():
        if place in _NAMING_NEXT:
            # Not one of the words and numbers that mean none.
            if found is True or (flag([found]) is not False and link([found]) not in (None, "-1")):
                return f"the vendor names a next page at {place!r}"
        elif place in _COUNTING_PAGES:
            if (pages := count([found]) or 0) > 1:
                return f"the vendor counts {pages} pages at {place!r}"
        elif (counted := count([found]) or 0) > rows:
            return f"the vendor counts {counted} rows at {place!r}, of which {rows} came"
    return None


def _is_single(read: Read) -> bool:
    return isinstance(read.paging, SinglePage) and not read.paging.first_page_only
