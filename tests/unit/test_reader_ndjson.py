"""NDJSON: the rows as they were sent, with all digits, and every fault with the number of its row."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_rows import ends, rows
from tests.readings import PLAIN, STREAM, cuts, header, reading
from worker.errors import FailJob, RetryLater
from worker.model import DeadRow
from worker.sources.schema import ColumnType


@given(st.lists(st.tuples(rows, ends), max_size=12), cuts)
@settings(deadline=None, max_examples=150)
def test_every_row_comes_as_it_was_sent_for_any_chunks(sent: list[tuple[str, str]], some: list[int]) -> None:
    body = "".join(row + end for row, end in sent).encode()
    assert reading(body, PLAIN, cuts=some).published == [row.encode() for row, _ in sent]


@given(st.lists(rows, min_size=1, max_size=5), st.data(), cuts)
@settings(deadline=None, max_examples=100)
def test_a_stream_cut_in_a_row_is_never_a_clean_end(sent: list[str], data: st.DataObject, some: list[int]) -> None:
    whole = "\n".join(sent).encode()
    last = sent[-1].encode()
    body = whole[: len(whole) - data.draw(st.integers(min_value=1, max_value=len(last) - 1))]
    got = reading(body, PLAIN, cuts=some)
    assert got.rows == [row.encode() for row in sent[:-1]]
    assert isinstance(got.error, RetryLater)
    assert got.message == f"row {len(sent)}: the response is cut off in this row"


def test_a_stream_that_is_cut_in_its_first_row_may_begin_with_blanks() -> None:
    """As with PHP, which sends what stands before its first tag."""
    got = reading(b'\r\n {"a":1', PLAIN)
    assert isinstance(got.error, RetryLater)
    assert got.message == "row 1: the response is cut off in this row"


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
    got = reading(body, PLAIN, cuts=some)
    assert [json.loads(row) for row in got.published] == [json.loads(row) for row in spread]
    assert not any(b"\n" in row for row in got.published)


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
        "1e999999999999999999999",
        "0." + "1" * 4000,
    ],
)
def test_numbers_keep_their_digits(number: str) -> None:
    row = f'{{"n":{number},"after":1}}'.encode()
    assert reading(row + b"\n", PLAIN, cuts=[4]).published == [row]


@pytest.mark.parametrize(
    ("row", "expected"),
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
        (b"5", "not a JSON object"),
        (b'[{"a":1}]', "not a JSON object"),
    ],
)
@pytest.mark.parametrize("cuts", [(), (20_100, 40_000)])
def test_what_no_second_reading_mends_fails_the_job_and_names_the_row(
    row: bytes, expected: str, cuts: tuple[int, ...]
) -> None:
    got = reading(b'{"a":1}\n' + row + b"\n", PLAIN, cuts=cuts, first_row=41)
    assert got.rows == [b'{"a":1}']
    assert isinstance(got.error, FailJob)
    assert got.message.startswith("row 42: ")
    assert expected in got.message


@pytest.mark.parametrize(
    "nested", [b"[" * 99 + b"]" * 99, b'{"b":' * 99 + b"1" + b"}" * 99, b"[{},{}," * 40 + b"1" + b"]" * 40]
)
def test_nesting_of_a_hundred_is_a_row(nested: bytes) -> None:
    assert reading(b'{"a":' + nested + b"}", PLAIN).published == [b'{"a":' + nested + b"}"]


@pytest.mark.parametrize(
    ("text", "half"),
    [
        (rb"\ud800", rb"\ud800"),
        (rb"\ude00\ud83d", rb"\ude00"),
        (rb"\ud83d\ude00 \ud83dx", rb"\ud83dx"),
        (rb"\\\ud800", rb"\ud800"),
        (rb"\uDBFF\u0041", rb"\uDBFF"),
    ],
)
@pytest.mark.parametrize("columns", [{}, {"a": "string", "b": "integer"}])
def test_half_a_character_makes_its_row_dead_and_is_not_a_question_mark(
    text: bytes, half: bytes, columns: dict[str, ColumnType]
) -> None:
    row = b'{"a":"x%b","b": "1"}' % text
    body = b'{"b":2}\n' + row.replace(b",", b",\r\n") + b'\n{"b":3}'
    for cut in range(len(body)):
        got = reading(body, PLAIN, columns=columns, cuts=[cut])
        assert got.error is None
        assert got.rows[::2] == [b'{"b":2}', b'{"b":3}']
        dead = got.rows[1]
        assert isinstance(dead, DeadRow)
        assert bytes(dead) == row
        assert dead.reason == f"{half[:6].decode()} at byte {row.index(half) + 1} is half of a surrogate pair"


@pytest.mark.parametrize("text", [rb"\udc00", rb"\ud83d", rb"\ud83d\ude00", rb"\\\udc00"])
def test_where_a_long_row_is_cut_does_not_decide_whether_it_holds_half_a_character(text: bytes) -> None:
    start = b'{"a":"' + b"x" * 300_000
    body = start + text + b'","b":1}\n{"a":1}'
    for cut in range(len(start), len(start) + len(text) + 9):
        got = reading(body, PLAIN, cuts=[cut])
        assert got.error is None
        assert [isinstance(row, DeadRow) for row in got.rows] == [text != rb"\ud83d\ude00", False]


@pytest.mark.parametrize("text", [rb"\ud83d\ude00", rb"\\ud800", rb"\uD7FF", rb"\\\\ud800", rb"\u0000"])
def test_whole_characters_stay_as_they_are_written(text: bytes) -> None:
    row = b'{"a":"' + text + b'"}'
    assert reading(row, PLAIN).published == [row]


@pytest.mark.parametrize("text", ["", "x" * 300_000], ids=["short", "long"])
def test_a_row_that_is_cut_after_a_number_no_decimal_can_have_is_read_again(text: str) -> None:
    row = '{"t":"' + text + '","n":[{},1e999999999999999999999'
    assert reading((row + "]}").encode(), PLAIN).published == [(row + "]}").encode()]
    assert reading((row + ",").encode(), PLAIN).message == "row 1: the response is cut off in this row"


@pytest.mark.parametrize("blank", [b"\r", b"\r\n", b"\n", b"\n\t"])
def test_a_row_never_holds_a_line_break(blank: bytes) -> None:
    body = b'{"a":1}\n{"a":%b1.0}\n{"a":2}' % blank
    assert reading(body, PLAIN).published == [b'{"a":1}', b'{"a":1.0}', b'{"a":2}']


@pytest.mark.parametrize(
    "body", [b"<html><body>502 Bad Gateway</body></html>", b"upstream timed out", b'[{"a":1}]', b"null"]
)
def test_what_is_not_a_stream_fails_with_its_first_bytes(body: bytes) -> None:
    got = reading(body, PLAIN, cuts=range(len(body)))
    assert isinstance(got.error, FailJob)
    assert body[:9].decode() in got.message


def test_a_list_in_place_of_a_stream_fails_with_the_format_it_has() -> None:
    got = reading(b'[{"a":1},\n{"a":2}]\n', PLAIN)
    assert got.message == 'this is not a stream of JSON objects: [{"a":1}, {"a":2}]; a list of objects is `kind: json`'


def test_many_digits_within_text_are_not_a_number() -> None:
    row = b'{"a":"' + b"7" * 100_000 + b'"}'
    assert reading(row + b"\n" + row, PLAIN, cuts=range(0, 200_000, 7_000)).published == [row, row]


def test_a_row_that_one_parser_cannot_take_does_not_end_the_others_turn() -> None:
    names = ("id", "n")
    rows = [b'{"id":%d,"n":%b}' % (number, b"9" * 400 if number % 7 == 0 else b"1") for number in range(500)]
    body = header(names, 500) + b"\n".join(rows)
    assert reading(body, STREAM, cuts=range(0, len(body), 900)).published == rows


@pytest.mark.parametrize(
    ("wrong", "shown", "byte"),
    [
        ('"x\ty"', '"x\\x09y"', 3),
        ('"\udcff"', '"\ufffd"', 2),
        ("007", "007", 2),
        ('"x"y"', '"x"y"', 4),
        ('"€', '"€,"b":2}', 7),
    ],
)
def test_a_mistake_in_a_long_row_is_shown_with_what_is_around_it(wrong: str, shown: str, byte: int) -> None:
    start = "{" + "".join(f'"k{number}":"€",' for number in range(300)) + '"a":'
    body = f'{{"a":1}}\n{start}{wrong},"b":2}}\n{{"a":3}}\n'.encode(errors="surrogateescape")
    for places in ((), range(len(body))):
        got = reading(body, PLAIN, cuts=places)
        assert isinstance(got.error, RetryLater)
        assert f"row 2: not valid JSON in UTF-8 at byte {len(start.encode()) + byte} of the row: ..." in got.message
        assert f'"k299":"€","a":{shown}' in got.message
