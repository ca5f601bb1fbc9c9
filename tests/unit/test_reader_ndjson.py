"""NDJSON: both readers give the same rows and the same errors, to the digit, however the bytes are cut."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import PLAIN, STREAM, Reading, header, reading
from worker.errors import FailJob, RetryLater

READERS = pytest.mark.parametrize("reader", ["ijson", "lines"])

numbers = st.one_of(
    st.integers(),
    st.integers(min_value=10**17, max_value=10**40),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.sampled_from(["-0", "0.0", "-0.0", "57.1000", "1E5", "1e-7", "1.50e+3", "123456789012345678901.50"]),
).map(str)
texts = st.text(alphabet=st.sampled_from('ab "\\/{}[],:\n\té€😀\u2028\x7f'), max_size=6).map(
    lambda text: json.dumps(text, ensure_ascii=len(text) % 2 == 0)
)
leaves = st.one_of(numbers, texts, st.sampled_from(["null", "true", "false"]))
blanks = st.sampled_from(["", "", "", " ", "\t"])
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda items, blank: "[" + (blank + "," + blank).join(items) + "]", st.lists(inner, max_size=3), blanks
        ),
        st.lists(st.tuples(texts, inner), max_size=3).map(
            lambda pairs: "{" + ",".join(f"{k}:{v}" for k, v in pairs) + "}"
        ),
    ),
    max_leaves=6,
)
rows = st.builds(
    lambda pairs, blank: (
        "{" + blank + (blank + "," + blank).join(f"{key}{blank}:{value}" for key, value in pairs) + "}"
    ),
    st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"c d"', '"\\u00e9"']), values), max_size=4),
    blanks,
)
cuts = st.lists(st.integers(min_value=0, max_value=10**6), max_size=8)
ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n "])


def exact(raw: bytes | str) -> Any:
    """A value with every number as its digits."""
    return json.loads(raw, parse_int=str, parse_float=str)


def alike(one: Reading, other: Reading) -> None:
    assert one.rows == other.rows
    assert (type(one.error), one.said) == (type(other.error), other.said)
    assert one.facts == other.facts


@given(st.lists(st.tuples(rows, ends), max_size=12), cuts, cuts)
@settings(deadline=None, max_examples=150)
def test_every_row_comes_as_it_was_sent_whatever_the_chunks(
    sent: list[tuple[str, str]], some: list[int], other: list[int]
) -> None:
    body = "".join(row + end for row, end in sent).encode()
    by_ijson, by_lines = (
        reading(body, PLAIN, reader="ijson", cuts=some),
        reading(body, PLAIN, reader="lines", cuts=other),
    )
    alike(by_ijson, by_lines)
    assert by_ijson.published == [row.encode() for row, _ in sent]


@given(st.lists(rows, max_size=8), st.data(), cuts, cuts)
@settings(deadline=None, max_examples=300)
def test_both_readers_find_the_same_fault_in_the_same_row(
    sent: list[str], data: st.DataObject, some: list[int], other: list[int]
) -> None:
    body = "\n".join(sent).encode()
    at = data.draw(st.integers(min_value=0, max_value=len(body)))
    wrong = data.draw(
        st.sampled_from(
            [
                b"",
                b"\x00",
                b"\xff",
                b"\xed\xa0\x80",
                b"NaN",
                b"-Infinity",
                b"}",
                b"{",
                b"]",
                b"[",
                b",",
                b'"',
                b"\\",
                b"\\ud800",
                b"\v",
                b"\n",
                b"1",
                b"<html>",
            ]
        )
    )
    keep = data.draw(st.integers(min_value=0, max_value=2))
    body = body[:at] + wrong + body[at + keep :]
    by_ijson, by_lines = (
        reading(body, PLAIN, reader="ijson", cuts=some),
        reading(body, PLAIN, reader="lines", cuts=other),
    )
    alike(by_ijson, by_lines)
    for row in by_ijson.rows:
        assert isinstance(row, bytes)
        assert b"\n" not in row
        assert isinstance(exact(row), dict)


@given(st.lists(rows, min_size=1, max_size=5), st.data(), cuts)
@settings(deadline=None, max_examples=100)
def test_a_stream_cut_in_a_row_is_never_a_clean_end(sent: list[str], data: st.DataObject, some: list[int]) -> None:
    whole = "\n".join(sent).encode()
    last = sent[-1].encode()
    body = whole[: len(whole) - data.draw(st.integers(min_value=1, max_value=len(last) - 1))]
    for reader in ("ijson", "lines"):
        got = reading(body, PLAIN, reader=reader, cuts=some)
        assert got.rows == [row.encode() for row in sent[:-1]]
        assert isinstance(got.error, RetryLater)
        assert f"cut in row {len(sent)}" in got.said


@given(st.lists(rows, max_size=6), st.data(), cuts)
@settings(deadline=None, max_examples=100)
def test_objects_spread_over_lines_and_several_on_a_line_are_rows(
    sent: list[str], data: st.DataObject, some: list[int]
) -> None:
    spread = [
        json.dumps(json.loads(row, parse_float=Decimal), indent=data.draw(st.sampled_from([None, 1])), default=float)
        for row in sent
    ]
    body = data.draw(st.sampled_from(["", " ", "\n"])).join(spread).encode()
    for reader in ("ijson", "lines"):
        got = reading(body, PLAIN, reader=reader, cuts=some)
        assert [json.loads(row) for row in got.published] == [json.loads(row) for row in spread]
        assert not any(b"\n" in row for row in got.published)


@READERS
@pytest.mark.parametrize(
    "number",
    [
        "57.1000",
        "0.10",
        "1E5",
        "1e-7",
        "-0",
        "-0.0",
        "1234567890123456789",
        "9" * 30,
        "9" * 4300,
        "1e400",
        "0." + "1" * 4000,
    ],
)
def test_numbers_keep_their_digits(reader: str, number: str) -> None:
    row = f'{{"n":{number},"after":1}}'.encode()
    assert reading(row + b"\n", PLAIN, reader=reader, cuts=[4]).published == [row]


@READERS
def test_a_row_spread_over_lines_keeps_its_digits(reader: str) -> None:
    got = reading(
        b'{"a":57.1000,\r\n"b":[1E+2,0.0000001000,-0.0],\n"c":123456789012345678901234567890}', PLAIN, reader=reader
    )
    assert got.published == [b'{"a":57.1000,"b":[1E+2,0.0000001000,-0.0],"c":123456789012345678901234567890}']


@READERS
@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "deeper than 100"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper than 100"),
        (b'{"a":' + b"[" * 10_000, "deeper than 100"),
        (b'{"a":' + b"[" * 400_000, "deeper than 100"),
        (b'{"a":' + b"9" * 4_301 + b"}", "more than 4300 digits"),
        (b'{"a":' + b"9" * 900_000 + b"}", "more than 4300 digits"),
        (b'{"a":0.' + b"1" * 5_000 + b"}", "more than 4300 digits"),
        (b'{"a":1e999999999999999999999}', "too large"),
        (b"5", "not a JSON object"),
        (b'[{"a":1}]', "not a JSON object"),
    ],
)
@pytest.mark.parametrize("cuts", [(), (20_100, 40_000)])
def test_what_no_second_reading_mends_fails_the_job_and_names_the_row(
    reader: str, row: bytes, said: str, cuts: tuple[int, ...]
) -> None:
    got = reading(b'{"a":1}\n' + row + b"\n", PLAIN, reader=reader, cuts=cuts, first_row=41)
    assert got.rows == [b'{"a":1}']
    assert isinstance(got.error, FailJob)
    assert got.said.startswith("row 42: ")
    assert said in got.said


@READERS
@pytest.mark.parametrize(
    "nested", [b"[" * 99 + b"]" * 99, b'{"b":' * 99 + b"1" + b"}" * 99, b"[{},{}," * 40 + b"1" + b"]" * 40]
)
def test_nesting_of_a_hundred_is_a_row(reader: str, nested: bytes) -> None:
    assert reading(b'{"a":' + nested + b"}", PLAIN, reader=reader).published == [b'{"a":' + nested + b"}"]


@READERS
@pytest.mark.parametrize("text", [rb"\ud800", rb"\ude00\ud83d", rb"\ud83dx", rb"\\\ud800", rb"\uDBFF\u0041"])
def test_half_a_character_is_broken_and_not_a_question_mark(reader: str, text: bytes) -> None:
    got = reading(b'{"a":"' + text + b'"}\n', PLAIN, reader=reader)
    assert got.rows == []
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3


@READERS
@pytest.mark.parametrize("text", [rb"\ud83d\ude00", rb"\\ud800", rb"\uD7FF", rb"\\\\ud800", rb"\u0000"])
def test_whole_characters_stay_as_they_are_written(reader: str, text: bytes) -> None:
    row = b'{"a":"' + text + b'"}'
    assert reading(row, PLAIN, reader=reader).published == [row]


@READERS
@pytest.mark.parametrize("blank", [b"\r", b"\r\n", b"\n", b"\n\t"])
def test_a_row_never_holds_a_line_break(reader: str, blank: bytes) -> None:
    body = b'{"a":1}\n{"a":%b1.0}\n{"a":2}' % blank
    assert reading(body, PLAIN, reader=reader).published == [b'{"a":1}', b'{"a":1.0}', b'{"a":2}']


@READERS
def test_of_a_key_given_twice_the_last_stands(reader: str) -> None:
    assert [json.loads(row) for row in reading(b'{"a":1,"a":2}\n', PLAIN, reader=reader).published] == [{"a": 2}]


@READERS
@pytest.mark.parametrize(
    "body", [b"<html><body>502 Bad Gateway</body></html>", b"upstream timed out", b'[{"a":1}]', b"null"]
)
def test_what_is_no_stream_at_all_fails_with_its_first_bytes(reader: str, body: bytes) -> None:
    got = reading(body, PLAIN, reader=reader, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert body[:9].decode() in got.said


@READERS
def test_a_long_run_of_digits_within_text_is_no_number(reader: str) -> None:
    row = b'{"a":"' + b"7" * 100_000 + b'"}'
    assert reading(row + b"\n" + row, PLAIN, reader=reader, cuts=range(0, 200_000, 7_000)).published == [row, row]


@READERS
def test_a_row_that_one_parser_cannot_take_does_not_end_the_others_turn(reader: str) -> None:
    names = ("id", "n")
    rows = [b'{"id":%d,"n":%b}' % (number, b"9" * 400 if number % 7 == 0 else b"1") for number in range(500)]
    body = header(names, 500) + b"\n".join(rows)
    assert reading(body, STREAM, reader=reader, cuts=range(0, len(body), 900)).published == rows
