"""Checks how a report is read: where its rows are, in which order the reads are tried, the paging, the format."""

from __future__ import annotations

from collections.abc import Iterator

from worker.json_path import LAST, first_rows
from worker.sources.checks.mistake import Mistake, below
from worker.sources.placeholders import names_in
from worker.sources.schema import (
    Delimited,
    JsonRows,
    LinkPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
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
        yield from below((*place, "format"), _mistakes_in_format(read, report))


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
            allowed = "`resolve` beside it: it is a path in the answer to that"
            hint = "; a count beside the rows belongs into `format`" if word == "total" else ""
            yield Mistake((word,), allowed + hint)


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


# ---------------------------------------------------------------- the format


def _mistakes_in_format(read: Read, report: Report) -> Iterator[Mistake]:
    """What is wrong in the format of a read."""
    match read.format:
        case JsonRows() as rows:
            yield from _mistakes_in_places_of_rows(rows)
            yield from _mistakes_in_next(rows, read.paging)
            yield from _mistakes_in_facts(rows)
            # Where another page has no names, they would be taken from its first row.
            if rows.columns in first_rows(rows.rows) and not isinstance(read.paging, SinglePage):
                yield Mistake(("columns",), "a place beside the rows, or a single page", rows.columns)
        case Delimited() as shape:
            yield from _mistakes_in_characters(shape)
            yield from _mistakes_in_header(shape, report)
            yield from _mistakes_in_footer(shape)
    nulls = read.format.null_values
    if nulls and all(kind == "string" for kind in (*report.columns.values(), *report.columns_from.values())):
        yield Mistake(("null_values",), "`columns` of the report with another type than string")
    if any(text.strip().lower() in ("true", "false") for text in nulls):
        yield Mistake(("null_values",), "texts that are not a value of a declared column")


def _mistakes_in_places_of_rows(declared: JsonRows) -> Iterator[Mistake]:
    wrapped = [path.rpartition("*") for path in declared.rows if declared.object_is_row and "*" in path]
    are_in_one_list = len({before for before, _, _ in wrapped}) < len(wrapped)
    # One list cannot be a row by one path and a batch of rows by another.
    is_in_both = any(
        other.startswith(f"{path}.*" if path else "*") for path in declared.rows for other in declared.rows
    )
    if is_in_both or are_in_one_list:
        yield Mistake(("rows",), "places that are not inside a row of another place")
    # A position would read one batch of several, and the rows of the others would silently be missing.
    not_a_position = "`*` for the members of a list of batches, not a position"
    if any(step.isdigit() for path in declared.rows for step in path.split(".")):
        yield Mistake(("rows",), not_a_position)
    has_batches = any("*" in path.split(".") for path in declared.rows)
    # The names of one batch would be given to the values of all.
    if has_batches and any(step.isdigit() for step in (declared.columns or "").split(".")):
        yield Mistake(("columns",), not_a_position)
    if declared.columns is None and declared.column_name != "name":
        yield Mistake(("column_name",), "`columns` beside it")
    if declared.object_is_row and declared.columns is not None:
        yield Mistake(("object_is_row",), "rows that are lists, since `columns` is beside it")
    if any(not inside for _, _, inside in wrapped):
        allowed = "`rows` that do not end with `*`: a list of objects is itself the place of rows"
        yield Mistake(("object_is_row",), allowed)
    if declared.comma_joined and (declared.columns is not None or wrapped):
        yield Mistake(("comma_joined",), "rows that are objects without a list around them")


def _mistakes_in_next(declared: JsonRows, paging: Paging) -> Iterator[Mistake]:
    is_chain = (isinstance(paging, LinkPaging) and paging.place == "body") or (
        isinstance(paging, TokenPaging) and paging.header is None
    )
    if declared.next and not is_chain:
        yield Mistake(("next",), "a `paging` by link or token that is in the body")
    for word in ("has_more", "is_last"):
        if getattr(declared, word) and isinstance(paging, SinglePage):
            yield Mistake((word,), "a `paging` of several pages")
    if declared.is_last and declared.has_more:
        yield Mistake(("is_last",), "no `has_more` beside it: it says the opposite")
    if declared.total_pages and not isinstance(paging, PageNumberPaging):
        yield Mistake(("total_pages",), "`paging` by page-number")


def _mistakes_in_facts(declared: JsonRows) -> Iterator[Mistake]:
    """A value in a row is not looked at, so that a report would end after its first page without a word."""
    for word in ("total", "total_pages", "next", "has_more", "is_last"):
        for path in getattr(declared, word):
            places = [place for place in declared.rows if f".{path}".startswith(f".{place}." if place else ".")]
            steps = {path[len(place) + 1 if place else 0 :].partition(".")[0] for place in places}
            is_last_row = word == "next" and LAST in steps and path.count(LAST) == 1
            if (any(map(str.isdigit, steps)) or LAST in path.split(".")) and not is_last_row:
                allowed = "a path around the rows; in `next`, -1 after the place of the rows is the last row"
                yield Mistake((word,), allowed, path)


def _mistakes_in_characters(shape: Delimited) -> Iterator[Mistake]:
    if shape.delimiters and "delimiter" in shape.model_fields_set:
        yield Mistake(("delimiter",), "delimiter or delimiters, one of them", shape.delimiter)
    quote = None if shape.quote == "none" else shape.quote
    between = [("delimiters", text) for text in shape.delimiters] or [("delimiter", shape.delimiter)]
    for word, one in between:
        if one in (quote, shape.escape):
            yield Mistake((word,), "another character than quote and escape", one)
    if quote is not None and quote == shape.escape:
        allowed = "another character than the quote; doubled quotes need no `escape`"
        yield Mistake(("escape",), allowed, shape.escape)


def _mistakes_in_header(shape: Delimited, report: Report) -> Iterator[Mistake]:
    if shape.header is False:
        yield from _mistakes_without_header(shape)
    flags = {f"{{{name}}}" for name, param in report.params.items() if param.type == "boolean"}
    if isinstance(shape.header, str) and shape.header not in flags:
        yield Mistake(("header",), "true, false, or the placeholder of a boolean parameter", shape.header)
    if shape.preamble_count is not None and not shape.preamble:
        yield Mistake(("preamble_count",), "a `preamble` beside it, which states it", shape.preamble_count)
    if shape.preamble_count is not None and list(names_in(shape.preamble_count)) != ["count"]:
        allowed = "text with {count}, once, and no other placeholder"
        yield Mistake(("preamble_count",), allowed, shape.preamble_count)
    names_are_declared = bool(report.columns or report.columns_from or shape.required)
    if shape.preamble == "any" and (shape.header is False or not names_are_declared):
        yield Mistake(("preamble",), "a header, and `columns` of the report to recognise it by", "any")


def _mistakes_without_header(shape: Delimited) -> Iterator[Mistake]:
    if not shape.columns:
        yield Mistake(("header",), "`columns` beside it: without a header they name the columns", False)
    if shape.required is not None:
        yield Mistake(("required",), "a header, in which the columns are required", shape.required)
    if shape.same_names != "fail":
        yield Mistake(("same_names",), "a header with names", shape.same_names)
    if shape.missing_fields != "fail":
        allowed = "a header: without one, only their width shows that lines are rows"
        yield Mistake(("missing_fields",), allowed, shape.missing_fields)


def _mistakes_in_footer(shape: Delimited) -> Iterator[Mistake]:
    if shape.footer_is_optional and not shape.footer:
        yield Mistake(("footer_is_optional",), "a `footer` beside it", True)
    for text in shape.footer:
        if wrong := next((name for name in names_in(text) if name != "count"), None):
            yield Mistake(("footer",), "{count}, and no other placeholder", f"{{{wrong}}}")
        if text.strip() and not text.strip(" *"):
            yield Mistake(("footer",), "text that distinguishes a footer from a row", text)
