"""The promises of readers, which hold for every format. A new format is one entry in KINDS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.readings import FILE, PAGE, PLAIN, STREAM, header, reading
from worker.errors import FailJob, RetryLater
from worker.model import DeadRow, Facts
from worker.readers import READERS, read_blocks
from worker.sources.schema import ColumnType, Format

MEMORY_GROWS_BY_AT_MOST = 10 * 1024 * 1024
COLUMNS: dict[str, ColumnType] = {"spend": "number", "id": "integer"}


@dataclass(frozen=True)
class Kind:
    """A format, and how a response is made of rows that are pairs of an id and a spend."""

    shape: Format
    begin: bytes
    row: Callable[[str, str], bytes]
    between: bytes
    end: bytes

    def body(self, *rows: tuple[str, str]) -> bytes:
        return self.begin + self.between.join(self.row(*row) for row in rows) + self.end

    def endless(self) -> Iterator[bytes]:
        """A response that never ends its second row."""
        yield self.begin + self.row("1", "1") + self.between + self.row("2", "X").partition(b"X")[0] + b'"'
        while True:
            yield b"x" * 100_000


def _object(one: str, two: str) -> bytes:
    return f'{{"id":{one},"spend":{two}}}'.encode()


def _line(one: str, two: str) -> bytes:
    return f"{one},{two}".encode()


def _ids(kind: Kind, count: int) -> list[object]:
    """The first ids as each format gives them, where no column is typed."""
    return [str(number) if kind.shape.kind == "delimited" else number for number in range(1, count + 1)]


KINDS = {
    "stream": Kind(STREAM, header(("id", "spend"), -1), _object, b"\n", b"\n"),
    "stream with blanks": Kind(STREAM, header(("id", "spend"), -1), _object, b"  \n\t", b"\r\n"),
    "objects": Kind(PLAIN, b"", _object, b"\n", b"\n"),
    "page": Kind(PAGE, b'{"data":{"total_rows":9,"rows":[', _object, b",", b"]}}"),
    "page with blanks": Kind(PAGE, b'{"data" : [ ', _object, b" ,\n ", b" ] }"),
    "file": Kind(FILE, b"id,spend\n", _line, b"\n", b"\n"),
}
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def test_every_reader_is_held_to_these_promises() -> None:
    assert {kind.shape.kind for kind in KINDS.values()} == set(READERS)


@EVERY
@given(
    rows=st.lists(st.tuples(st.integers(0, 10**25), st.decimals(0, 10**6, places=4)), max_size=20),
    cuts=st.lists(st.integers(0, 10**6), max_size=10),
)
@settings(deadline=None, max_examples=40)
def test_every_row_comes_in_order_with_every_digit_for_any_chunks(
    kind: Kind, rows: list[tuple[int, object]], cuts: list[int]
) -> None:
    sent = [(str(one), str(two)) for one, two in rows]
    got = reading(kind.body(*sent), kind.shape, columns=COLUMNS, cuts=cuts)
    assert [tuple(json.loads(row, parse_int=str, parse_float=str).values()) for row in got.published] == sent


@EVERY
def test_the_bytes_of_a_row_do_not_depend_on_the_chunks(kind: Kind) -> None:
    body = kind.body(("1", "57.1000"), ("2", "1E5"), ("3", "-0"), ("9" * 30, "1e400"), ("5", "0.10"))
    readings = [
        reading(body, kind.shape, columns=columns, cuts=range(0, len(body), size)).published
        for columns in ({}, COLUMNS)
        for size in (1, 2, 7, len(body))
    ]
    assert len(readings[0]) == 5
    assert readings[0] == readings[1] == readings[2] == readings[3]
    assert readings[4] == readings[5] == readings[6] == readings[7]


@EVERY
def test_a_row_is_given_before_the_next_chunk_is_asked_for(kind: Kind) -> None:
    """Rows flow: no reader waits for the end of the response."""
    asked = 0

    def chunks() -> Iterator[bytes]:
        nonlocal asked
        yield kind.begin
        for number in range(1, 3_000):
            asked = number
            yield kind.row(str(number), "0." + "1234567890" * 10) + kind.between

    rows = chain.from_iterable(read_blocks(chunks(), kind.shape, {}, Facts()))
    for _ in range(100):
        next(rows)
    assert asked < 2_500


@EVERY
def test_errors_of_the_transport_pass_through_after_the_rows_before_them(kind: Kind) -> None:
    def chunks() -> Iterator[bytes]:
        yield kind.body(("1", "1"), ("2", "2"), ("3", "3"))[: -len(kind.end) - 1]
        raise RetryLater("connection reset")

    got = reading(chunks(), kind.shape)
    assert got.message == "connection reset"
    assert [json.loads(row)["id"] for row in got.rows] == _ids(kind, 2)


@EVERY
def test_a_response_cut_in_a_row_is_read_again_and_never_a_clean_end(kind: Kind) -> None:
    body = kind.body(("1", "1"), ("2", "2"), ("3", "3"))
    row = body.index(kind.between + kind.row("3", "3")) + len(kind.between)
    for at in range(row + 1, row + len(kind.row("3", "3")) - 2):
        got = reading(body[:at], kind.shape)
        assert isinstance(got.error, RetryLater)
        assert len(got.rows) == 2


@EVERY
def test_invalid_utf_8_is_read_again_a_few_times_only(kind: Kind) -> None:
    body = kind.begin + kind.row("1", "1") + kind.between + b"\xff" + kind.row("2", "2") + kind.end
    got = reading(body, kind.shape)
    assert isinstance(got.error, RetryLater)
    assert got.error.at_most == 3


@EVERY
def test_a_byte_order_mark_is_not_part_of_the_rows(kind: Kind) -> None:
    body = kind.body(("1", "1"), ("2", "2"))
    for marks, cuts in product((b"\xef\xbb\xbf", b"\xef\xbb\xbf" * 3), ((), (1, 2, 3), range(12))):
        assert reading(marks + body, kind.shape, cuts=cuts).published == reading(body, kind.shape).published


@EVERY
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_byte_order_mark_decides_on_the_encoding(kind: Kind, codec: str) -> None:
    body = kind.body(("1", "1"), ("2", "2"), ("3", "3")).decode()
    marked = f"\ufeff{body}".encode(codec)
    for cuts in ((), (1, 2, 3), range(0, len(marked), 7)):
        assert reading(marked, kind.shape, cuts=cuts).published == reading(body.encode(), kind.shape).published
        cut = reading(marked[: -len(kind.end.decode().encode(codec)) - 3], kind.shape, cuts=cuts)
        assert isinstance(cut.error, RetryLater)
        assert len(cut.rows) == 2


@EVERY
@pytest.mark.parametrize(
    ("text", "codec", "stated"),
    [
        ("für", "cp1252", "iso-8859-1"),
        ("für", "utf-8", "iso-8859-1"),
        ("ключ", "cp1251", "windows-1251"),
        ("靴", "cp932", "shift_jis"),
        ("靴", "utf-8", "binary"),
    ],
)
def test_the_character_set_that_a_server_states_is_heard(kind: Kind, text: str, codec: str, stated: str) -> None:
    body = kind.body(("1", '"x"'), ("2", f'"{text}"'), ("3", "0")).decode()
    expected = reading(body.encode(), kind.shape).published
    for cuts in ((), range(len(body.encode(codec)))):
        assert reading(body.encode(codec), kind.shape, cuts=cuts, charset=stated).published == expected
        broken = reading(body.encode(codec).replace(b"x", b"\x81\xff"), kind.shape, cuts=cuts, charset="utf-8")
        assert isinstance(broken.error, RetryLater)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.shape.kind != "delimited"])
@pytest.mark.parametrize("stated", [None, "utf-16", "iso-8859-1"])
def test_json_in_utf_16_is_read_without_a_mark_and_json_in_utf_8_whatever_is_stated(
    name: str, stated: str | None
) -> None:
    body = KINDS[name].body(("1", '"\u00fc"'), ("2", "2")).decode()
    expected = reading(body.encode(), KINDS[name].shape).published
    for codec in ("utf-16-le", "utf-16-be", "utf-8"):
        for cuts in ((), range(len(body.encode(codec)))):
            assert reading(body.encode(codec), KINDS[name].shape, cuts=cuts, charset=stated).published == expected


@EVERY
def test_html_in_place_of_rows_fails_the_job_with_its_first_bytes(kind: Kind) -> None:
    got = reading(b"<html><body>502 Bad Gateway</body></html>", kind.shape, cuts=(3, 9))
    assert isinstance(got.error, FailJob)
    assert "<html>" in got.message
    assert got.rows == []


@EVERY
def test_a_row_that_never_ends_fails_the_job_and_does_not_fill_the_memory(kind: Kind) -> None:
    got = reading(kind.endless(), kind.shape)
    assert isinstance(got.error, FailJob)
    assert "16 MiB" in got.message
    assert len(got.rows) == 1


@EVERY
def test_a_row_of_many_megabytes_is_a_row(kind: Kind) -> None:
    text = '"' + "x" * 9_000_000 + '"'
    body = kind.body(("1", "1"), ("2", text), ("3", "3"))
    got = reading(body, kind.shape, cuts=range(0, len(body), 65_000))
    assert [len(row) > 9_000_000 for row in got.published] == [False, True, False]


@EVERY
def test_a_value_that_misses_its_type_sets_aside_its_row_only(kind: Kind) -> None:
    got = reading(kind.body(("1", "1"), ("2", '"5 %"'), ("3", "3")), kind.shape, columns=COLUMNS)
    assert got.error is None
    assert [type(row) for row in got.rows] == [bytes, DeadRow, bytes]
    dead = got.rows[1]
    assert isinstance(dead, DeadRow)
    assert dead.reason == "spend: '5 %' is not a valid number"
    assert b"5 %" in dead


@EVERY
def test_a_format_without_rows_has_none(kind: Kind) -> None:
    assert reading(kind.begin + kind.end, kind.shape).published == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@EVERY
def test_memory_does_not_grow_with_the_number_of_rows(kind: Kind) -> None:
    name = next(name for name, known in KINDS.items() if known is kind)
    script = f"from tests.contract.test_readers import peaks; print(*peaks({name!r}))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    small, large = map(int, ran.stdout.split())
    assert large - small < MEMORY_GROWS_BY_AT_MOST


def peaks(name: str) -> tuple[int, int]:
    """The most memory this process has held after 2,000 rows and after 200,000."""
    kind = KINDS[name]

    def chunks(count: int) -> Iterator[bytes]:
        yield kind.begin
        for start in range(0, count, 500):
            rows = [kind.row(str(number), '"0.1234567890"') for number in range(start, start + 500)]
            yield (kind.between if start else b"") + kind.between.join(rows)
        yield kind.end

    def peak(count: int) -> int:
        rows = sum(map(len, read_blocks(chunks(count), kind.shape, COLUMNS, Facts())))
        assert rows == count
        # Unlike getrusage, this starts at zero for each program.
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    return peak(2_000), peak(200_000)
