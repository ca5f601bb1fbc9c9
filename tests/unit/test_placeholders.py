"""Values go where a source file says `{name}`, and nowhere else."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import FailJob
from worker.sources.placeholders import fill, fill_path, fill_query, names_in


def test_a_text_that_is_nothing_but_a_placeholder_becomes_the_value_with_its_type() -> None:
    values = {"count": 3, "names": ["a", "b"], "flag": False}
    assert fill({"a": "{count}", "b": "{names}", "c": "{flag}"}, values) == {"a": 3, "b": ["a", "b"], "c": False}


def test_in_a_longer_text_the_value_is_inserted_as_text() -> None:
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


def test_a_value_may_be_sent_as_a_number_or_as_json_text() -> None:
    values = {"id": "777", "names": ["a", "b"], "object": {"x": [1, None]}, "day": "2026-11-03", "text": 'say "a"'}
    assert fill({"ids": ["{id|integer}"], "day": "{day:%-d|integer}"}, values) == {"ids": [777], "day": 3}
    assert fill(["{names|json}", "{object|json}", "{text|json}"], values) == [
        '["a","b"]',
        '{"x":[1,null]}',
        '"say \\"a\\""',
    ]
    assert fill({"a": "{missing|json}", "b": "{{id|json}} {id|integer}"}, values) == {"b": "{id|json} 777"}


def test_a_value_without_digits_is_not_a_number() -> None:
    with pytest.raises(FailJob, match="report_id: the request needs an integer, not 'r-7'"):
        fill("{report_id|integer}", {"report_id": "r-7"})


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{day:%Y%m%d}", "20261103"),
        ("{day:%-d.%-m.%y}", "3.11.26"),
        ("{day:%d-%b-%Y}", "03-Nov-2026"),
        ("{day:%Y-%j}/100%", "2026-307/100%"),
        ("from {day:%d%%} on", "from 03% on"),
        ("{at:%Y-%m-%d %H:%M:%S%z}", "2026-11-03 07:05:09+0100"),
        ("{at:%s}", "1793685909"),
        ("{at:%s}000", "1793685909000"),
        ("{local:%-H:%M}", "7:05"),
        ("{{day:%Y}} {{day}}", "{day:%Y} {day}"),
        (["{day:%Y}", {"to": "{none:%Y}"}], ["2026", {}]),
        ("{day:%Y}-{none:%Y}", None),
    ],
)
def test_a_date_is_written_in_the_form_that_the_vendor_needs(template: object, filled: object) -> None:
    values = {"day": "2026-11-03", "at": "2026-11-03T07:05:09+01:00", "local": "2026-11-03T07:05:09.000", "none": None}
    assert fill(template, values) == filled


def test_a_date_in_a_path_may_have_a_form() -> None:
    assert fill_path("/days/{day:%Y/%m}", {"day": "2026-11-03"}) == "/days/2026%2F11"


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("a=(start:(year:{day:%Y},month:{day:%-m}))", "a=(start:(year:2026,month:11))"),
        ("a=List(urn%3Ali%3A{id})&b={id}", "a=List(urn%3Ali%3A7%26x)&b=7%26x"),
        ("ids=List({ids})", "ids=List(a%2C1,b%3A2)"),
        ("a=1&b={none}&c=x{none}&d=2", "a=1&d=2"),
        ("b={none}", ""),
        ("q={{id}}", "q=%7Bid%7D"),
        ("is={flag}&n={n}", "is=true&n=1.50"),
    ],
)
def test_a_query_is_written_as_it_is_and_no_value_breaks_out_of_it(template: str, filled: str) -> None:
    values = {"day": "2026-11-03", "id": "7&x", "ids": ["a,1", "b:2"], "none": None, "flag": True, "n": "1.50"}
    assert fill_query(template, values) == filled


def test_filling_a_template_does_not_change_it() -> None:
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
        return  # text with a lone surrogate cannot be sent
    _, accounts, segment, rows = path.split("/")
    assert (accounts, unquote(segment), rows) == ("accounts", value, "rows")
    assert segment.isascii()
    assert not set(segment) & set("?#/ ")


def test_a_path_with_a_missing_value_fails_and_names_it() -> None:
    with pytest.raises(FailJob, match="report_id"):
        fill_path("/reports/{report_id}", {})
