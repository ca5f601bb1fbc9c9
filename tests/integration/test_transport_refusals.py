"""What a refusal means: try again, wait, or fail with the vendor's words and without a secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from redis import Redis

from tests.scripted_vendor import Heard, Start
from tests.wire import (
    ENVIRONMENT,
    HEADER,
    KEY,
    SESSION,
    answer,
    connection,
    exchange,
    get,
    login,
    refuse_secrets,
    talk,
)
from worker.client.check import try_account
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import FailJob, RateLimited, RetryLater
from worker.transport.exchange import Exchange


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 522])
def test_a_temporary_refusal_is_retried_with_the_usual_patience(vendor: Start, status: int) -> None:
    at = exchange(connection(vendor(lambda heard: answer(status, b"<h1>busy</h1>"))))
    with pytest.raises(RetryLater, match=f"GET /v1/rows: {status} Reason: <h1>busy</h1>") as caught:
        at.send(get(at))
    assert (caught.value.wait_seconds, caught.value.is_attempt) == (None, True)
    assert caught.value.is_unsent is (status == 429)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 409, 410, 413, 422, 451, 501, 505])
def test_a_permanent_refusal_fails_with_the_vendors_words(vendor: Start, status: int) -> None:
    body = b'{"error_code":"BadRequest","message":"field does not exist","request_id":"74K"}'
    shapes = [{"when": "error_code", "code": "error_code", "message": "message", "request_id": "request_id"}]
    at = exchange(connection(vendor(lambda heard: answer(status, body)), errors=shapes))
    with pytest.raises(FailJob, match=rf"{status} Reason: BadRequest: field does not exist \(request id 74K\)"):
        at.send(get(at))
    assert at.send(get(at), allow=(status,)).status == status
    assert at.ask(get(at), allow=(status,)).content["error_code"] == "BadRequest"


def test_an_error_in_a_success_fails(vendor: Start) -> None:
    body = b'{"meta":{"status":"error"},"errors":[{"code":"rate-limit-exceeded","message":"slow down"}]}'
    shapes = [{"when": "meta.status", "equals": "error", "code": "errors.0.code", "message": "errors.0.message"}]
    at = exchange(connection(vendor(lambda heard: answer(200, body)), errors=shapes))
    with pytest.raises(FailJob, match="200: rate-limit-exceeded: slow down"):
        at.ask(get(at))


def test_a_source_declares_which_statuses_are_temporary(vendor: Start) -> None:
    at = exchange(connection(vendor(lambda heard: answer(409)), retry_statuses=[409]))
    with pytest.raises(RetryLater):
        at.send(get(at))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_pauses_the_connection_for_every_worker(
    vendor: Start, redis: Redis, status: int, form: str
) -> None:
    later = "40" if form == "seconds" else formatdate(time.time() + 40, usegmt=True)
    acme = vendor(lambda heard: answer(status, Retry_After=later))
    one, other = (exchange(connection(acme), redis) for _ in range(2))
    with pytest.raises(RetryLater) as caught:
        one.send(get(one))
    assert caught.value.wait_seconds == pytest.approx(40, abs=2)
    assert (caught.value.is_attempt, caught.value.is_unsent) == (False, True)
    with pytest.raises(RetryLater, match="paused") as caught:
        other.send(get(other))
    assert caught.value.wait_seconds == pytest.approx(40, abs=3)
    assert (caught.value.is_attempt, caught.value.is_unsent) == (False, True)
    assert len(acme.heard) == 1


def test_the_reset_of_a_rate_limit_pauses_the_connection_where_the_vendor_names_no_other_time(vendor: Start) -> None:
    reset = {"x_rate_limit_remaining": "0", "x_rate_limit_reset": f"{time.time() + 900:.0f}"}
    at, _ = talk(vendor, lambda heard: answer(429 if heard.target.endswith("limited") else 503, **reset))
    with pytest.raises(RetryLater) as caught:
        at.send(get(at, "/down"))
    assert (caught.value.wait_seconds, caught.value.is_attempt) == (None, True)
    with pytest.raises(RetryLater) as caught:
        at.send(get(at, "/limited"))
    assert caught.value.wait_seconds == pytest.approx(900, abs=5)
    assert not caught.value.is_attempt
    with pytest.raises(RetryLater, match="paused"):
        at.send(get(at))


def read_a_page(at: Exchange) -> None:
    Vendor(at.connection.source.reports["r"], {}, at, Prepared()).read_page(1, None)


WAYS_TO_ASK = [lambda at: at.ask(get(at)), read_a_page]


@pytest.mark.parametrize("ask", WAYS_TO_ASK)
@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b'{"error":"slow","in":40}'),
        answer(200, b'{"error":"slow"}', Retry_After="40"),
        answer(400, b'{"error":"slow"}', Retry_After="40"),
        answer(403, b'{"error":"slow"}', X_RateLimit_Remaining="0", X_RateLimit_Reset="40"),
    ],
)
def test_a_rate_limit_that_a_body_states_pauses_the_connection_for_every_worker(
    vendor: Start, redis: Redis, ask: Callable[[Exchange], object], reply: bytes
) -> None:
    acme = vendor(lambda heard: reply)
    limit = {"when": "error", "then": "rate-limit", "wait": "in"}
    one, other = (exchange(connection(acme, errors=[limit]), redis) for _ in range(2))
    with pytest.raises(RateLimited) as caught:
        ask(one)
    assert caught.value.wait_seconds == 40
    with pytest.raises(RetryLater, match="paused") as refused:
        other.send(get(other))
    assert refused.value.wait_seconds == pytest.approx(40, abs=3)


@pytest.mark.parametrize("ask", WAYS_TO_ASK)
@pytest.mark.parametrize(("status", "body"), [(418, '{"error":"%s"}'), (200, '{"error":"%s"}'), (200, "<p>%s</p>")])
def test_no_error_message_contains_a_secret(
    vendor: Start, ask: Callable[[Exchange], object], status: int, body: str
) -> None:
    def script(heard: Heard) -> bytes:
        return answer(status, (body % f"{heard.target} {heard.headers}".replace('"', "'")).encode())

    for auth in (SESSION, KEY, HEADER, {"kind": "basic"}):
        acme = vendor(lambda heard: login(heard) or script(heard))
        with pytest.raises(FailJob) as caught:
            ask(exchange(connection(acme, auth, errors=[{"when": "error"}])))
        assert [mark for mark in ("***", "Basic", "/v1/rows?...") if mark in str(caught.value)], caught.value
        refuse_secrets(str(caught.value).replace("Basic ***", "").replace("Bearer ***", ""))


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "ok"),
        (answer(202, b""), "ok"),
        (answer(200, b"{}"), "ok"),
        (answer(200, b""), "failed"),
        (answer(200, b"<html>log in</html>"), "failed"),
    ],
)
def test_a_check_accepts_an_answer_that_may_be_empty_and_nothing_that_is_not_json(
    vendor: Start, reply: bytes, state: str
) -> None:
    to = connection(vendor(lambda heard: reply), check={"request": {"path": "/me"}})
    assert try_account(to, environment=ENVIRONMENT.get).state == state


@pytest.mark.parametrize(
    ("body", "has"),
    [
        (b'{"token":"x","expires_in":3600}', "expires_in, token"),
        (b'{"access_token":null}', "access_token"),
        (b'{"access_token":""}', "access_token"),
        (b'{"access_token":"null"}', "access_token"),
        (b"{}", "nothing"),
        (b"[]", "list"),
    ],
)
def test_an_answer_without_a_token_names_the_field_and_what_is_there(vendor: Start, body: bytes, has: str) -> None:
    at, acme = talk(vendor, lambda heard: answer(body=body), SESSION)
    with pytest.raises(FailJob, match=f"no token at 'access_token': it has: {has}$"):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/login"]


@pytest.mark.parametrize("token", ['" 12345678 "', "12345678"])
def test_a_token_may_be_a_number(vendor: Start, token: str) -> None:
    body = f'{{"access_token":{token}}}'.encode()
    at, acme = talk(vendor, lambda heard: answer(body=body), SESSION)
    at.send(get(at)).close()
    assert acme.heard[-1].headers["authorization"] == "Bearer 12345678"
