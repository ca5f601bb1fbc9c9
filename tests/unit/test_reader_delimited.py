"""CSV and TSV: every row is as wide as its header, for any delimiter, quotes and chunks."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.readings import FILE, reading
from worker.errors import FailJob, RetryLater
from worker.model import DeadRow
from worker.readers import delimited, text_lines
from worker.sources.schema import Delimited

SNIFFED = Delimited(kind="delimited", delimiters=[",", ";", "\t"])
DECLARED = Delimited(kind="delimited", delimiters=[",", ";", "\t"], columns=["time", "clicks", "cost"])
HEADLESS = DECLARED.model_copy(update={"header": False})

cells = st.text(alphabet=st.sampled_from("ab1 ,;\t\"'\n€😀\u2028"), max_size=6)
cuts = st.lists(st.integers(min_value=0, max_value=10**6), max_size=8)


def written(rows: list[list[str]], delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


@given(
    st.lists(st.tuples(cells, cells, cells), max_size=8),
    st.sampled_from(["c", 'the "c"', "c\\d"]),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    cuts,
)
@settings(deadline=None, max_examples=200)
def test_every_name_and_value_comes_as_it_was_written_for_any_chunks(
    sent: list[tuple[str, ...]], name: str, delimiter: str, end: str, some: list[int]
) -> None:
    names = ["a", "b", name]
    body = written([names, *map(list, sent)], delimiter, end, csv.QUOTE_ALL)
    got = reading(b"\xef\xbb\xbf" + body, SNIFFED, cuts=some)
    assert [json.loads(row) for row in got.published] == [dict(zip(names, row, strict=True)) for row in sent]


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=6), st.data(), cuts)
@settings(deadline=None, max_examples=150)
def test_a_file_cut_in_a_row_is_never_a_clean_end(
    sent: list[tuple[str, str]], data: st.DataObject, some: list[int]
) -> None:
    rows = [["time", "name"], *([left.replace('"', "x"), right.replace('"', "x")] for left, right in sent)]
    whole, all_but_last = written(rows, quoting=csv.QUOTE_ALL), written(rows[:-1], quoting=csv.QUOTE_ALL)
    at = data.draw(st.integers(min_value=len(all_but_last) + 1, max_value=len(whole) - 2))
    # After a comma there is an empty value: only the transport knows that more should have come.
    assume(not whole[:at].endswith(b'",'))
    got = reading(whole[:at], FILE, cuts=some)
    assert isinstance(got.error, RetryLater)
    assert [list(json.loads(row).values()) for row in got.rows] == rows[1:-1]  # type: ignore[arg-type]


def test_a_last_line_needs_no_newline() -> None:
    assert reading(b"a,b\n1,2\n3,4", FILE).published == [b'{"a":"1","b":"2"}', b'{"a":"3","b":"4"}']


@pytest.mark.parametrize("body", [b"time,clicks,cost\n", b"time,clicks,cost", b"\r\n\r\nTime,Clicks,Cost\r\n\r\n"])
def test_a_bare_header_has_no_rows(body: bytes) -> None:
    for shape in (DECLARED, HEADLESS):
        assert reading(body, shape).published == []
    assert reading(body, FILE, columns={"time": "string"}).published == []


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf", b"\n\n", b"\r\n"])
def test_a_blank_file_has_no_rows_only_where_no_header_is_declared(body: bytes) -> None:
    assert reading(body, HEADLESS).published == []
    for shape in (FILE, DECLARED, DECLARED.model_copy(update={"preamble": "any"})):
        assert reading(body, shape).message == "the file is blank: it does not even have a header"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("1", "1 values for 2 columns: 1"),
        ("1,2,3", "3 values for 2 columns: 1, 2, 3"),
        (
            "1,2,",
            "3 values for 2 columns: 1, 2,; what follows a delimiter at the end is left out by `extra_fields: drop`",
        ),
    ],
)
def test_a_row_of_the_wrong_width_fails_with_its_line(line: str, what: str) -> None:
    got = reading(f'a,b\n"x\ny",2\n{line}\n5,6\n'.encode(), FILE)
    assert got.rows == [b'{"a":"x\\ny","b":"2"}']
    assert isinstance(got.error, FailJob)
    assert got.message == f"line 4: {what}"


def test_a_last_line_of_the_wrong_width_may_be_cut_and_is_read_again() -> None:
    got = reading(b"a,b\n1,2\n3", FILE)
    assert got.rows == [b'{"a":"1","b":"2"}']
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3
    assert "line 3" in got.message


@pytest.mark.parametrize("body", [b'a,b\n"1"x,2\n3,4\n', b"a,b\n1\r2,3\n"])
def test_broken_quotes_and_stray_returns_fail_with_the_line(body: bytes) -> None:
    got = reading(body, FILE)
    assert isinstance(got.error, FailJob)
    assert got.message.startswith("line 2: ")


@pytest.mark.parametrize(("before", "line"), [("1,2\n", 3), ("1\n", 2)])
def test_a_mistake_is_named_by_its_line_where_more_than_the_header_was_looked_at(before: str, line: int) -> None:
    """A first line that begins like JSON is looked at together with those after it."""
    for last in ("3,4", "3,4\n"):
        got = reading(f'[a],b\n{before}"1"x,2\n{last}'.encode(), FILE)
        assert got.message.startswith(f"line {line}: ")
        assert isinstance(got.error, FailJob) or line == 3


def test_names_are_mapped_regardless_of_case_and_blanks() -> None:
    body = b" Clicks ,TIME,extra, Cost\n1,2026-01-01,x,57.1000\n"
    columns = {"clicks": "integer", "cost": "number"}
    got = reading(body, DECLARED, columns=columns)  # type: ignore[arg-type]
    assert got.published == [b'{"clicks":1,"time":"2026-01-01","extra":"x","cost":57.1000}']


@pytest.mark.parametrize("shape", [HEADLESS, DECLARED, HEADLESS.model_copy(update={"header": "false"})])
def test_a_file_without_header_is_read_by_the_declared_columns(shape: Delimited) -> None:
    got = reading(b"2026-01-01,3,1.50\n2026-01-02,4,2\n", shape)
    assert [json.loads(row) for row in got.published] == [
        {"time": "2026-01-01", "clicks": "3", "cost": "1.50"},
        {"time": "2026-01-02", "clicks": "4", "cost": "2"},
    ]


@pytest.mark.parametrize("shape", [HEADLESS, DECLARED])
def test_a_header_is_recognized_even_if_none_is_expected(shape: Delimited) -> None:
    assert reading(b"Cost;Time;Clicks\n1,5;t;2\n", shape).published == [b'{"cost":"1,5","time":"t","clicks":"2"}']


def test_a_file_without_header_or_declared_columns_fails() -> None:
    got = reading(b"1,2\n", Delimited(kind="delimited", header=False))
    assert isinstance(got.error, FailJob)
    assert "no header" in got.message


def test_an_end_in_the_middle_of_a_character_is_not_a_clean_end() -> None:
    assert isinstance(reading("a,b\n1,€".encode()[:-1], FILE).error, RetryLater)


def test_a_line_never_ended_does_not_fill_the_memory() -> None:
    got = reading((b"x," * 50_000 for _ in range(1_000)), FILE)
    assert isinstance(got.error, FailJob)
    assert "16 MiB" in got.message


def test_a_row_of_many_values_is_no_larger_than_one_of_a_single_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LARGEST_ROW_BYTES", 1_000)
    got = reading(written([["a", "b"], ["x" * 499, "y" * 499], ["x" * 500, "y" * 499]]), FILE)
    assert len(got.rows) == 1
    assert isinstance(got.error, FailJob)
    assert got.message.startswith("line 3: a row is larger than ")


def test_a_value_that_does_not_fit_sets_its_row_aside_and_no_other() -> None:
    got = reading(b"a,b\n1,2\n1.5,3\n,4\n", FILE, columns={"a": "integer", "b": "number"})
    assert got.error is None
    assert got.rows == [
        b'{"a":1,"b":2}',
        DeadRow(b'{"a":"1.5","b":"3"}', "a: '1.5' is not a valid integer"),
        b'{"a":null,"b":4}',
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_within_a_line_is_part_of_it_and_one_before_a_line_is_not(end: str) -> None:
    text = end.join(
        ["\ufeffa,b", "\ufeff1\ufeff,\ufeff2", '\ufeff\ufeff"3, ""\ufeff""","4"', "\ufeff5,6", "\ufeff"]
    ).encode()
    want = [
        b'{"a":"1\xef\xbb\xbf","b":"\xef\xbb\xbf2"}',
        b'{"a":"3, \\"\xef\xbb\xbf\\"","b":"4"}',
        b'{"a":"5","b":"6"}',
    ]
    for cuts in ((), range(len(text))):
        assert reading(text, FILE, cuts=cuts).published == want


def test_the_size_of_a_row_is_limited_and_that_of_a_file_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_lines, "_MOST_CHARACTERS", 100_000)
    body = b"a,b\n" + b"1,2\n" * 100_000
    assert len(reading(body, FILE, cuts=range(0, len(body), 10_000)).published) == 100_000


def test_a_last_row_that_is_too_large_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "LARGEST_ROW_BYTES", 100)
    got = reading(b"a,b\n1,2\n3," + b"x" * 200, FILE)
    assert isinstance(got.error, FailJob)
    assert got.message == "line 3: a row is larger than 16 MiB"
