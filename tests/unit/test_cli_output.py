"""The command prints tables and rows without losing anything of them."""

from __future__ import annotations

import pytest

from worker.cli.output import print_json, print_rows, print_rows_as_table, print_table
from worker.cli.startup import REDIS_PATIENCE_SECONDS, wait_for_redis
from worker.errors import RetryLater
from worker.redis_url import read_redis_url

Captured = pytest.CaptureFixture[str]
WIDE = "x" * 500


def test_a_table_cuts_nothing_and_ends_no_line_in_blanks(capsys: Captured) -> None:
    print_table(("name", "rows", "error"), [("a", 1234, WIDE), ("longer", 5, None)])
    assert capsys.readouterr().out.splitlines() == ["name     rows  error", f"a       1,234  {WIDE}", "longer      5"]


def test_a_cell_of_several_lines_is_shown_on_one(capsys: Captured) -> None:
    print_table(("what",), [("one\ntwo",), ("[bold]not markup[/bold] :smile:",)])
    assert capsys.readouterr().out.splitlines() == ["what", "one two", "[bold]not markup[/bold] :smile:"]


def test_a_table_of_nothing_is_its_heading(capsys: Captured) -> None:
    print_table(("a", "b"), [])
    assert capsys.readouterr().out == "a  b\n"


def test_printed_rows_keep_their_bytes(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    rows = ['{"a":57.1000,"b":"Ōsaka"}'.encode(), b'{"a":12345678901234567890123}']
    print_rows(rows)
    assert capsysbinary.readouterr().out.splitlines() == rows


def test_rows_in_a_table_keep_their_digits_and_every_column(capsys: Captured) -> None:
    rows = [b'{"id":4000000000000000001,"cost":57.1000}', b'{"id":2,"tags":["a",1.50],"ok":true,"none":null}', b"[]"]
    print_rows_as_table(rows)
    heading, first, second, third = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "cost", "tags", "ok", "none", "row"]
    assert first.split() == ["4000000000000000001", "57.1000"]
    assert second.split() == ["2", '["a",', "1.50]", "true"]
    assert third.split() == ["[]"]


def test_a_table_of_named_columns_has_those_alone(capsys: Captured) -> None:
    print_rows_as_table([b'{"a":1,"b":2,"c":3}'], ["c", "a", "z"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["c", "a", "z"], ["3", "1"]]


def test_json_is_printed_on_one_line(capsys: Captured) -> None:
    print_json({"a": "one\ntwo"})
    assert capsys.readouterr().out == '{"a":"one\\ntwo"}\n'


def test_redis_is_waited_for_a_moment_and_then_named(capsys: Captured) -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    message = r"Redis at redis://127.0.0.1:1/0 \(MILLRACE_REDIS_URL\) does not answer"
    with pytest.raises(RetryLater, match=message) as refusal:
        wait_for_redis(read_redis_url("redis://:secret@127.0.0.1:1/0"), sleep=sleep, monotonic=lambda: now[0])
    assert sum(slept) == REDIS_PATIENCE_SECONDS
    assert "secret" not in str(refusal.value) + capsys.readouterr().err


def test_what_is_nested_is_shown_as_json_that_can_be_pasted(capsys: Captured) -> None:
    print_table(("params",), [({"fields": ["a"], "all": True},)])
    assert capsys.readouterr().out.splitlines()[1] == '{"fields": ["a"], "all": true}'
