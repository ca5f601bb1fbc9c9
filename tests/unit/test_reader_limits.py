"""Extreme nesting and integers, and lone surrogates, are found before the parser sees them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import PAGE, cuts, pieces, reading
from worker.readers import parser
from worker.readers.limits import (
    LimitScanner,
    LoneSurrogateFinder,
    RowGuard,
    find_lone_surrogate,
    has_long_number,
    is_flat,
)

strings = st.lists(
    st.sampled_from([r"\ud83d\ude00", r"\ud83d", r"\ude00", r"\\", r"\"", r"\u0041", "a", "[", "{", "9"]), max_size=8
).map("".join)


@given(strings, cuts)
@settings(deadline=None, max_examples=300)
def test_half_characters_are_those_python_finds_for_any_cuts(text: str, some: list[int]) -> None:
    raw = f'"{text}"'.encode()
    has_half = any(0xD800 <= ord(character) <= 0xDFFF for character in json.loads(raw))
    assert (find_lone_surrogate(raw) is not None) == has_half
    halves = LoneSurrogateFinder()
    padded = raw + b" " * 12
    assert any(halves.are_in(piece) for piece in pieces(padded, some)) == has_half


@given(st.integers(90, 110), st.lists(strings, max_size=3), st.sampled_from(["[", '{"a":', '[{"b":']), cuts)
@settings(deadline=None, max_examples=150)
def test_nesting_is_counted_outside_of_text_for_any_cuts(
    levels: int, texts: list[str], opening: str, some: list[int]
) -> None:
    raw = ("[" + "".join(f'"{text}",' for text in texts) + opening * levels).encode()
    scan = LimitScanner()
    for piece in pieces(raw, some):
        scan.feed(piece)
    depth = 1 + levels * (opening.count("[") + opening.count("{"))
    assert (scan.reason is not None) == (depth > 100)


def test_an_escaped_quote_does_not_end_a_text_even_where_it_is_cut_in_two() -> None:
    scan = LimitScanner()
    for byte in rb'{"a":"\"' + b"[" * 200 + rb'\\","b":1}':
        assert scan.feed(bytes([byte])) is None


@given(st.integers(4290, 4310), st.booleans(), cuts)
@settings(deadline=None, max_examples=100)
def test_digits_are_counted_outside_of_text_for_any_cuts(length: int, is_text: bool, some: list[int]) -> None:
    quote = '"' if is_text else ""
    raw = f'{{"a":[1,{quote}{"7" * length}{quote}]}}'.encode()
    scan = LimitScanner()
    for piece in pieces(raw, some):
        scan.feed(piece)
    assert (scan.reason is not None) == (length > 4300 and not is_text)


@given(st.integers(0, 5_000), st.integers(0, 300), st.integers(0, 300))
@settings(deadline=None, max_examples=100)
def test_every_number_with_too_many_digits_is_found(digits: int, before: int, after: int) -> None:
    text = b"a," * before + b"1" * digits + b",b" * after
    assert has_long_number(text) or digits <= 4300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":1},{"a":2}', True),
        (b'{"a":1},{"a":', True),
        (b'{"a":{"b":1}}', False),
        (b'{"a":[1]}', False),
        (b'{"a":' * 50 + b"1" + b"}" * 50, False),
        (b'{"a":1},{"a":{"b":{', False),
        (b'{"a":%b}' % (b"9" * 5_000), False),
    ],
)
def test_a_flat_text_holds_no_object_within_an_object(text: bytes, expected: bool) -> None:
    braces = [piece + b"}" for piece in text.split(b"}")[:-1]]
    assert is_flat(text, braces) is expected


def test_a_watched_row_is_refused_in_the_piece_that_goes_too_deep_and_the_next_row_starts_fresh() -> None:
    watch = RowGuard()
    watch.prepare(b"", [])
    assert not any(watch.refuses(b'{"a":' * 50) for _ in range(2))
    watch.begin_row()
    assert not any(watch.refuses(b'{"a":' * 50) for _ in range(2))
    assert watch.refuses(b"[")


def test_the_parser_gives_a_row_in_the_moment_its_last_byte_arrives() -> None:
    """All cutting rests on this."""
    values: list[object] = []
    rows = parser.values(values)
    rows.send(b' {"a":{"b":"}"}')
    assert values == []
    rows.send(b"}")
    assert values == [{"a": {"b": "}"}}]
    members: list[object] = []
    one_list = parser.members(members)
    one_list.send(b'[{"a":1},{"a":2')
    assert members == [{"a": 1}]
    with pytest.raises(parser.PARSE_ERRORS):
        one_list.send(b"}],")


@pytest.mark.parametrize("unit", [b"x", b"[", rb"[{\"a\":[1]}]", rb"\\["])
def test_a_long_text_beside_the_rows_is_not_parsed_again_for_each_bracket_in_it(
    unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result would be the same, but take minutes: the parser reads a piece of a text with all pieces before it."""
    sent: list[int] = []

    def events(into: Any, **options: bool) -> Any:
        parser_ = events_(into, **options)
        return SimpleNamespace(send=lambda text: (sent.append(len(text)), parser_.send(text)))

    events_ = parser.events
    monkeypatch.setattr(parser, "events", events)
    text = unit * (250_000 // len(unit))
    body = b'{"note":"' + text + b'","data":{"rows":[{"a":1}]},"after":"' + text + b'"}'
    got = reading(body, PAGE, cuts=range(0, len(body), 9_000))
    assert got.published == [b'{"a":1}']
    assert sum(sent) == len(body) - len(b'{"a":1}')
    assert len(sent) < 50
