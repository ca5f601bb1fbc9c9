"""What the first line of a file says, and where a file is broken."""

from __future__ import annotations

import pytest

from tests.readings import reading
from worker.errors import FailJob, RetryLater
from worker.sources.schema import Delimited

FILE = Delimited(kind="delimited", delimiters=[",", ";", "\t"])


@pytest.mark.parametrize("text", [b"a|b\n1|2\n", b"a|b\n1,5|2\n"])
def test_a_delimiter_nobody_declared_is_no_file_of_one_column(text: bytes) -> None:
    got = reading(text, FILE)
    assert isinstance(got.error, FailJob)
    assert got.said == "line 1: values seem to be separated by '|', which is not among ',', ';', '\\t': a|b"


@pytest.mark.parametrize("text", [b"a\n1|2\n", b'"a, in USD"\n"1|2"\n'])
def test_one_declared_column_may_hold_any_character(text: bytes) -> None:
    got = reading(text, FILE, columns={text.split(b"\n")[0].decode().strip('"'): "string"})
    assert got.published[0].endswith(b':"1|2"}')


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_bytes_that_are_no_utf8_are_named_by_their_line(size: int) -> None:
    body = b"a;b\n1;2\n3;\xff\n5;6\n"
    got = reading([body[start : start + size] for start in range(0, len(body), size)], FILE)
    assert isinstance(got.error, RetryLater)
    assert got.said == "line 3: not valid UTF-8"
