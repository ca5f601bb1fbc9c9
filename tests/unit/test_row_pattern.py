"""Rows that are proven and converted many at a time come out as if each were taken apart alone."""

from __future__ import annotations

import json
from itertools import product
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import ijson
import pcre2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.model import DeadRow, Row, Rows
from worker.readers import row_pattern
from worker.readers.columns import Columns
from worker.readers.row_pattern import RowPattern, RowPatterns, Shape
from worker.sources.schema import ColumnType

DECLARED: dict[str, ColumnType] = {"a": "integer", "b": "number", "c d": "string", "\u00e9": "datetime", "t": "boolean"}
USUAL = {
    "a": ['"5"', "12", "null", '"123456789012345678901"'],
    "b": ['"5.50"', "1.5", "null", '"-0.10"'],
    "c d": ['"x"', "null", '"\u00e9"', '"null"'],
    "\u00e9": ['"2026-07-01"', '"7/1/2026"', "null"],
    "t": ["true", '"false"', "null"],
    "u": ['"x"', "1", "[1]", '{"a":"1"}', "2.50"],
}
UNUSUAL = [
    '"007"', '"1.0"', "1e3", '"1e3"', '" 5 "', '""', '"null"', '"NULL"', '"-0"', "-0", "1.0", '"1_0"', '"0.00000000"',
    '"NaN"', '"sNaN"', '"-Infinity"', '"nan"', '"a,b:1"', '",a:1"', '"},{"', '"\\"a\\":1"', '"x\\u00e9\\/"', '"\\\\"',
    '{ "a" : 1 }', "9" * 30, '"soon"', '"1"', "5", '" null"', '"- 5"', '" true"', '"1 000"', '"x\\": \\""',
    '"2026-07 -01"', '"--"', '" --"', '"N/A"', '"N\\/A"', r'"7\/1\/2026"', '"7/1/26"',
]  # fmt: skip


def alone(row: bytes, null_values: list[str]) -> Row:
    """The row as the slow way converts it."""
    return Columns(DECLARED, null_values)._convert_alone(row)


@st.composite
def alike(draw: st.DrawFn) -> list[bytes]:
    """Rows, most with the first one's keys and usual values; some differ in everything that may differ."""
    usual = draw(st.lists(st.sampled_from([*USUAL]), min_size=1, max_size=5, unique=True))
    spacing = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        keys = draw(st.one_of(st.just(usual), st.just(usual), st.permutations(usual), st.lists(st.sampled_from(usual))))
        comma, colon = draw(st.sampled_from([spacing] * 6 + [(", ", ":"), (",", ": ")]))
        members = []
        for key in keys:
            is_usual = draw(st.integers(0, 7))
            value = draw(st.sampled_from(USUAL[key] if is_usual else UNUSUAL))
            members.append(json.dumps(key, ensure_ascii=not is_usual) + colon + value)
        rows.append(("{" + comma.join(members) + "}").encode())
    return rows


def as_members(rows: list[bytes]) -> bytes:
    return b"".join(b"," + row for row in rows)


@given(alike(), st.sampled_from([[], ["--", "N/A"], ["NaN", "null"], ["5", "false"]]))
@settings(deadline=None, max_examples=500)
def test_every_row_comes_out_as_if_it_were_converted_alone(rows: list[bytes], null_values: list[str]) -> None:
    want = [alone(row, null_values) for row in rows]
    assert [*Columns(DECLARED, null_values).convert(Rows.of(rows))] == want
    patterns = RowPatterns(DECLARED, null_values, is_page=True)
    for pattern in filter(None, [patterns.find(row) for row in rows]):
        members, rest = pattern.convert_members(as_members(rows))
        assert [*members] == want[: len(members)]
        assert rest == as_members(rows[len(members) :])


def test_rows_with_the_same_keys_are_converted_at_once() -> None:
    rows = [b'{"a":"%d","u":[{"a":"1"}],"b":"%d.50","c d":"x"}' % (number, number) for number in range(5)]
    want = Rows.of(b'{"a":%d,"u":[{"a":"1"}],"b":%d.50,"c d":"x"}' % (number, number) for number in range(5))
    pattern = RowPattern(rows[0], DECLARED)
    assert pattern.convert_lines(Rows.of(rows)) == (want, Rows())
    assert pattern.convert_members(as_members(rows)) == (want, b"")
    assert pattern.prove_lines(Rows.of(rows).text) == (Rows.of(rows), b"")


