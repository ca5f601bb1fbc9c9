"""Where the network cuts the bytes decides whether msgspec or ijson reads a row, so both must give the same."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.json_rows import ends, rows
from tests.readings import PAGE, PLAIN, STREAM, Reading, cuts, header, reading, reading_by_ijson
from worker.model import Rows
from worker.readers import cutter, fast_cutter, limits, parser
from worker.readers.cutter import ListCutter
from worker.readers.fast_cutter import FastCutter, Members
from worker.readers.row_pattern import RowPattern
from worker.sources.schema import ColumnType, ErrorShape, Format, JsonRows, Ndjson

MESSAGES = Ndjson(kind="ndjson", metadata="meta", errors=[ErrorShape(when="error.code", message="error.message")])
ENVELOPES = JsonRows(kind="json", rows=["data.items", "items", "data", ""], object_is_row=True, skip_empty=True)
BATCHES = JsonRows(kind="json", rows=["*.results"], absent_is_empty=True)
COLUMNS: dict[str, ColumnType] = {"a": "integer", "b": "number", "c d": "string", "\u00e9": "datetime", "t": "boolean"}

SAME = [
    '{"a":1,"b":2}',
    '{"a":"\u00e9","b":"x"}',
    '{"b":1e999,"a":null}',
    '{"b":[{"a":1}],"a":{}}',
    '{"a":1,"b":2,"a":3}',
    '{"a":5}',
]
OTHER = ['{"meta":{}}', '{"a":1,"x":2}', "{}", '{"error_code":"E"}', '{"message":"m"}']

wrong = st.sampled_from(
    [
        b"",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"NaN",
        b"-Infinity",
        b"}",
        b"{",
        b"{},",
        b"]",
        b"[",
        b"[]",
        b",",
        b'"',
        b"\\",
        b"\\ud800",
        b"\v",
        b"\n",
        b"1",
        b"1e999999999999999999999",
        b"[" * 101,
        b"<html>",
    ]
)
written = st.one_of(
    st.sampled_from(
        ['"5"', '"007"', '"1.0"', '"1e3"', '" 5 "', '""', '"null"', "null", '"-0"', "-0", "1.0", "1E3", "5"]
    ),
    st.sampled_from(
        ["true", '"true"', '"2026-07-01"', '"soon"', '"--"', '"57.1000"', '"1,234"', '"x\\u00e9\\/"', "[1, 2]", '"]"']
    ),
    st.integers(-(10**25), 10**25).map(lambda number: f'"{number}"'),
)
names = st.lists(
    st.sampled_from(['"a"', '"b"', '"c d"', '"\\u00e9"', '"\u00e9"', '"t"', '"u"']), min_size=1, max_size=5
)


@st.composite
def tables(draw: st.DrawFn) -> list[str]:
    """Rows that are mostly alike, with values that a declared column may change."""
    usual = draw(names)
    usually = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    made = []
    for _ in range(draw(st.integers(1, 8))):
        keys = draw(st.one_of(st.just(usual), st.just(usual), names))
        between = draw(st.sampled_from([usually, usually, usually, (", ", ":")]))
        made.append("{" + between[0].join(f"{key}{between[1]}{draw(written)}" for key in keys) + "}")
    return made


def digest(got: Reading) -> str:
    running = hashlib.sha256()
    for row in got.rows:
        running.update(row + b"\n")
    return running.hexdigest()


def assert_alike(
    body: bytes,
    shape: Format,
    cuts: list[int],
    columns: dict[str, ColumnType] | None = None,
    *,
    are_long: bool | None = None,
) -> Reading:
    """However the body is cut, it reads as by ijson alone, uncut.

    If `are_long`, the rows are longer than what is held back until they are whole; by default in every other body.
    """
    with ExitStack() as stack:
        if len(body) % 2 if are_long is None else are_long:
            for module, limit in (
                (fast_cutter, "_LONGEST_HELD_BYTES"),
                (cutter, "_HELD_BYTES"),
                (limits, "_MANY_PIECES"),
            ):
                stack.enter_context(patch.object(module, limit, 8))
        got = reading(body, shape, columns=columns, cuts=cuts)
    slow = reading_by_ijson(body, shape, columns=columns)
    assert got.rows == slow.rows
    assert digest(got) == digest(slow)
    assert (type(got.error), got.message) == (type(slow.error), slow.message)
    assert got.facts == slow.facts
    return got


def spoilt(draw: st.DataObject, body: bytes) -> bytes:
    """The body with something wrong in it, as a rule."""
    at = draw.draw(st.integers(0, len(body)))
    return body[:at] + draw.draw(wrong) + body[at + draw.draw(st.sampled_from([0, 0, 1, 2, len(body)])) :]


@pytest.mark.parametrize("shape", [PLAIN, MESSAGES], ids=["rows", "rows and messages"])
@given(
    st.lists(st.tuples(st.one_of(rows, st.sampled_from(['{"meta":{}}', '{"error":null}'])), ends), max_size=8),
    st.data(),
    cuts,
)
@settings(deadline=None, max_examples=120)
def test_objects_of_a_stream_are_read_alike_by_both_parsers(
    shape: Ndjson, sent: list[tuple[str, str]], data: st.DataObject, some: list[int]
) -> None:
    got = assert_alike(spoilt(data, "".join(row + end for row, end in sent).encode()), shape, some)
    for row in got.rows:
        assert isinstance(row, bytes)
        assert b"\n" not in row
        assert isinstance(json.loads(row, parse_int=str, parse_float=str), dict)


@given(st.lists(st.sampled_from([*SAME, *OTHER]), max_size=8), st.data(), cuts)
@settings(deadline=None, max_examples=100)
def test_messages_of_a_stream_are_read_alike_by_both_parsers(
    sent: list[str], data: st.DataObject, some: list[int]
) -> None:
    body = header(["a", "b"], 3) + "\n".join(sent).encode()
    assert_alike(spoilt(data, body) if data.draw(st.booleans()) else body, STREAM, some)


@pytest.mark.parametrize("shape", [PAGE, ENVELOPES], ids=["page", "skipping empty rows"])
@given(st.lists(st.one_of(rows, rows, st.sampled_from(["[]", "{}", "{ }"])), max_size=8), st.data(), cuts)
@settings(deadline=None, max_examples=120)
def test_members_of_a_list_are_read_alike_by_both_parsers(
    shape: JsonRows, sent: list[str], data: st.DataObject, some: list[int]
) -> None:
    between = data.draw(st.sampled_from([",", ", ", ",\n  ", " ,"]))
    body = ('{"data":[' + between.join(sent) + '],"after":[{"a":1},{"a":2}],"total_rows":3}').encode()
    assert_alike(spoilt(data, body), shape, some)


@given(tables(), st.data(), cuts)
@settings(deadline=None, max_examples=150)
def test_declared_columns_are_converted_alike_by_both_parsers(
    sent: list[str], data: st.DataObject, some: list[int]
) -> None:
    stream, page = (shape.model_copy(update={"null_values": ["--"]}) for shape in (PLAIN, PAGE))
    by_stream = assert_alike("\n".join(sent).encode(), stream, some, COLUMNS)
    by_page = assert_alike(f'{{"rows":[{",".join(sent)}]}}'.encode(), page, some, COLUMNS)
    assert by_stream.rows == by_page.rows
    assert len(by_stream.rows) == len(sent)


@pytest.mark.parametrize(
    "row",
    [b'{"id":%d,"lines":[{"id":1},{"id":2},{"id":3,"of":[1,{"id":4},{"id":5}]}]}', b'{\n  "id": %d,\n  "lines": []\n}'],
    ids=["rows that hold lists of objects", "rows over many lines"],
)
def test_rows_that_are_not_flat_are_read_fast_too(row: bytes) -> None:
    """Only the time shows which parser was used, so the bytes given to ijson are counted here."""
    body = b'{"rows":[' + b",".join(row % number for number in range(20_000)) + b"]}"
    parsed: list[int] = []
    feed = ListCutter.feed

    def counting(cutter: ListCutter, text: bytes) -> list[bytes]:
        parsed.append(len(text))
        return feed(cutter, text)

    with patch.object(ListCutter, "feed", counting):
        assert len(reading(body, PAGE).published) == 20_000
    assert sum(parsed) < len(body) / 5


@pytest.mark.parametrize("row", [b'{"id":%d}', b'{"id":%d},{"id":2}', b'{"id":%d,"of":[1,"]",[2]]}'])
def test_short_lists_are_not_each_cut_out_of_the_whole_text(row: bytes) -> None:
    """As above: a page of 30,000 lists of one row took half a minute."""
    batches = [b'{"results":[' + row % number + b"]}" for number in range(2_000)]
    body = b"[" + b",".join(batches) + b"]"
    given: list[int] = []
    feed = FastCutter.feed

    def counting(cutter: FastCutter, text: bytes) -> Rows:
        given.append(len(text))
        return feed(cutter, text)

    with patch.object(FastCutter, "feed", counting):
        rows = reading(body, BATCHES).published
    assert b",".join(rows) == b",".join(row % number for number in range(2_000))
    assert sum(given) < 3 * len(body)


MANY = b",".join(b'{"id":%d}' % number for number in range(4_000))


@pytest.mark.parametrize(
    "row",
    [b'{"id":0,"of":[' + MANY + b"]}", b'{"id":0,"of":[{"id":1},{"id":"}]"}]}'],
    ids=["long rows", "brackets in text"],
)
def test_the_end_of_a_row_is_not_looked_for_again_with_every_small_chunk(row: bytes) -> None:
    """As above: a vendor that sends each row as it is made needed a second of processor time for a megabyte."""
    count = 200_000 // len(row)
    body = b'{"rows":[' + b",".join([row] * count) + b"]}"
    given: list[int] = []
    find_end = Members.find_end

    def counting(members: Members, text: bytes) -> int:
        given.append(len(text))
        return find_end(members, text)

    with patch.object(Members, "find_end", counting):
        assert reading(body, PAGE, cuts=range(0, len(body), 500)).published == [row] * count
    assert sum(given) < 5 * len(body)


@given(
    st.lists(st.lists(st.one_of(rows, rows, st.sampled_from(["[]", "{}", "]", "1"])), max_size=4), max_size=6),
    st.data(),
    cuts,
)
@settings(deadline=None, max_examples=100)
def test_members_of_short_lists_are_read_alike_by_both_parsers(
    sent: list[list[str]], data: st.DataObject, some: list[int]
) -> None:
    body = ("[" + ",".join('{"results":[%s]}' % ",".join(batch) for batch in sent) + "]").encode()  # noqa: UP031
    assert_alike(spoilt(data, body) if data.draw(st.booleans()) else body, BATCHES, some, COLUMNS)


def test_typed_rows_of_one_shape_are_converted_without_being_cut_out_of_the_page() -> None:
    """As above: without this way the rows would be the same, only later."""
    body = b'{"rows":[' + b",".join(b'{"a":"%d","u":"x"}' % number for number in range(20_000)) + b"]}"
    converted: list[int] = []
    convert = RowPattern.convert_members

    def counting(pattern: RowPattern, text: bytes) -> tuple[Rows, bytes]:
        rows, rest = convert(pattern, text)
        converted.append(len(rows))
        return rows, rest

    with patch.object(RowPattern, "convert_members", counting):
        assert len(reading(body, PAGE, columns=COLUMNS).published) == 20_000
    assert sum(converted) > 10_000


def test_a_long_string_with_braces_is_not_parsed_again_with_every_brace() -> None:
    """As above: the parser reads a string that is not whole again from its start, which took minutes for a megabyte."""
    row = b'{"a":"' + b".c1{color:red}" * 60_000 + b'","b":{"c":1}}'
    given: list[int] = []
    make = parser.values

    def counting(into: list[Any]) -> SimpleNamespace:
        made = make(into)

        def send(text: bytes) -> None:
            given.append(len(text))
            made.send(text)

        return SimpleNamespace(send=send)

    with patch.object(parser, "values", counting):
        assert reading(row + b"\n" + row, PLAIN).published == [row, row]
    assert sum(given) > len(row)
    assert len(given) < 20_000


@pytest.mark.parametrize("are_long", [False, True])
def test_rows_do_not_depend_on_where_the_text_is_cut(are_long: bool) -> None:
    """No cut is left to chance where there are few."""
    sent = [
        '{"a":"1","b":{"a":[{"a":1},{"a":2}]}}',
        '{ "a" : "x" }',
        '{"a":"2","b":"\\ud83d\\ude00"}',
        '{"b":"]},{","a":1.0}',
        '{"a":"5","b":"\\ud83d"}',
    ]
    for body, shape in (
        ("\n".join(sent), PLAIN),
        ('{"rows":[' + ",".join(sent) + '],"after":[{"a":1},{"a":2}]}', PAGE),
        ('{"items":[' + ",{ }, [],".join(sent) + "]}", ENVELOPES),
    ):
        raw = body.encode()
        for cut in range(len(raw)):
            assert len(assert_alike(raw, shape, [cut], COLUMNS, are_long=are_long).rows) == len(sent)
            assert_alike(raw[:cut], shape, [cut // 2], COLUMNS, are_long=are_long)
