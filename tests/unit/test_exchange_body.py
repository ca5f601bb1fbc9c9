"""A body comes out whole for any pieces, and no error contains a secret."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tests.readings import cuts, pieces
from worker import vendor_errors
from worker.errors import FailJob, RetryLater
from worker.sources.base_urls import base_of
from worker.sources.schema import Request
from worker.transport import framing, refusals, request
from worker.transport.redaction import Redactor
from worker.transport.refusals import rate_limit_wait, retry_after


class Pieces:
    """A connection that delivers its bytes in these pieces, then ends."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read1(self, size: int, /) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop(0)
        if len(piece) > size:
            self._pieces.insert(0, piece[size:])
        return piece[:size]


CHUNKED = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE \r\nin \r\n\r\nchunks.\r\n0\r\nTrailer: x\r\n\r\n"


@settings(deadline=None, max_examples=100)
@given(cuts)
def test_chunks_are_taken_apart_wherever_the_network_cuts_them(at: list[int]) -> None:
    source = Pieces(*pieces(CHUNKED, at))
    assert b"".join(framing.read_chunked(source)) == b"Wikipedia in \r\n\r\nchunks."
    assert source.read1(1) == b""


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=10), cuts)
def test_any_chunks_come_out_as_they_went_in(chunks: list[bytes], at: list[int]) -> None:
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert b"".join(framing.read_chunked(Pieces(*pieces(framed, at)))) == b"".join(chunks)


@pytest.mark.parametrize("length", range(len(CHUNKED) - len("0\r\nTrailer: x\r\n\r\n")))
def test_a_chunked_body_without_its_last_chunk_is_cut(length: int) -> None:
    with pytest.raises(framing.Cut):
        list(framing.read_chunked(Pieces(CHUNKED[:length])))


# The last is longer than any line of framing may be.
@pytest.mark.parametrize(
    "broken",
    [b"x\r\nrow\r\n", b"-3\r\nrow\r\n", b"0x3\r\nrow\r\n", b"3\nrow\n", b"3\r\nrows\r\n", b"<html>\r\n", b"F" * 70_000],
)
def test_broken_framing_is_a_cut_and_never_rows(broken: bytes) -> None:
    with pytest.raises(framing.Cut, match="framing"):
        list(framing.read_chunked(Pieces(broken, broken)))


def test_a_chunk_of_any_size_is_passed_on_as_it_comes() -> None:
    arrived = framing.read_chunked(Pieces(b"40000000\r\n", b"row", b"row"))
    assert next(arrived) == b"row"


def test_a_sized_body_ends_at_its_size_and_nowhere_else() -> None:
    assert b"".join(framing.read_sized(Pieces(b"row", b"row"), 6)) == b"rowrow"
    assert list(framing.read_sized(Pieces(b"next answer"), 0)) == []
    with pytest.raises(framing.Cut, match="1 of 7 bytes are missing"):
        list(framing.read_sized(Pieces(b"row", b"row"), 7))


# ---------------------------------------------------------------- Retry-After


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("7", 7),
        ("7.5", 7.5),
        ("0", 1),
        ("-5", 1),
        ("86400", 3600),
        ("inf", 3600),
        ("7, 9", 9),
        ("1700000060", 60),
        ("1700000060000", 60),
        ("2023-11-14T22:14:20Z", 60),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", None),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 1),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_understood_as_seconds_or_date_and_clamped(stated: str | None, seconds: float | None) -> None:
    headers = CaseInsensitiveDict({} if stated is None else {"Retry-After": stated})
    assert retry_after(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-limit": "900", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "1700000900"}, 900),
        ({"X-RateLimit-Reset": "1700000900000"}, 900),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Reset": "Tue, 14 Nov 2023 22:14:20 GMT", "Retry-After": "5"}, 5),
        ({"x-rate-limit-remaining": "12", "x-rate-limit-reset": "900"}, None),
        ({"x-rate-limit-remaining": "12", "x-rate-limit-reset": "900", "x-account-rate-limit-reset": "60"}, 60),
        ({"X-RateLimit-Reset": "soon"}, None),
        ({"X-RateLimit-Reset": "nan"}, None),
        ({"X-RateLimit-Reset": "0"}, None),
        ({"X-RateLimit-Reset": "1699999999"}, None),
        ({"X-RateLimit-Resets": "30"}, None),
    ],
)
def test_a_rate_limit_that_is_used_up_is_waited_for_until_its_reset(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert rate_limit_wait(CaseInsensitiveDict(headers), now=NOW) == seconds


# ---------------------------------------------------------------- answers


# Python reads no number of more than 4,300 digits, and fails with an error that is none of JSON's.
@pytest.mark.parametrize(
    "raw", [b"<html>Gateway</html>", b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"a":' + b"9" * 5_000 + b"}"]
)
def test_an_answer_that_is_not_json_fails_with_its_first_bytes(raw: bytes) -> None:
    with pytest.raises(FailJob, match="GET /x: the answer is not JSON") as caught:
        refusals.parse_json(raw, "GET /x")
    assert len(str(caught.value)) < 300


def test_ids_of_any_length_keep_their_digits() -> None:
    assert refusals.parse_json(b'\xef\xbb\xbf{"id": 12345678901234567890123}', "GET /x") == {
        "id": 12345678901234567890123
    }


@pytest.mark.parametrize("encoded", [b"caf\xe9", b"\x82\xa0", b"half \xed\xa0\x80", "é".encode()])
def test_a_name_in_another_character_set_does_not_make_an_answer_unreadable(encoded: bytes) -> None:
    content = refusals.parse_json(b'{"name":"%b","id":7}' % encoded, "GET /x")
    assert content["id"] == 7
    assert content["name"].encode()


def test_an_excerpt_is_one_short_printable_line() -> None:
    text = vendor_errors.excerpt(b"\x1e<html>\r\n\x1b[31m  \x00bad\n" + b"x" * 1_000)
    assert text.startswith("?<html> ?[31m ?bad xxx")
    assert len(text) == vendor_errors.EXCERPT_BYTES


# ---------------------------------------------------------------- secrets


def test_a_secret_is_taken_out_of_an_error_however_it_is_spelled() -> None:
    redactor = Redactor(['p"ss w/rd+'])
    error = RetryLater('p"ss w/rd+ p%22ss%20w%2Frd%2B p%22ss+w%2Frd%2B p\\"ss w/rd+ cCJzcyB3L3JkKw==')
    redactor.clean_error(error)
    assert str(error) == error.reason == "*** *** *** *** ***=="


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("s", "the session is closed; it's status: busy", "the session is closed; it's status: busy"),
        ("s", 'secret=s&x=1 {"secret":"s","b":1} secret: s', 'secret=***&x=1 {"secret":"***","b":1} secret: ***'),
        ("s", "client_secret=sales", "client_secret=sales"),
        ("7", "17 of 70 rows, page=77, code: 7", "17 of 70 rows, page=77, code: ***"),
        ("+", "a+b key=+", "a+b key=***"),
        ("dev-1", "no dev-1 here, but dev-12 and prodev-1", "no *** here, but dev-12 and prodev-1"),
        ("token", "tokens, tokenised; not token.", "tokens, tokenised; not ***."),
        ("longer-secret", "xlonger-secrety", "x***y"),
    ],
)
def test_a_short_secret_does_not_blot_out_the_words_of_a_message(secret: str, text: str, shown: str) -> None:
    assert Redactor([secret]).clean(text) == shown


