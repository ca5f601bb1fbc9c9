"""What a source file may not say of a delimited file: words without effect, and what no reader can do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.source_files import report
from worker.sources.ineffective_fields import delimited_mistakes
from worker.sources.schema import Delimited, Report


def refused(format_: dict[str, Any], columns: dict[str, str] | None = None) -> set[str]:
    """The words that are refused."""
    shape = Delimited.model_validate({"kind": "delimited", **format_})
    declared = report({"request": {"path": "/r"}, "format": shape.model_dump()}, columns=columns or {})
    return {word for word, _, _ in delimited_mistakes(shape, Report.model_validate(declared))}


@pytest.mark.parametrize(
    ("format_", "word"),
    [
        ({"delimiter": ";", "delimiters": [",", ";"]}, "delimiter"),
        ({"delimiter": "||"}, "delimiter"),
        ({"delimiters": [",", ""]}, "delimiters"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"quote": "'", "delimiters": ["'"]}, "delimiters"),
        ({"quote": "off"}, "quote"),
        ({"escape": "\\\\"}, "escape"),
        ({"escape": '"'}, "escape"),
        ({"encoding": "utf-9"}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"encoding": "bad\0name"}, "encoding"),
        ({"header": False}, "header"),
        ({"header": False, "columns": ["a"], "required": ["a"]}, "required"),
        ({"header": False, "columns": ["a"], "same_names": "number"}, "same_names"),
        ({"header": False, "columns": ["a"], "preamble": "any"}, "preamble"),
        ({"header": False, "columns": ["a", "b"], "missing_fields": "null"}, "missing_fields"),
        ({"preamble": "any"}, "preamble"),
        ({"preamble_count": "Rows: {count}"}, "preamble_count"),
        ({"preamble": 3, "preamble_count": "Rows: {rows}"}, "preamble_count"),
        ({"preamble": 3, "preamble_count": "Rows"}, "preamble_count"),
        ({"footer_is_optional": True}, "footer_is_optional"),
        ({"footer": ["Total rows: {rows}"]}, "footer"),
        ({"footer": ["*"]}, "footer"),
    ],
)
def test_a_word_without_effect_or_meaning_is_refused_by_name(format_: dict[str, Any], word: str) -> None:
    assert refused(format_) == {word}


@pytest.mark.parametrize(
    "format_",
    [
        {"delimiter": "\x01", "quote": "none", "escape": "\\"},
        {"delimiter": '"', "quote": "none"},
        {"header": False, "columns": ["a", "b"], "preamble": 3, "extra_fields": "drop"},
        {"header": "{csv_headers}", "columns": ["a", "b"], "encoding": "Shift_JIS"},
        {"preamble": 3, "preamble_count": "Rows: {count}"},
        {"preamble": "any", "required": ["a"], "same_names": "number", "line_end": "cr"},
        {"footer": ["Grand Total:", "", "Total rows: {count}", "©*"], "footer_is_optional": True},
    ],
)
def test_what_vendors_do_can_be_said(format_: dict[str, Any]) -> None:
    assert refused(format_) == set()


def test_a_header_may_be_searched_for_by_the_columns_of_the_report() -> None:
    assert refused({"preamble": "any"}, {"Clicks": "integer"}) == set()
