"""Finds fields of a source file that have no effect or contradict others, and says what each would need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from worker.charsets import codec_of
from worker.sources.placeholders import names_in
from worker.sources.schema import (
    Delimited,
    ErrorShape,
    Format,
    JsonRows,
    LinkPaging,
    Ndjson,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Read,
    Report,
    SinglePage,
    TokenPaging,
)
from worker.sources.yaml_files import Place

Rule = tuple[str, bool, str]
"""A field, whether it has no effect or is wrong, and what is allowed."""
Mistake = tuple[str, object, str]
"""A field, what was given, what is allowed."""

OF_A_WINDOW = ("window_ends", "window_form")
_NUMBER = "a number, or a placeholder of a parameter of type integer"
_ONE_CHARACTER = "one character, and no line end"


def without_effect(report: Report) -> Iterator[tuple[Place, str]]:
    """Every field about reading that has no effect or contradicts another, and what it would need."""
    for position, read in enumerate(report.read):
        place: Place = ("read", position)
        for number, earlier in enumerate(report.read[:position]):
            if _takes_all_of(earlier, read, report):
                yield (
                    (*place, "when"),
                    f"what read.{number}, which comes first, does not match too: this read is never chosen",
                )
        for word, allowed in _broken_rules(_read_rules(read, report)):
            yield (*place, word), allowed
        for word, allowed in _broken_rules(_paging_rules(read, report)):
            yield (*place, "paging", word), allowed
        format_rules = [*_null_rules(read.format, report), *_format_rules(read.format, read.paging)]
        for word, allowed in _broken_rules(format_rules):
            yield (*place, "format", word), allowed
        errors = contradicting_errors(read.format.errors)
        yield from (((*place, "format", *where), allowed) for where, allowed in errors)
    yield from (((word,), allowed) for word, allowed in _broken_rules(_report_rules(report)))


def _takes_all_of(earlier: Read, later: Read, report: Report) -> bool:
    """Is the earlier read chosen whenever the later one would be?"""

    def takes(name: str, wanted: object) -> bool:
        if wanted == "*":
            return later.when.get(name) is not None or report.params[name].is_always_given
        return name in later.when and later.when[name] == wanted

    return all(name in report.params and takes(name, wanted) for name, wanted in earlier.when.items())


def _report_rules(report: Report) -> list[Rule]:
    has_window = report.window is not None
    pages_are_counted = any(isinstance(read.format, JsonRows) and read.format.total_pages for read in report.read)
    rows_are_counted = bool(report.poll and report.poll.total) or any(totals_of(read) for read in report.read)
    kinds = {report.params[path].type for path in (report.window or {}).values() if path in report.params}
    always_given = {name for name, param in report.params.items() if param.is_always_given}
    return [
        ("one_of", any(len(set(group)) < 2 for group in report.one_of), "two or more parameters in each group"),
        (
            "one_of",
            any(always_given & set(group) for group in report.one_of),
            "parameters that are neither required nor have a default, since only one of them may be given",
        ),
        *((word, word in report.model_fields_set and not has_window, "a `window` beside it") for word in OF_A_WINDOW),
        ("window", len(kinds) > 1, "two parameters of one type: a date and a time cannot be compared"),
        (
            "window_at_most",
            report.window_at_most is not None and len(report.window or ()) < 2,
            "a `window` with both of its ends",
        ),
        (
            "proof",
            report.proof == "count" and not (pages_are_counted or rows_are_counted),
            "`total` or `total_pages` somewhere, or another proof: there is no count of the rows",
        ),
    ]


def _read_rules(read: Read, report: Report) -> list[Rule]:
    is_counted = bool(totals_of(read) or (report.poll and report.poll.total))
    of_resolve = {"link": read.link, "total": read.total}
    return [
        *(
            (word, bool(paths) and read.resolve is None, "`resolve` beside it: it is a path in the answer to that")
            for word, paths in of_resolve.items()
        ),
        *(
            (word, any("*" in path for path in paths), "paths to one value, without `*`")
            for word, paths in of_resolve.items()
        ),
        ("rows_at_most", read.rows_at_most is not None and not is_counted, "`total`, the count that may be greater"),
        ("row_limit", not set(names_in(read.row_limit)) <= _integers(report), _NUMBER),
        ("rows_at_most", read.rows_at_most not in (None, *_integers(report)), "a parameter of type integer"),
    ]


def contradicting_errors(errors: Iterable[ErrorShape]) -> Iterator[tuple[Place, str]]:
    """The fields of error shapes that contradict each other."""
    for position, shape in enumerate(errors):
        matchers = [name for name in ("equals", "unless", "contains") if getattr(shape, name) is not None]
        rules: list[Rule] = [
            *(
                (word, word in shape.model_fields_set and getattr(shape, word) in (None, "", []), "a value to compare")
                for word in ("equals", "unless", "contains")
            ),
            (matchers[-1] if matchers else "when", len(matchers) > 1, "one of `equals`, `unless` and `contains`"),
            ("when", not shape.when and not matchers, "`contains` beside it: every body matches the empty path"),
            ("wait", shape.wait is not None and shape.then != "rate-limit", "`then: rate-limit` beside it"),
        ]
        yield from ((("errors", position, word), allowed) for word, allowed in _broken_rules(rules))


def _broken_rules(rules: Iterable[Rule]) -> Iterator[tuple[str, str]]:
    return ((word, allowed) for word, is_broken, allowed in rules if is_broken)


def _paging_rules(read: Read, report: Report) -> list[Rule]:
    paging, is_counted = read.paging, bool(totals_of(read))
    match paging:
        case SinglePage():
            return [("total_capped_at", paging.total_capped_at is not None and not is_counted, "`total` in the answer")]
        case OffsetPaging():
            return [
                ("offset_param", paging.offset_param == paging.limit_param, "another parameter than `limit_param`"),
                *_place_rules(read, paging.place),
                ("total_capped_at", paging.total_capped_at is not None and not is_counted, "`total` in the format"),
                ("limit", not set(names_in(paging.limit)) <= _integers(report), _NUMBER),
            ]
        case PageNumberPaging():
            return [
                ("size_param", paging.size_param == paging.number_param, "another parameter than `number_param`"),
                *_place_rules(read, paging.place),
                ("size", not set(names_in(paging.size)) <= _integers(report), _NUMBER),
                ("size_param", paging.size_param is not None and paging.size is None, "`size` beside it"),
                ("ends_with", paging.ends_with == "short" and paging.size is None, "`size`, to recognise a short page"),
            ]
        case LinkPaging():
            in_body = paging.place == "body"
            return [
                ("header", "header" in paging.model_fields_set and in_body, "`place: header` beside it"),
                ("kind", in_body and not _names_next(read.format), "`next` in a json format, or `place: header`"),
                (
                    "method",
                    paging.method == "POST" and (read.request is None or read.request.method != "POST"),
                    "a `request` with `method: POST` beside it, which is sent to the links too",
                ),
            ]
    return [
        ("kind", paging.header is None and not _names_next(read.format), "`next` in a json format, or `header`"),
        *_place_rules(read, paging.place),
    ]


def _integers(report: Report) -> set[str]:
    return {name for name, param in report.params.items() if param.type == "integer"}


def _place_rules(read: Read, place: str) -> list[Rule]:
    sends_form = read.request is not None and read.request.form is not None
    return [
        ("place", place == "json" and sends_form, "`place: form`, since the request has a form"),
        ("place", place == "form" and not sends_form, "a `form` in the request, which may be empty"),
    ]


def _null_rules(declared: Format, report: Report) -> list[Rule]:
    is_typed = any(kind != "string" for kind in (*report.columns.values(), *report.columns_from.values()))
    is_value = any(text.strip().lower() in ("true", "false") for text in declared.null_values)
    return [
        (
            "null_values",
            bool(declared.null_values) and not is_typed,
            "`columns` of the report with another type than string",
        ),
        ("null_values", is_value, "texts that are not a value of a declared column"),
    ]


def _format_rules(declared: Format, paging: Paging) -> list[Rule]:
    if isinstance(declared, Ndjson | Delimited):
        return []
    is_chain = (isinstance(paging, LinkPaging) and paging.place == "body") or (
        isinstance(paging, TokenPaging) and paging.header is None
    )
    takes_one_batch = any(step.isdigit() for path in declared.rows for step in path.split("."))
    # One list cannot be a row by one path and a batch of rows by another.
    is_in_both = any(
        other.startswith(f"{path}.*" if path else "*") for path in declared.rows for other in declared.rows
    )
    has_columns = declared.columns is not None
    wrapped = [path.rpartition("*") for path in declared.rows if declared.object_is_row and "*" in path]
    are_in_one_list = len({before for before, _, _ in wrapped}) < len(wrapped)
    return [
        ("rows", is_in_both or are_in_one_list, "places that are not inside a row of another place"),
        # A position would read one batch of several, and the rows of the others would silently be missing.
        ("rows", takes_one_batch, "`*` for the members of a list of batches, not a position"),
        ("column_name", declared.column_name != "name" and not has_columns, "`columns` beside it"),
        (
            "object_is_row",
            declared.object_is_row and has_columns,
            "rows that are lists, since `columns` is beside it",
        ),
        (
            "object_is_row",
            any(not inside for _, _, inside in wrapped),
            "`rows` that do not end with `*`: a list of objects is itself the place of rows",
        ),
        (
            "comma_joined",
            declared.comma_joined and (has_columns or bool(wrapped)),
            "rows that are objects without a list around them",
        ),
        ("next", bool(declared.next) and not is_chain, "a `paging` by link or token that is in the body"),
        *(
            (word, bool(flag) and isinstance(paging, SinglePage), "a `paging` of several pages")
            for word, flag in (("has_more", declared.has_more), ("is_last", declared.is_last))
        ),
        ("is_last", bool(declared.is_last and declared.has_more), "no `has_more` beside it: it says the opposite"),
        (
            "total_pages",
            bool(declared.total_pages) and not isinstance(paging, PageNumberPaging),
            "`paging` by page-number",
        ),
    ]


def _names_next(declared: Format) -> bool:
    return isinstance(declared, JsonRows) and bool(declared.next)


def totals_of(read: Read) -> list[str]:
    """The paths at which a read finds the vendor's count of rows."""
    match read.format:
        case JsonRows() as found:
            return [*found.total, *read.total]
        case Ndjson(header=header) if header is not None:
            return [header.total, *read.total]
        case Delimited(footer=footer, preamble_count=above):
            return [*(text for text in (*footer, above or "") if "{count}" in text), *read.total]
    return list(read.total)