def test_rows_with_blanks_are_converted_at_once_and_those_without_a_change_keep_them() -> None:
    rows = [b'{"a": "1", "u": [1, "x, y"], "b": 1}', b'{"a": 1, "u": "1", "b": 2.50}', b'{"a": 2, "u": "", "b": ""}']
    want = [b'{"a":1,"u":[1, "x, y"],"b":1}', rows[1], b'{"a":2,"u":"","b":null}']
    pattern = RowPattern(rows[0], DECLARED)
    assert pattern.convert_lines(Rows.of(rows)) == (Rows.of(want), Rows())
    assert pattern.convert_members(as_members(rows)) == (Rows.of(want), b"")


def test_rows_of_a_page_that_leave_keys_out_are_converted_at_once() -> None:
    sent = [
        b'{"a":"1","u":"x"}',
        b'{"a":"2","b":"","t":1}',
        b'{"u":[1],"b":"5.0"}',
        b'{"c d":7,"t":"x"}',
        b'{"t":"False"}',
    ]
    dead = DeadRow(sent[3], "t: 'x' is not a valid boolean")
    want = [b'{"a":1,"u":"x"}', b'{"a":2,"b":null,"t":true}', b'{"u":[1],"b":5.0}', dead, b'{"t":false}']
    row_pattern._last_of_page.cache_clear()  # another test's rows may have left theirs
    columns = Columns(DECLARED)
    first = [b'{"a":"1","u":"x","b":"1","c d":"","t":true}', b'{"a":"1","u":"x"}']
    assert len(columns.convert(Rows.of(first))) == 2
    assert [*columns.convert(Rows.of(sent))] == want
    alike = [sent[0], sent[1], sent[2], sent[4]]
    assert columns.convert_members(as_members(alike)) == (Rows.of([want[0], want[1], want[2], want[4]]), b"")
    for not_json in (
        b',{"a":"1",}',
        b',{"a":"1""b":"1"}',
        b',{,"a":"1"}',
        b",{}",
        b',{"b":"1","a":"1"}',
        b',{"a":1,"a":1}',
    ):
        assert columns.convert_members(not_json) == (Rows(), not_json)


def test_rows_that_take_turns_have_a_pattern_each() -> None:
    patterns = RowPatterns({})
    found = [patterns.find(row) for row in (b'{"a":1}', b'{"b":1}') * 50]
    assert len(set(found)) == 2
    assert len(patterns._made) == 2


def test_text_that_is_too_much_for_the_library_is_left_to_the_other_way() -> None:
    def refuse(*_: bytes) -> Any:
        raise pcre2.LibraryError(-46)

    rows = Rows.of([b'{"a":"1"}', b'{"a":"2"}'])
    pattern = RowPattern(rows.first, {"a": "integer"})
    with patch.object(row_pattern, "_compile", lambda _: SimpleNamespace(subn=refuse)):
        assert Columns({"a": "integer"}).convert(rows) == Rows.of([b'{"a":1}', b'{"a":2}'])
        assert pattern.convert_lines(rows) == (Rows(), rows)
        assert pattern.convert_members(as_members([*rows])) == (Rows(), as_members([*rows]))


def test_rows_of_a_stream_have_all_keys() -> None:
    patterns = RowPatterns({})
    assert patterns.find(b'{"meta":{},"a":1}')
    assert patterns.find(b'{"a":1}')
    assert not any(pattern.matches(b'{"meta":{}}') for pattern in patterns._made)


