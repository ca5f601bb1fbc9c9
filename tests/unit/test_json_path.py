"""Paths in JSON, and the ways in which vendors write counts, links and flags."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from worker import json_path
from worker.json_path import count, find, find_all, first, flag, is_choice, is_same, link, links, number

ANSWER = {
    "data": {"rows": [{"id": 7}, {"id": 8}], "a.b": {"c": 1}, "x": {"y": None}, "x.y": 2},
    "links": [{"rel": "self", "href": "/a"}, {"rel": "Next ", "href": "/b"}, "odd"],
    "0": "zero",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.rows.0.id", 7),
        ("data.rows.1.id", 8),
        ("data.rows.2.id", None),
        ("data.rows.-1.id", None),
        ("data.rows.id", None),
        ("data.rows.0.id.x", None),
        ("data.a.b.c", 1),
        ("data.x.y", 2),
        ("links.[rel=next].href", "/b"),
        ("links.[rel=last].href", None),
        ("data.[rel=next].href", None),
        ("0", "zero"),
        ("none", None),
        ("", ANSWER),
    ],
)
def test_a_path_leads_to_its_value_or_to_none(path: str, value: Any) -> None:
    assert find(ANSWER, path) == value
    assert first(ANSWER, ["none", path, "links"]) == (ANSWER["links"] if value is None else value)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"@odata.count": 7}, "@odata.count"),
        ({"d": {"a.b": {"c": 7}}}, "d.a.b.c"),
        ({"a": {"x": 1}, "a.b.c": 7}, "a.b.c"),
        ({"a.b": {"c": None}, "a": {"b.c": 7}}, "a.b.c"),
        ({"links": [{"link.rel": "next", "link.href": 7}]}, "links.0.link.href"),
    ],
)
def test_a_name_in_a_path_may_have_dots(content: object, path: str) -> None:
    assert find(content, path) == 7


def test_a_path_with_a_star_leads_to_every_value() -> None:
    assert find_all(ANSWER, "data.rows.*.id") == [7, 8]
    assert find_all(ANSWER, "links.*.href") == ["/a", "/b"]
    assert find_all([["a"], ["b", "c"], "d"], "*.*") == ["a", "b", "c"]
    assert find_all(ANSWER, "data.rows.0.id") == [7]
    assert find_all(ANSWER, "none.*") == []


@pytest.mark.parametrize(
    ("step", "expected"), [("[rel=next]", True), ("[rel='next']", False), ('[rel="next"]', False), ("rel", False)]
)
def test_a_step_that_chooses_has_no_quotes(step: str, expected: bool) -> None:
    assert is_choice(step) is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (605, 605),
        (605.0, 605),
        (Decimal("605.0"), 605),
        ("605", 605),
        (" 605 ", 605),
        ("605.00", 605),
        ("1,605", 1605),
        ("12,345,678", 12_345_678),
        (2**53, 2**53),
        (0, 0),
        ("0", 0),
        *(
            (value, None)
            for value in (
                -1,
                "-1",
                1.5,
                "1.5",
                True,
                2**53 + 1,
                "1,60",
                "1605,000",
                "10,000+",
                "9" * 5_000,
                -1.0,
                "",
                "many",
                None,
                [1],
            )
        ),
        *((value, None) for value in ("", "many", None, [1], Decimal("1e400"), float("nan"), float("inf"))),
    ],
)
def test_a_count_is_a_whole_number_however_it_is_written(found: Any, expected: int | None) -> None:
    assert count([found]) == json_path.count_in({"total": found}, ["absent", "total"]) == expected
    if found != -1:  # a count that the vendor does not know
        assert count([found, 3]) == (3 if expected is None else expected)


@pytest.mark.parametrize(
    ("found", "expected"), [("/b", "/b"), (" /b ", "/b"), (7, "7"), (Decimal("7.10"), "7.10"), (0, "0")]
)
def test_a_link_or_token_keeps_its_spelling(found: Any, expected: str) -> None:
    assert link([None, "", " ", "None", "NULL", "undefined", True, [], {}, found, "/c"]) == expected
    assert links([[], [None, found, "null", "/c"], ["/d"]]) == (expected, "/c")
    assert links([None, found, "/c"]) == (expected,)
    assert json_path.link_in({"a": "", "b": found}, ["a", "b"]) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        *((value, True) for value in (True, "true", " Yes ", "Y", 1, "1", Decimal("1.0"))),
        *((value, False) for value in (False, "False", "no", "N", 0, "0")),
        *((value, None) for value in (None, "", 2, "maybe", [True])),
    ],
)
def test_a_flag_is_yes_or_no_in_a_few_words(found: Any, expected: bool | None) -> None:
    assert flag([found]) is expected
    assert flag([found, True]) is (expected is not False)


@pytest.mark.parametrize(
    ("found", "stated", "expected"),
    [
        ("Done ", "done", True),
        (200, "200", True),
        (Decimal("200.0"), 200, True),
        (Decimal("2.50"), "2.50", True),
        (True, "true", True),
        (1, True, False),
        ("1", 1, True),
        (Decimal("1E+999999999"), Decimal("1E+999999999"), True),
        (None, "null", False),
        ([1], "1", False),
    ],
)
def test_a_value_is_the_one_that_is_stated_however_it_is_written(found: Any, stated: Any, expected: bool) -> None:
    assert is_same(found, stated) is expected


def test_a_number_is_a_number_or_its_text() -> None:
    assert (number(5), number("5.5"), number(Decimal("1e400"))) == (5.0, 5.5, float("inf"))
    assert [number(value) for value in (True, None, "soon", [1], 10**400)] == [None] * 5
