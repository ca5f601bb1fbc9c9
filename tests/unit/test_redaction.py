"""No error contains a secret, however it is spelled."""

from __future__ import annotations

import pytest

from worker.errors import RetryLater
from worker.transport.redaction import Redactor


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