def delimited_mistakes(shape: Delimited, report: Report) -> Iterator[Mistake]:
    """Every field of a CSV format that has no effect or no meaning beside the others."""
    yield from _character_mistakes(shape)
    names_are_declared = bool(report.columns or report.columns_from or shape.required)
    yield from _header_mistakes(shape, names_are_declared=names_are_declared)
    flags = {f"{{{name}}}" for name, param in report.params.items() if param.type == "boolean"}
    if isinstance(shape.header, str) and shape.header not in flags:
        yield "header", shape.header, "true, false, or the placeholder of a boolean parameter"
    yield from _footer_mistakes(shape)


def _header_mistakes(shape: Delimited, *, names_are_declared: bool) -> Iterator[Mistake]:
    is_headless = shape.header is False
    if is_headless and not shape.columns:
        yield "header", False, "`columns` beside it: without a header they name the columns"
    if is_headless and shape.required is not None:
        yield "required", shape.required, "a header, in which the columns are required"
    if is_headless and shape.same_names != "fail":
        yield "same_names", shape.same_names, "a header with names"
    if is_headless and shape.missing_fields != "fail":
        yield (
            "missing_fields",
            shape.missing_fields,
            "a header: without one, only their width shows that lines are rows",
        )
    if shape.preamble_count is not None and not shape.preamble:
        yield "preamble_count", shape.preamble_count, "a `preamble` beside it, which states it"
    if shape.preamble_count is not None and list(names_in(shape.preamble_count)) != ["count"]:
        yield "preamble_count", shape.preamble_count, "text with {count}, once, and no other placeholder"
    if shape.preamble == "any" and (is_headless or not names_are_declared):
        yield "preamble", "any", "a header, and `columns` of the report to recognise it by"