def test_a_longer_secret_is_removed_whole_even_if_a_shorter_one_is_part_of_it() -> None:
    for secrets in (["abc", "abcdef"], ["key-2026", "key-2026-11"]):
        assert Redactor(secrets).clean(secrets[1]) == "***"


# ---------------------------------------------------------------- composing


BASE = base_of("https://api.vendor.example/v1")


def test_a_request_is_composed_of_what_its_values_give() -> None:
    declared = Request(
        method="POST",
        path="/accounts/{account}/rows",
        query={"from": "{day}", "all": "{all}", "ids": "{ids}", "absent": "{absent}"},
        headers={"x-day": "{day}"},
        json={"fields": "{ids}", "page": {"size": 5}},
    )
    wire = request.compose(
        BASE,
        declared,
        {"account": "a/../b", "day": "2026-11-01", "all": True, "ids": [1, "é"]},
        json_parts={"page.index": 3},
    )
    assert (
        wire.url == "https://api.vendor.example/v1/accounts/a%2F..%2Fb/rows?from=2026-11-01&all=true&ids=1&ids=%C3%A9"
    )
    assert wire.body == '{"fields":[1,"é"],"page":{"size":5,"index":3}}'.encode()
    assert wire.headers == {"x-day": "2026-11-01", "Content-Type": "application/json"}
    assert wire.name == "POST /v1/accounts/a%2F..%2Fb/rows"


@pytest.mark.parametrize(
    ("value", "sent"), [(True, "true"), (7, "7"), (5.0, "5.0"), (["a", "b"], "a,b"), ({"a": 1}, '{"a":1}'), ("é", "é")]
)
def test_a_value_in_a_header_is_written_as_in_a_longer_text(value: object, sent: str) -> None:
    declared = Request(path="/x", headers={"X-A": "{a}", "X-B": "b={a}"})
    assert request.compose(BASE, declared, {"a": value}).headers == {"X-A": sent, "X-B": f"b={sent}"}


def test_what_an_address_adds_replaces_what_the_request_had() -> None:
    wire = request.compose(
        BASE, Request(path="/x", query={"limit": 10, "q": "a b"}), {}, query={"limit": 5, "offset": 0}
    )
    assert wire.url == "https://api.vendor.example/v1/x?limit=5&q=a%20b&offset=0"
    assert request.with_query("https://h/x?limit=10&q=a%20b&q=c", {"limit": 3}) == "https://h/x?q=a%20b&q=c&limit=3"
    assert request.with_query("https://h/x?sig=a%2Bb", {}) == "https://h/x?sig=a%2Bb"
    assert request.without_query_value("https://h/x?a=1&api%5Fkey=s&b=%2B", "api_key") == "https://h/x?a=1&b=%2B"
    assert request.without_query_value("https://h/x?api_key=s", "api_key") == "https://h/x"


def test_a_query_that_is_a_text_goes_out_as_it_is_written_and_takes_what_an_address_adds() -> None:
    declared = Request(path="/x", query="q=analytics&dateRange=(start:(year:{y}))&start=0&accounts=List(urn%3Ali%3a7)")
    wire = request.compose(BASE, declared, {"y": 2026}, query={"start": 20})
    sent = "q=analytics&dateRange=(start:(year:2026))&accounts=List(urn%3Ali%3a7)&start=20"
    assert wire.url == f"https://api.vendor.example/v1/x?{sent}"
    assert request.compose(BASE, Request(path="/x", query="a={none}"), {}).url == "https://api.vendor.example/v1/x"


def test_a_form_is_sent_as_a_form() -> None:
    declared = Request(method="POST", path="/x", form={"grant": "{g}", "none": "{n}", "page": 1})
    wire = request.compose(BASE, declared, {"g": "a&b"})
    assert (wire.body, wire.headers["Content-Type"]) == (b"grant=a%26b&page=1", "application/x-www-form-urlencoded")
    assert request.compose(BASE, declared, {"g": "a"}, form={"page": 2, "size": 9}).body == b"grant=a&page=2&size=9"
