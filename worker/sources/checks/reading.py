"""Checks how a report is read: where its rows are, in which order the reads are tried, and the paging."""

from __future__ import annotations

from collections.abc import Iterator

from worker.sources.checks.formats import mistakes_in_format
from worker.sources.checks.mistake import Mistake, below
from worker.sources.placeholders import names_in
from worker.sources.schema import (
    JsonRows,
    LinkPaging,
    OffsetPaging,
    PageNumberPaging,
    Poll,
    Read,
    Report,
    SinglePage,
    TokenPaging,
)

_NUMBER = "a number, or a placeholder of a parameter of type integer"


def mistakes_in_reads(report: Report) -> Iterator[Mistake]:
    """Reads without an address or never chosen, and what is wrong in the paging and the format of each."""
    for position, read in enumerate(report.read):
        place = ("read", position)
        yield from below(place, _mistakes_in_address(read, report.poll))
        for number, earlier in enumerate(report.read[:position]):
            if _takes_all_of(earlier, read, report):
                allowed = f"what read.{number}, which comes first, does not match too: this read is never chosen"
                yield Mistake((*place, "when"), allowed)
        yield from below(place, _mistakes_in_limits(read, report))
        yield from below((*place, "paging"), _mistakes_in_paging(read, _integers(report)))
        yield from below((*place, "format"), mistakes_in_format(read, report))


def _mistakes_in_address(read: Read, poll: Poll | None) -> Iterator[Mistake]:
    if read.request and read.resolve:
        yield Mistake((), "one of them", "request and resolve")
    if not (read.request or read.resolve or (poll and (poll.link or poll.holds_rows))):
        yield Mistake((), "`request`, `resolve`, or a `link` of the poll", "no address")
    if read.resolve and not read.link:
        yield Mistake((), "`link`, the path of the address in the answer", "resolve without link")
    if isinstance(read.paging, OffsetPaging | PageNumberPaging) and not read.request:
        yield Mistake((), "a `request` that the numbers go into", "numbered pages at a link")
    for word, paths in (("link", read.link), ("total", read.total)):
        if paths and read.resolve is None:
            yield Mistake((word,), "`resolve` beside it: it is a path in the answer to that")


def _takes_all_of(earlier: Read, later: Read, report: Report) -> bool:
    """Is the earlier read chosen whenever the later one would be?"""

    def takes(name: str, wanted: object) -> bool:
        if wanted == "*":
            return later.when.get(name) is not None or report.params[name].is_always_given
        return name in later.when and later.when[name] == wanted

    return all(takes(name, wanted) for name, wanted in earlier.when.items())


def _integers(report: Report) -> set[str]:
    return {name for name, param in report.params.items() if param.type == "integer"}


def _mistakes_in_limits(read: Read, report: Report) -> Iterator[Mistake]:
    if read.rows_at_most is not None and not (read.totals or (report.poll and report.poll.total)):
        yield Mistake(("rows_at_most",), "`total`, the count that may be greater")
    if not _integers(report).issuperset(names_in(read.row_limit)):
        yield Mistake(("row_limit",), _NUMBER)
    if read.rows_at_most not in (None, *_integers(report)):
        yield Mistake(("rows_at_most",), "a parameter of type integer")


def _mistakes_in_paging(read: Read, integers: set[str]) -> Iterator[Mistake]:
    match read.paging:
        case SinglePage(total_capped_at=cap) if cap is not None and not read.totals:
            yield Mistake(("total_capped_at",), "`total` in the answer")
        case OffsetPaging() as paging:
            yield from _mistakes_in_offsets(paging, read, integers)
        case PageNumberPaging() as paging:
            yield from _mistakes_in_page_numbers(paging, read, integers)
        case LinkPaging() as paging:
            yield from _mistakes_in_links(paging, read)
        case TokenPaging() as paging:
            if paging.header is None and not _names_next(read):
                yield Mistake(("kind",), "`next` in a json format, or `header`")
            yield from _mistakes_in_place(paging.place, read)


def _mistakes_in_offsets(paging: OffsetPaging, read: Read, integers: set[str]) -> Iterator[Mistake]:
    if paging.offset_param == paging.limit_param:
        yield Mistake(("offset_param",), "another parameter than `limit_param`")
    yield from _mistakes_in_place(paging.place, read)
    if paging.total_capped_at is not None and not read.totals:
        yield Mistake(("total_capped_at",), "`total` in the format")
    if not integers.issuperset(names_in(paging.limit)):
        yield Mistake(("limit",), _NUMBER)


def _mistakes_in_page_numbers(paging: PageNumberPaging, read: Read, integers: set[str]) -> Iterator[Mistake]:
    if paging.size_param == paging.number_param:
        yield Mistake(("size_param",), "another parameter than `number_param`")
    yield from _mistakes_in_place(paging.place, read)
    if not integers.issuperset(names_in(paging.size)):
        yield Mistake(("size",), _NUMBER)
    if paging.size is None and paging.size_param is not None:
        yield Mistake(("size_param",), "`size` beside it")
    if paging.size is None and paging.ends_with == "short":
        yield Mistake(("ends_with",), "`size`, to recognise a short page")


def _mistakes_in_links(paging: LinkPaging, read: Read) -> Iterator[Mistake]:
    if paging.place == "body":
        if "header" in paging.model_fields_set:
            yield Mistake(("header",), "`place: header` beside it")
        if not _names_next(read):
            yield Mistake(("kind",), "`next` in a json format, or `place: header`")
    if paging.method == "POST" and (read.request is None or read.request.method != "POST"):
        yield Mistake(("method",), "a `request` with `method: POST` beside it, which is sent to the links too")


def _mistakes_in_place(place: str, read: Read) -> Iterator[Mistake]:
    sends_form = read.request is not None and read.request.form is not None
    if place == "json" and sends_form:
        yield Mistake(("place",), "`place: form`, since the request has a form")
    if place == "form" and not sends_form:
        yield Mistake(("place",), "a `form` in the request, which may be empty")


def _names_next(read: Read) -> bool:
    return isinstance(read.format, JsonRows) and bool(read.format.next)
