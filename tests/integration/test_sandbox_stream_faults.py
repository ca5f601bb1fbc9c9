"""The faults between the rows of a stream: headers, metadata, errors, lines."""

from __future__ import annotations

import gzip
import json

import pytest

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import MEDIAMATH_QUERY, Spoil, Visitor, running
from tests.sandbox_client import stream as stream
from tests.sandbox_client import visitor as visitor

ROWS = 1003
LINES = list(expected_rows("mediamath.performance", MEDIAMATH_QUERY, ROWS))
META = b'{"meta":{}}'
sandbox = running(rows=ROWS, polls_until_ready=0)


@pytest.mark.parametrize("after_rows", [0, 1, 500, 600, 1003])
def test_error_line_ends_a_stream(stream: Spoil, after_rows: int) -> None:
    _, *rows, last = stream("error_line", after_rows=after_rows, code="Late").splitlines()
    assert rows == LINES[:after_rows]
    assert json.loads(last)["error_code"] == "Late"
    assert json.loads(stream("error_line", after_rows=1, partial=True).splitlines()[-1]).keys() == {"error_code"}


def test_gateway_line_ends_a_stream(stream: Spoil) -> None:
    _, *rows, last = stream("gateway_line", after_rows=3).splitlines()
    assert rows == LINES[:3]
    assert last.startswith(b'{"meta":{"status":"error"')


@pytest.mark.parametrize(
    ("where", "count", "first", "last"),
    [
        ("before_header", 1, True, False),
        ("between", 10, False, False),
        ("after_last", 1, False, True),
        ("everywhere", 12, True, True),
    ],
)
def test_metadata_lines_stand_where_asked(stream: Spoil, where: str, count: int, first: bool, last: bool) -> None:
    lines = stream("metadata_lines", where=where).splitlines()
    assert lines.count(META) == count
    assert (lines[0] == META, lines[-1] == META) == (first, last)
    assert [line for line in lines if line != META][1:] == LINES


def test_no_header_and_second_header(stream: Spoil) -> None:
    assert stream("no_header").splitlines() == LINES
    lines = stream("second_header", row=502).splitlines()
    assert lines[502] == lines[0]
    assert [line for line in lines if line != lines[0]] == LINES


def test_lines_are_crowded_or_apart(stream: Spoil) -> None:
    assert stream("crowded_lines", per_line=2).splitlines()[1] == LINES[0] + b" " + LINES[1]
    lines = stream("blank_lines", every=10).splitlines()
    assert lines[11] == b""
    assert [line for line in lines if line][1:] == LINES


def test_faults_of_different_kinds_add_up(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.turn(
        {"kind": "drop_column", "args": {"column": "clicks"}},
        {"kind": "repeat_row", "args": {"row": 1}},
        {"kind": "cut_after_row", "args": {"row": 3, "clean": True}},
        {"kind": "compressed", "args": {"encoding": "gzip"}},
    )
    reply = visitor.post("mediamath", "/performance", MEDIAMATH_QUERY)
    assert reply.headers["Content-Encoding"] == "gzip"
    _, *rows = gzip.decompress(reply.body).splitlines()
    assert [json.loads(row)["impressions"] for row in rows] == [1, 1, 2, 3]
    assert all("clicks" not in json.loads(row) for row in rows)
