"""What a vendor's refusal says: how long to wait, or the words for people."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from worker import vendor_errors
from worker.errors import FailJob
from worker.transport import refusals
from worker.transport.refusals import rate_limit_wait, retry_after

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
