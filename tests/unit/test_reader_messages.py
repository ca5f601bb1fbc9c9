"""Each object of MediaMath's stream is recognized by its keys and by what came before it."""

from __future__ import annotations

import pytest

from tests.readings import PLAIN, STREAM, header, reading
from worker.errors import FailJob, RetryLater
from worker.sources.schema import ErrorShape, Ndjson

TWO = header(("id", "spend"), 2)


def test_rows_are_known_by_the_headers_names_in_any_order() -> None:
    got = reading(TWO + b'{"id":1,"spend":2}\n{"spend":57.1000,"id":2}', STREAM)
    assert got.published == [b'{"id":1,"spend":2}', b'{"spend":57.1000,"id":2}']
    assert got.facts.total == 2


def test_a_count_of_minus_one_means_no_count() -> None:
    got = reading(header(("id",), -1) + b'{"id":1}\n', STREAM)
    assert got.published == [b'{"id":1}']
    assert got.facts.total is None


def test_metadata_may_be_anywhere_and_is_not_a_row() -> None:
    body = b'{"meta":{}}\n' + TWO + b'{"id":1,"spend":2}\n{"meta":{"progress":50}}\n{"id":2,"spend":3}\n{"meta":{}}\n'
    got = reading(body, STREAM)
    assert got.published == [b'{"id":1,"spend":2}', b'{"id":2,"spend":3}']


def test_a_row_may_leave_columns_out() -> None:
    assert reading(TWO + b'{"spend":1}\n', STREAM).published == [b'{"spend":1}']


def test_blank_lines_are_not_rows() -> None:
    got = reading(b"\n\r\n" + TWO + b'\n  \n{"id":1,"spend":2}  \r\n\n', STREAM)
    assert got.published == [b'{"id":1,"spend":2}']


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b'{"error_code":"BadRequest","request_id":"r1","message":"no such field"}',
            "BadRequest: no such field (request id r1)",
        ),
        (b'{"error_code":"BadRequest"}', "BadRequest"),
        (b'{"error_code":"BadRequest","hint":"x"}', "BadRequest"),
        (b'{"message":"gone"}', "gone"),
        (b'{"request_id":"r1"}', "(request id r1)"),
        (
            b'{"meta":{"status":"error","uuid":"u1"},"errors":[{"code":"rate-limit-exceeded","message":"slow down"}]}',
            "rate-limit-exceeded: slow down (request id u1)",
        ),
    ],
)
@pytest.mark.parametrize("before", [b"", TWO, TWO + b'{"id":1,"spend":2}\n'])
def test_an_error_ends_the_stream_and_fails_the_job(line: bytes, expected: str, before: bytes) -> None:
    after = b'{"id":9,"spend":9}\n{\n"id":10,"\\ud800":9}'
    got = reading(b"\n".join((before + line, after)), STREAM)
    assert isinstance(got.error, FailJob)
    assert expected in got.message
    assert len(got.rows) == before.count(b'"id":')


@pytest.mark.parametrize("line", [b'{"id":1,"other":2}', b"{}", b'{"meta":5}', b'{"meta":{},"id":1}', TWO.strip()])
def test_anything_else_after_the_header_fails_the_job_and_names_the_row(line: bytes) -> None:
    got = reading(TWO + b'{"id":1,"spend":2}\n' + line, STREAM)
    assert isinstance(got.error, FailJob)
    assert got.message.startswith("row 2: ")
    assert len(got.rows) == 1


@pytest.mark.parametrize("row", [b'{"id":1,"spend":2}', b"{}"])
def test_a_row_before_the_header_fails_the_job(row: bytes) -> None:
    got = reading(row + b"\n" + TWO, STREAM)
    assert isinstance(got.error, FailJob)
    assert "before the header" in got.message


def test_columns_called_like_messages_do_no_harm() -> None:
    body = header(("meta", "message", "error_code", "id"), 1)
    row = b'{"meta":{"status":"error"},"message":"m","error_code":"e","id":1}'
    assert reading(body + row, STREAM).published == [row]


def test_a_row_that_leaves_columns_out_may_look_like_an_error() -> None:
    body = header(("error_code", "id"), 1) + b'{"error_code":"E"}'
    assert reading(body, STREAM).published == [b'{"error_code":"E"}']


def test_with_a_column_called_meta_a_lone_meta_is_not_mistaken_for_a_row() -> None:
    got = reading(header(("meta", "id"), 1) + b'{"meta":{}}', STREAM)
    assert isinstance(got.error, FailJob)


@pytest.mark.parametrize("names", [("meta",), ("error_code", "request_id", "message"), ("message",)])
def test_columns_that_make_every_row_look_like_a_message_are_refused(names: tuple[str, ...]) -> None:
    got = reading(header(names, 1), STREAM)
    assert isinstance(got.error, FailJob)
    assert "look like metadata or errors" in got.message


@pytest.mark.parametrize(
    "line",
    [
        b'{"fields":[{"name":"id"}]}',
        b'{"fields":[{"title":"id"}],"total_items_count":1}',
        b'{"fields":"id","total_items_count":1}',
    ],
)
def test_an_incomplete_header_is_not_a_header(line: bytes) -> None:
    got = reading(line, STREAM)
    assert isinstance(got.error, FailJob)
    assert "before the header" in got.message


def test_a_stream_that_ends_before_its_header_is_tried_again() -> None:
    assert isinstance(reading(b'{"meta":{}}\n', STREAM).error, RetryLater)


def test_an_empty_stream_that_should_have_a_header_fails() -> None:
    assert isinstance(reading(b"", STREAM).error, FailJob)
    assert reading(b"", PLAIN).published == []


def test_without_a_header_every_object_is_a_row_unless_declared_otherwise() -> None:
    shape = Ndjson(kind="ndjson", metadata="meta", errors=[ErrorShape(when="error.code", code="error.code")])
    rows = [b'{"message":"m"}', b"{}", b'{"error":{}}', b'{"meta":1}', b'{"meta":{},"a":1}']
    plain = Ndjson(kind="ndjson", errors=[ErrorShape(when="error")])
    assert reading(b'{"error":"no"}', plain).message.endswith("after 0 rows: no")
    for error in (b'{"error":{"code":7}}', b'{"error.code":7}'):
        got = reading(b"\n".join((*rows, b'{"meta":{}}', error)), shape)
        assert got.rows == rows
        assert isinstance(got.error, FailJob)
        assert "after 5 rows: 7" in got.message