def _footer_mistakes(shape: Delimited) -> Iterator[Mistake]:
    if shape.footer_is_optional and not shape.footer:
        yield "footer_is_optional", True, "a `footer` beside it"
    for text in shape.footer:
        if wrong := next((name for name in names_in(text) if name != "count"), None):
            yield "footer", f"{{{wrong}}}", "{count}, and no other placeholder"
        if text.strip() and not text.strip(" *"):
            yield "footer", text, "text that distinguishes a footer from a row"


def _character_mistakes(shape: Delimited) -> Iterator[Mistake]:
    if shape.encoding is not None and codec_of(shape.encoding) is None:
        yield "encoding", shape.encoding, "a character set such as utf-8, shift_jis, utf-16 or windows-1252"
    if shape.delimiters and "delimiter" in shape.model_fields_set:
        yield "delimiter", shape.delimiter, "delimiter or delimiters, one of them"
    quote = None if shape.quote == "none" else shape.quote
    between = [("delimiters", one) for one in shape.delimiters] or [("delimiter", shape.delimiter)]
    for word, one in [*between, ("quote", quote), ("escape", shape.escape)]:
        if one is not None and (len(one) != 1 or one in "\r\n"):
            yield word, one, _ONE_CHARACTER if word != "quote" else f"{_ONE_CHARACTER}, or none"
    for word, one in between:
        if one in (quote, shape.escape):
            yield word, one, "another character than quote and escape"
    if quote is not None and quote == shape.escape:
        yield "escape", shape.escape, "another character than the quote; doubled quotes need no `escape`"
