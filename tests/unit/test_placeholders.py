"""Values go where a source file says `{name}`, and nowhere else."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import FailJob
from worker.sources.placeholders import fill, fill_path, names_in


def test_a_text_that_is_nothing_but_a_placeholder_becomes_the_value_with_its_type() -> None:
    values = {"count": 3, "names": ["a", "b"], "flag": False}
    assert fill({"a": "{count}", "b": "{names}", "c": "{flag}"}, values) == {"a": 3, "b": ["a", "b"], "c": False}


def test_in_a_longer_text_the_value_stands_as_text() -> None:
    assert fill(
        "from {day} for {count} by {names} {flag}", {"day": "x", "count": 3, "names": ["a", 1], "flag": True}
    ) == ("from x for 3 by a,1 true")


def test_a_key_without_a_value_is_left_out_at_any_depth() -> None:
    template = {"a": {"b": "{missing}", "c": 1}, "d": ["{missing}", "{here}"], "e": "x{missing}", "f": "{null}"}
    assert fill(template, {"here": 2, "null": None}) == {"a": {"c": 1}, "d": [2]}


def test_nothing_left_is_none_and_a_false_value_is_a_value() -> None:
    assert fill("{missing}", {}) is None
    assert fill({"a": "{zero}", "b": "{empty}"}, {"zero": 0, "empty": ""}) == {"a": 0, "b": ""}


def test_doubled_braces_and_other_braces_are_text() -> None:
    assert fill("query {{name}} { id }", {"name": 1}) == "query {name} { id }"
    assert list(names_in({"a": ["{x}", "{{y}}"], "b": "{z}-{x}"})) == ["x", "z", "x"]


def test_a_template_is_not_changed() -> None:
    template = {"a": ["{x}"], "b": {"c": "{x}"}}
    fill(template, {"x": 1})
    assert template == {"a": ["{x}"], "b": {"c": "{x}"}}


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=200)
def test_a_value_in_a_path_stays_one_segment(value: str) -> None:
    if value in ("", ".", ".."):
        with pytest.raises(FailJob):
            fill_path("/accounts/{account}/rows", {"account": value})
        return
    try:
        path = fill_path("/accounts/{account}/rows", {"account": value})
    except UnicodeEncodeError:
        return  # a lone surrogate is no text that can be sent
    _, accounts, segment, rows = path.split("/")
    assert (accounts, unquote(segment), rows) == ("accounts", value, "rows")
    assert segment.isascii()
    assert not set(segment) & set("?#/ ")


def test_a_path_with_a_missing_value_fails_and_names_it() -> None:
    with pytest.raises(FailJob, match="report_id"):
        fill_path("/reports/{report_id}", {})
