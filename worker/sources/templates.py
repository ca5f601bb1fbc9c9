"""Where a report has requests and placeholders."""

from __future__ import annotations

from collections.abc import Iterator

from worker.sources.placeholders import names_in
from worker.sources.schema import Delimited, OffsetPaging, PageNumberPaging, Report, Request, TokenPaging
from worker.sources.yaml_files import Place


def requests_of(report: Report) -> Iterator[tuple[Place, Request]]:
    """Every request of a report, and its place."""
    if report.submit:
        yield ("submit", "request"), report.submit.request
        if report.submit.adopt:
            yield ("submit", "adopt", "request"), report.submit.adopt.request
    if report.poll and report.poll.request:
        yield ("poll", "request"), report.poll.request
    if report.discard:
        yield ("discard", "request"), report.discard.request
    for position, read in enumerate(report.read):
        if read.resolve:
            yield ("read", position, "resolve"), read.resolve
        if read.request:
            yield ("read", position, "request"), read.request


def path_names(report: Report) -> set[str]:
    """The parameters used in URL paths: each of their values must be one path segment."""
    return {name for _, request in requests_of(report) for name in names_in(request.paths)}


def templates_of(report: Report) -> Iterator[tuple[Place, object, set[str]]]:
    """Every place that may hold placeholders, with the names that Millrace itself fills there."""
    for place, request in requests_of(report):
        yield place, request.model_dump(by_alias=True), _names_filled(report, place)
    if report.submit and report.submit.adopt:
        yield ("submit", "adopt", "match"), report.submit.adopt.match, set()
    if report.poll:
        yield ("poll", "match"), report.poll.match, set()
    for position, read in enumerate(report.read):
        if isinstance(read.paging, PageNumberPaging):
            yield ("read", position, "paging", "size"), read.paging.size, set()
        if isinstance(read.paging, OffsetPaging):
            yield ("read", position, "paging", "limit"), read.paging.limit, set()
        yield ("read", position, "row_limit"), read.row_limit, set()
        if isinstance(read.format, Delimited):
            yield ("read", position, "format", "header"), read.format.header, set()


def texts_in(template: object, place: Place) -> Iterator[tuple[Place, str]]:
    """Every text in a template, and its place."""
    if isinstance(template, str):
        yield place, template
    elif isinstance(template, dict):
        for key, value in template.items():
            yield from texts_in(value, (*place, key))
    elif isinstance(template, list):
        for position, value in enumerate(template):
            yield from texts_in(value, (*place, position))


def _names_filled(report: Report, place: Place) -> set[str]:
    """The names that Millrace itself fills in the request at a place."""
    # Without a submit there is no report id, unless it is a parameter.
    filled = {"report_id"} if report.submit and place[0] != "submit" else set()
    if place[0] != "read":
        return filled
    if report.poll and report.poll.link:
        filled.add("link")
    if place[-1] == "request":
        match report.read[int(place[1])].paging:
            case OffsetPaging():
                filled |= {"limit", "offset"}
            case PageNumberPaging(size=size):
                filled |= {"page_number"} if size is None else {"page_number", "page_size"}
            case TokenPaging():
                filled.add("token")
    return filled
