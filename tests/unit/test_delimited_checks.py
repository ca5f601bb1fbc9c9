"""A field of a CSV format without effect or meaning is refused when the file is read; what vendors do is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.source_files import load_read
from worker.errors import BadInput


def load_delimited(directory: Path, format_: dict[str, Any], **of_report: Any) -> None:
    request = {"path": "/rows", "query": {"headers": "{csv_headers}", "name": "{name}"}}
    params = {"csv_headers": {"type": "boolean"}, "name": {}}
    load_read(directory, request=request, format={"kind": "delimited", **format_}, params=params, **of_report)


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
        ({"header": "yes"}, "header"),
        ({"header": "{name}"}, "header"),
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
def test_a_word_without_effect_or_meaning_is_refused_by_name(
    tmp_path: Path, format_: dict[str, Any], word: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load_delimited(tmp_path, format_)
    assert f"read.0.format.{word}" in caught.value.where


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
def test_everything_that_vendors_are_known_to_do_can_be_declared(tmp_path: Path, format_: dict[str, Any]) -> None:
    load_delimited(tmp_path, format_)


def test_a_header_may_be_searched_for_by_the_columns_of_the_report(tmp_path: Path) -> None:
    load_delimited(tmp_path, {"preamble": "any"}, columns={"Clicks": "integer"})