def test_texts_that_mean_null_become_null_except_in_strings() -> None:
    pattern = RowPattern(b'{"a":"1","b":"--","u":"--","c d":"N/A"}', DECLARED, ["--", "N/A"])
    for row, want in (
        (b'{"a":"N/A","b":"","u":"--","c d":"--"}', b'{"a":null,"b":null,"u":"--","c d":"--"}'),
        (b'{"a":"1","b":"--","u":"N/A","c d":""}', b'{"a":1,"b":null,"u":"N/A","c d":""}'),
    ):
        assert pattern.convert_lines(Rows.of([row])) == (Rows.of([want]), Rows())


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b'{"b":"2","a":"1"}', id="other order"),
        pytest.param(b'{"a":"1"}', id="a key less"),
        pytest.param(b'{"a":"1","b":"2","u":1}', id="a key more"),
        pytest.param(b'{"a":"1","a":"1","b":"2"}', id="a key twice"),
        pytest.param(b'{"a":"1", "b":"2"}', id="a blank"),
        pytest.param(b'{"a":"1e3","b":"2"}', id="an integer that is not in digits"),
        pytest.param(b'{"a":"1","b":"NaN"}', id="a decimal that is no number"),
        pytest.param(b'{"a":"null","b":"2"}', id="a word that is no null"),
    ],
)
def test_a_row_that_does_not_match_is_left_with_all_rows_after_it(row: bytes) -> None:
    pattern = RowPattern(b'{"a":"1","b":"2"}', DECLARED)
    plain = b'{"a":1,"b":2}'
    assert pattern.convert_lines(Rows.of([plain, row, plain])) == (Rows.of([plain]), Rows.of([row, plain]))
    assert pattern.convert_members(as_members([plain, row, plain])) == (Rows.of([plain]), as_members([row, plain]))


PIECES = [
    '"', "\\", '\\"', "\\u00e9", "\\ud83d", "\\ude00", "\\udBff", "\\x", "\\u12", "é", "\x1f", "\x7f", "\t", " ", "0",
    "1", "-", "00", "1.", ".5", "1.50", "1e5", "1E+5", "e", "true", "nul", "null", "NaN", "[", "]", "{", "}", ",", ":",
    "[]", "{}", '{"k":1}', '{"k"}', "[1, [2]]", "[[[1]]]", '{"a": {"b": {"c": 1}}}', '""', '"x"', "'",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.booleans())
@settings(deadline=None, max_examples=2_000)
def test_what_a_pattern_matches_is_what_a_json_parser_accepts(pieces: list[str], is_text: bool) -> None:
    """Only nesting that is too deep for a pattern may keep it from matching, and half a surrogate pair."""
    value = "".join(pieces)
    value = f'"{value}"' if is_text else value
    row = ('{"u":%s,"v":1}' % value).encode()  # noqa: UP031 - braces
    is_matched = RowPattern(b'{"u":1,"v":1}', {}).matches(row)
    try:
        parsed = next(ijson.items(row, "", use_float=False))
        is_json = parsed.keys() == {"u", "v"} and row.count(b'"u":') == row.count(b'"v":') == 1
    except (ijson.JSONError, UnicodeDecodeError):
        is_json = False
    assert not is_matched or is_json
    if is_json and not is_matched:
        assert row.count(b"[") + row.count(b"{") > 3 or b"\\ud" in row.lower() or b" " in row or b"\t" in row


def test_an_escape_matches_if_it_is_a_whole_character() -> None:
    pattern = RowPattern(b'{"u":"x"}', {})

    def is_matched(escape: bytes) -> bool:
        return pattern.matches(b'{"u":"\\%b"}' % escape)

    for form in (b"u%04x", b"u%04X"):
        odd = [code for code in range(0x10000) if is_matched(form % code) == (0xD800 <= code < 0xE000)]
        assert odd == []
    edges = (0xD7FF, 0xD800, 0xD900, 0xDAFF, 0xDBFF, 0xDC00, 0xDD00, 0xDEFF, 0xDFFF, 0xE000)
    whole, halves = {0xD7FF, 0xE000}, {*product(edges[1:5], edges[5:9])}
    for form in (b"u%04x\\u%04x", b"u%04X\\u%04X"):
        pairs = {pair for pair in product(edges, edges) if is_matched(form % pair)}
        assert pairs == {*product(whole, whole), *halves}
        escape = form % (0xD83D, 0xDE00)
        assert not any(is_matched(escape[:at] + escape[at + 1 :]) for at in range(len(escape)))
    every = [bytes([byte]) for byte in range(0x100)]
    assert {byte for byte in every if is_matched(byte)} == set(map(str.encode, '"\\/bfnrt'))
    digits = set(map(str.encode, "0123456789abcdefABCDEF"))
    for at in range(1, 5):
        assert {byte for byte in every if is_matched(b"u0000"[:at] + byte + b"u0000"[at + 1 :])} == digits


