"""An error in a body is recognized by its shape, reported in the vendor's words, and has its declared consequence."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from worker.errors import FailJob, LoginExpired, MillraceError, NoMorePages, RateLimited, RetryLater
from worker.json_path import find, flag, is_same, split
from worker.sources.schema import ErrorShape
from worker.vendor_errors import VendorError, error_in, error_in_body, excerpt, storage_error


def found(body: Any, *shapes: dict[str, Any]) -> VendorError | None:
    return error_in(partial(find, body), [ErrorShape(**shape) for shape in shapes])


@pytest.mark.parametrize(
    ("shape", "errors", "no_errors"),
    [
        ({}, ["text", 0, True, {"code": 1}, ["a"]], [None, "", [], {}, False]),
        ({"equals": "error"}, ["error", "ERROR", " Error "], ["errors", None, "", ["error"]]),
        ({"equals": [7, "late"]}, [7, "7", 7.0, "LATE"], [8, "77", True]),
        ({"equals": False}, [False, "false"], [True, 0, None, ""]),
        ({"unless": 0}, [1, "40105", "x", True], [0, "0", 0.0, None, ""]),
        ({"unless": ["OK", 200]}, ["error", 500], ["ok", "200", None]),
        ({"contains": "Try again"}, ["please try AGAIN later"], ["try", 7, None, ["try again"]]),
    ],
)
def test_a_value_fits_a_shape_however_the_vendor_writes_it(
    shape: dict[str, Any], errors: list[Any], no_errors: list[Any]
) -> None:
    assert [value for value in errors if found({"at": value}, {"when": "at", **shape}) is None] == []
    assert [value for value in no_errors if found({"at": value}, {"when": "at", **shape}) is not None] == []


GENERAL = {"when": "error", "code": "error.code", "message": "error.text"}
SPECIAL = {"when": "error.passes", "equals": True, "then": "retry"}


@pytest.mark.parametrize("shapes", [(GENERAL, SPECIAL), (SPECIAL, GENERAL)])
def test_a_special_shape_decides_and_a_general_one_gives_the_words_in_any_order(
    shapes: tuple[dict[str, Any], ...],
) -> None:
    error = found({"error": {"code": 7, "text": "busy", "passes": True}}, *shapes)
    assert error == VendorError("7: busy", "retry")
    assert found({"error": {"code": 8, "text": "gone"}}, *shapes) == VendorError("8: gone", None)


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        (None, FailJob),
        ("fail", FailJob),
        ("retry", RetryLater),
        ("rate-limit", RateLimited),
        ("login", LoginExpired),
        ("end", NoMorePages),
    ],
)
def test_each_consequence_has_an_error_of_its_own(then: Any, kind: type[MillraceError]) -> None:
    failure = VendorError("words", then).failure("GET /rows: words")
    assert (type(failure), str(failure)) == (kind, "GET /rows: words")


def test_a_vendor_that_names_no_wait_is_waited_for_as_the_source_file_says() -> None:
    error = found({"error": 1}, {"when": "error", "then": "rate-limit", "wait": 60})
    assert error is not None
    assert error.wait_seconds == 60


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        *((30, 30), ("30", 30), ("2.5", 2.5), ("30s", 30), ("1.5s", 1.5), (0, 1), (-5, 1), (10**9, 3600)),
        *(("soon", None), ("30 m", None), (None, None), (True, None)),
    ],
)
def test_a_wait_is_a_number_within_reason(given: object, seconds: float | None) -> None:
    error = found({"error": 1, "wait": given}, {"when": "error", "then": "rate-limit", "wait": "wait"})
    assert error is not None
    assert error.wait_seconds == seconds
    limited = error.failure("later")
    assert isinstance(limited, RateLimited)
    assert limited.is_attempt == (seconds is None)


@pytest.mark.parametrize("raw", [b"Limit reached", b'"Limit reached"', b"\xef\xbb\xbf Limit reached\r\n"])
def test_the_whole_body_is_text_where_it_holds_no_object(raw: bytes) -> None:
    shape = ErrorShape(when="", contains="limit reached")
    assert error_in_body(raw, [shape])
    assert error_in_body(b'{"note": "Limit reached"}', [shape]) is None


def test_words_are_cut_to_a_length_a_person_reads() -> None:
    error = found({"error": "x" * 5_000}, {"when": "error"})
    assert error is not None
    assert len(error.words) == 500


def test_words_that_the_vendor_cut_in_the_middle_of_a_character_can_be_stored() -> None:
    error = error_in_body(rb'{"error": "no campaign \ud83d"}', [ErrorShape(when="error")])
    assert error is not None
    assert error.words.encode() == b"no campaign ?"


def test_a_path_may_choose_a_member_of_a_list_by_what_it_says() -> None:
    body = {"links": [{"rel": "self", "href": "/1"}, {"rel": "Next", "href": "/2"}], "n": {"a": []}}
    assert find(body, "links.[rel=next].href") == "/2"
    assert [find(body, path) for path in ("links.[rel=last].href", "n.[rel=next]", "n.a.[rel=next].href")] == [None] * 3
    assert split("data.links.[rel=next].href") == ("data.links", "[rel=next].href")
    assert split("data.next") == ("data.next", "")
    assert split("[level=error].text") == ("", "[level=error].text")


@pytest.mark.parametrize(
    ("given", "stated"),
    [(True, True), ("true", True), ("Yes", True), (1, True), ("1", True), (False, False), ("false", False), (0, False)],
)
def test_a_yes_or_no_is_read_however_it_is_written(given: object, stated: bool) -> None:
    assert flag([None, "perhaps", given]) is stated


def test_a_missing_flag_is_neither_yes_nor_no() -> None:
    assert flag([None, "", "perhaps", [], 2]) is None
    assert not is_same(True, 1)


def test_a_number_of_a_billion_digits_is_compared_without_writing_it_out() -> None:
    tracemalloc.start()
    try:
        assert not is_same(Decimal("1E999999999"), 1)
        assert is_same(Decimal("-1E-999999999"), Decimal("-1E-999999999"))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("value", "words"),
    [(False, "at is false"), (7, "at is 7"), (Decimal("7.5"), "at is 7.5"), ("late", "late"), ({"a": 1}, "{'a': 1}")],
)
def test_a_flag_or_number_without_code_and_message_is_shown_with_its_path(value: Any, words: str) -> None:
    error = found({"at": value}, {"when": "at", "equals": [False, 7, 7.5, "late"]}, {"when": "at"})
    assert error is not None
    assert error.words == words


@pytest.mark.parametrize("link", ["https://x.example/f", r"https:\/\/x.example\/f", "//x.example/f", "/f", "f", ""])
def test_a_body_is_quoted_without_the_signatures_of_its_links(link: str) -> None:
    body = f'{{"a": "{link}?X-Amz-Signature=abc&b=1", "why": "no rows? none", "b": "{link}?sig\\u003d'
    assert excerpt(body.encode()) == f'{{"a": "{link}?...", "why": "no rows? none", "b": "{link}?...'
    error = found({"e": {"m": f"{link}?sig=abc is over"}}, {"when": "e", "code": "e.m"})
    assert error is not None
    assert error.words == f"{link}?... is over"


def test_of_an_error_of_storage_only_code_and_message_are_shown_because_it_repeats_the_signed_request() -> None:
    body = b"""<?xml version="1.0"?>
    <Error><Code>SignatureDoesNotMatch</Code><Message>It &amp; the key
    differ</Message><StringToSign>/f?sig=k3y</StringToSign></Error>"""
    assert storage_error(body) == "SignatureDoesNotMatch: It & the key differ"
    assert storage_error(b"<html><Code>k3y</Code></html>") is None


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_a_body_nested_as_deep_as_no_parser_goes_is_text(body: bytes) -> None:
    assert error_in_body(body, [ErrorShape(when="error")]) is None
