"""Finds words about CSV in a source file that have no effect, or that no reader can follow."""

from __future__ import annotations

from collections.abc import Iterator

from worker.charsets import codec_of
from worker.sources.placeholders import names_in
from worker.sources.schema import Delimited, Report

Mistake = tuple[str, object, str]
"""The word, what was given, what is allowed."""

_ONE_CHARACTER = "one character, and no line end"


def mistakes_in(shape: Delimited, report: Report) -> Iterator[Mistake]:
    """Every word that has no effect or no meaning beside the others."""
    yield from _character_mistakes(shape)
    names_are_declared = bool(report.columns or report.columns_from or shape.required)
    yield from _header_mistakes(shape, names_are_declared=names_are_declared)
    yield from _footer_mistakes(shape)


def _header_mistakes(shape: Delimited, *, names_are_declared: bool) -> Iterator[Mistake]:
    is_headless = shape.header is False
    if is_headless and not shape.columns:
        yield "header", False, "`columns` beside it, which name what no header does"
    if is_headless and shape.required is not None:
        yield "required", shape.required, "a header that could hold them"
    if is_headless and shape.same_names != "fail":
        yield "same_names", shape.same_names, "a header with names"
    if is_headless and shape.missing_fields != "fail":
        yield "missing_fields", shape.missing_fields, "a header: without one only the width shows that these are rows"
    if shape.preamble_count is not None and not shape.preamble:
        yield "preamble_count", shape.preamble_count, "a `preamble` beside it, which it is looked for in"
    if shape.preamble_count is not None and list(names_in(shape.preamble_count)) != ["count"]:
        yield "preamble_count", shape.preamble_count, "text with {count}, once, and no other placeholder"
    if shape.preamble == "any" and (is_headless or not names_are_declared):
        yield "preamble", "any", "a header, and `columns` of the report to know it by"


def _footer_mistakes(shape: Delimited) -> Iterator[Mistake]:
    if shape.footer_is_optional and not shape.footer:
        yield "footer_is_optional", True, "a `footer` beside it"
    for text in shape.footer:
        if wrong := next((name for name in names_in(text) if name != "count"), None):
            yield "footer", f"{{{wrong}}}", "{count}, and no other placeholder"
        if text.strip() and not text.strip(" *"):
            yield "footer", text, "text by which a footer is known from a row"


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
        yield "escape", shape.escape, "another character than the quote; a doubled quote is understood without"