@pytest.mark.parametrize("word", [b"true", b"false", b"null"])
@pytest.mark.parametrize("kind", [None, "integer", "number", "boolean", "datetime", "string"])
def test_a_word_matches_only_if_it_is_whole(word: bytes, kind: ColumnType | None) -> None:
    declared: dict[str, ColumnType] = {} if kind is None else {"u": kind}
    for shape in (None, Shape(("u",), "plain"), Shape(("u",), "sparse")):
        pattern = RowPattern(b'{"u":"1"}', declared, shape=shape)
        for wrong in (b"", *(word[:at] + word[at + 1 :] for at in range(len(word)))):
            assert not pattern.matches(b'{"u":%b}' % wrong)
            assert not pattern.matches(b'{"u":[1,%b]}' % wrong)


@pytest.mark.parametrize("after", [b"\n", b" ", b"]", b"\n]", b",\n", b', {"x":1}\n', b"}"])
def test_text_after_the_last_row_is_left(after: bytes) -> None:
    pattern = RowPattern(b'{"u":"x"}', {})
    for rows in ([], [b'{"u":"x"}'], [b'{"u":1}', b'{"u":null}']):
        assert pattern.convert_members(as_members(rows) + after) == (Rows.of(rows), after)
        assert pattern.prove_lines(Rows.of(rows).text + after) == (Rows.of(rows), after)


# First and last bytes of every range in RFC 3629, and their neighbours.
EDGES = [b"a", *(bytes([byte]) for byte in (0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1)),
         *(bytes([byte]) for byte in (0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF))]  # fmt: skip


def is_utf8(text: bytes) -> bool:
    try:
        return text.decode() is not None
    except UnicodeDecodeError:
        return False


def test_text_matches_if_it_is_utf8() -> None:
    pattern = RowPattern(b'{"u":"x"}', {})
    characters = [bytes([first, second]) + rest for first in range(0x80, 0x100) for second in range(0x80, 0x100)
                  for rest in (b"", b"\x80", b"\xbf", b"\x80\x80", b"\xbf\xbf")]  # fmt: skip
    rows = {text: b'{"u":"%b"}' % text for text in characters}
    assert [text for text, row in rows.items() if pattern.matches(row) != is_utf8(text)] == []


@given(
    st.lists(
        st.one_of(
            st.sampled_from(EDGES),
            st.characters(codec="utf-8", exclude_characters='"\\', min_codepoint=32).map(str.encode),
        ),
        max_size=8,
    )
)
@settings(deadline=None, max_examples=500)
def test_text_of_several_characters_matches_if_it_is_utf8(parts: list[bytes]) -> None:
    row = b'{"u":"%b"}' % b"".join(parts)
    assert RowPattern(b'{"u":"x"}', {}).matches(row) == is_utf8(row)


def test_rows_are_the_same_where_no_memory_may_be_executed() -> None:
    """PCRE2 then interprets the pattern."""
    compile_ = pcre2.compile

    def refuse(pattern: bytes, *, jit: bool = True) -> Any:
        if jit:
            raise pcre2.LibraryError(-48)
        return compile_(pattern, jit=False)

    rows = [b'{"a":"%d","b":"x"}' % number for number in range(5)]
    row_pattern._compile.cache_clear()
    with patch.object(pcre2, "compile", refuse):
        converted, rest = RowPattern(rows[0], {"a": "integer"}).convert_members(as_members(rows))
    row_pattern._compile.cache_clear()
    assert [*converted] == [b'{"a":%d,"b":"x"}' % number for number in range(5)]
    assert rest == b""


@pytest.mark.parametrize("value", [b'"1"', b"1", b'"a text"', b'{"a":[1]}', b'"--"'])
def test_rows_of_hundreds_of_keys_have_a_pattern_and_rows_of_thousands_do_not(value: bytes) -> None:
    declared: dict[str, ColumnType] = {f"column_of_a_wide_report_{number}": "number" for number in range(0, 20_000, 2)}
    for keys, has_pattern in ((500, True), (2_000, False), (20_000, False)):
        row = b"{" + b",".join(b'"column_of_a_wide_report_%d":%b' % (key, value) for key in range(keys)) + b"}"
        is_text = value in (b'"a text"', b'{"a":[1]}')
        assert bool(RowPatterns({} if is_text else declared, ["--"]).find(row)) == has_pattern


def test_a_key_too_long_for_a_pattern_is_left_to_the_other_way() -> None:
    assert RowPatterns({}).find(b'{"%s":1}' % (b"k" * 100_000)) is None
