"""Credentials are sent only where a source says, and one worker fetches tokens for all."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from tests.scripted_vendor import Heard, Script, Start
from tests.wire import (
    ENVIRONMENT,
    HEADER,
    KEY,
    PASSWORD,
    SESSION,
    answer,
    connection,
    exchange,
    get,
    hang_up,
    login,
    refuse_secrets,
    talk,
)
from worker import keys
from worker.errors import BadInput, FailJob, RetryLater
from worker.sources.credentials import require_auth
from worker.transport.account import Account
from worker.transport.exchange import Exchange

BEARER = {"kind": "bearer", "token": "{key}"}
DEVELOPER = {"kind": "header", "name": "developer-token", "value": "{key}"}


@pytest.mark.parametrize(
    ("ways", "query", "headers"),
    [
        ([{"kind": "none"}], "", {}),
        ([{"kind": "basic"}], "", {"authorization": "Basic c29tZWJvZHlAZXhhbXBsZS5jb206cGFzcyB3b3JkLzE="}),
        ([BEARER], "", {"authorization": "Bearer k3y+secret"}),
        ([HEADER], "", {"authorization": "Token k3y+secret"}),
        ([KEY], "?api_key=k3y%2Bsecret", {}),
        ([SESSION], "", {"authorization": "Bearer token-1"}),
        ([SESSION, DEVELOPER], "", {"authorization": "Bearer token-1", "developer-token": "k3y+secret"}),
        ([KEY, SESSION, DEVELOPER], "?api_key=k3y%2Bsecret", {"authorization": "Bearer token-1"}),
    ],
)
def test_credentials_go_where_the_source_says_also_several_at_once(
    vendor: Start, ways: list[dict[str, Any]], query: str, headers: dict[str, str]
) -> None:
    auth = ways[0] if len(ways) == 1 else {"kind": "all", "of": ways}
    at, acme = talk(vendor, lambda heard: login(heard) or answer(), auth)
    at.send(get(at)).close()
    sent = acme.heard[-1]
    assert sent.target == f"/v1/rows{query}"
    assert {name: sent.headers.get(name) for name in ("authorization", *headers)} == {"authorization": None, **headers}
    assert "developer-token" not in acme.heard[0].headers or len(acme.heard) == 1


def test_a_credential_with_a_line_end_in_it_is_refused_by_the_name_of_its_header(vendor: Start) -> None:
    acme = vendor(lambda heard: answer())
    at = Exchange(Account(connection(acme, DEVELOPER), environment={"V_KEY": "hush\nhush"}.get), None)
    with pytest.raises(FailJob, match="the header developer-token contains a line end") as refusal:
        at.send(get(at))
    assert "hush" not in str(refusal.value)
    assert acme.heard == []


def test_missing_credentials_are_named_and_nothing_is_sent(vendor: Start) -> None:
    acme = vendor(lambda heard: answer())
    at = Exchange(Account(connection(acme, SESSION), environment={"V_USER": "x"}.get), None)
    with pytest.raises(BadInput, match="V_PASSWORD"):
        at.send(get(at))
    with pytest.raises(BadInput, match="V_PASSWORD"):
        require_auth(connection(acme, SESSION), {"V_USER": "x"}.get)
    assert acme.heard == []


def test_ten_workers_refused_at_once_renew_the_token_once(vendor: Start, redis: Redis) -> None:
    logins, together = [], threading.Barrier(10)

    def script(heard: Heard) -> bytes:
        if heard.target == "/v1/login":
            logins.append(heard)
            return login(heard, f"token-{len(logins)}") or b""
        if heard.headers["authorization"] == "Bearer token-1" and heard.target == "/v1/rows":
            # All ten hold the old token before the first of them is refused.
            together.wait(30)
            return answer(401)
        return answer()

    acme = vendor(script)
    workers = [exchange(connection(acme, SESSION), redis) for _ in range(10)]
    workers[0].send(get(workers[0], "/other")).close()
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda at: at.send(get(at)).status, workers))
    assert statuses == [200] * 10
    assert len(logins) == 2
    refuse_secrets(" ".join(key.decode() for key in redis.scan_iter()))
    assert all(redis.ttl(key) > 0 for key in redis.scan_iter() if key.decode() != keys.COUNTERS)


def test_a_second_refusal_after_renewing_fails_and_names_what_to_check(vendor: Start) -> None:
    at, acme = talk(vendor, lambda heard: login(heard) or answer(401, b'{"message":"expired"}'), SESSION)
    how = r"or `send`: the login's token goes out as the header `[\w-]+: .*\{token\}`"
    with pytest.raises(FailJob, match=rf"GET /v1/rows: 401 Reason: .*; check V_USER, V_PASSWORD, {how}"):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/login", "GET /v1/rows"] * 2


def test_a_fixed_credential_refused_is_not_sent_again(vendor: Start) -> None:
    at, acme = talk(vendor, lambda heard: answer(401), HEADER)
    with pytest.raises(FailJob, match=r"401.*; check V_KEY"):
        at.send(get(at))
    assert len(acme.heard) == 1


def test_a_refusal_of_a_source_without_credentials_says_that_none_were_sent(vendor: Start) -> None:
    at, _ = talk(vendor, lambda heard: answer(401))
    with pytest.raises(FailJob, match=r"401.*; check `auth` in the source file, which sends no credentials"):
        at.send(get(at))


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_fail_in_the_vendors_words_and_name_their_variables(
    vendor: Start, redis: Redis, status: int
) -> None:
    refusal = json.dumps({"error": "invalid_grant", "error_description": f"not {PASSWORD}"}).encode()
    message = rf"POST /v1/login: {status} Reason: invalid_grant: not \*\*\*; check V_USER, V_PASSWORD"
    at, acme = talk(vendor, lambda heard: answer(status, refusal), SESSION, redis)
    for number in (1, 2):
        with pytest.raises(FailJob, match=message):
            at.send(get(at))
        # Many vendors lock an account after a few of them.
        assert acme.targets() == ["POST /v1/login"] * number


@pytest.mark.parametrize("status", [302, 307])
def test_a_login_that_redirects_is_not_followed_and_says_where_to(vendor: Start, status: int) -> None:
    at, acme = talk(vendor, lambda heard: answer(status, Location="https://sso.example/in?state=1"), SESSION)
    with pytest.raises(FailJob, match=rf"POST /v1/login: {status}: the login redirects to https://sso.example/in$"):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/login"]


def test_a_login_of_another_worker_is_waited_for_a_few_seconds_only(vendor: Start, redis: Redis) -> None:
    naps: list[float] = []
    at, acme = talk(vendor, lambda heard: answer(), SESSION, redis, sleep=naps.append)
    login_of_another = exchange(at.connection, redis).auth().login
    assert login_of_another
    next(login_of_another.token())
    with pytest.raises(RetryLater, match="another worker") as caught:
        at.send(get(at))
    assert (caught.value.is_attempt, caught.value.is_unsent) == (False, True)
    assert (sum(naps), acme.heard) == (pytest.approx(3), [])


OAUTH = {"kind": "oauth2", "grant": "password", "client_id": "{key}", "client_secret": "{key}", "extra": {"scope": "s"}}


def test_oauth_sends_its_form_and_renews_with_the_refresh_token(vendor: Start) -> None:
    def script(heard: Heard) -> bytes:
        if heard.target == "/token":
            token = {"access_token": f"token-{len(acme.heard)}", "refresh_token": "r1"}
            is_refused = b"refresh_token=r1" in heard.body and len(acme.heard) > 5
            return answer(400) if is_refused else answer(body=json.dumps(token).encode())
        return answer(401 if heard.headers["authorization"] in refused else 200)

    refused: set[str] = set()
    acme = vendor(script)
    at = exchange(connection(acme, {**OAUTH, "token_url": acme.url, "token_path": "/token"}))
    at.send(get(at)).close()
    form = b"grant_type=password&scope=s&username=somebody%40example.com&password=pass%20word%2F1"
    assert acme.heard[0].body == form + b"&client_id=k3y%2Bsecret&client_secret=k3y%2Bsecret"
    refused.add("Bearer token-1")
    at.send(get(at)).close()
    assert acme.heard[3].body.startswith(b"grant_type=refresh_token&scope=s&refresh_token=r1&")
    refused.add("Bearer token-4")
    at.send(get(at)).close()
    assert [heard.body[:24] for heard in acme.heard[6:9:2]] == [b"grant_type=refresh_token", b""]
    assert acme.heard[7].body.startswith(form)


# ---------------------------------------------------------------- OAuth2


REFRESH = {
    "kind": "oauth2",
    "grant": "refresh_token",
    "token_url": "/token",
    "client_id": "{username}",
    "client_secret": "{password}",
    "refresh_token": "{key}",
}


def token_endpoint(refresh: Callable[[int], str | None], *, status: Callable[[str], int] = lambda _: 200) -> Script:
    """Gives token-1, token-2, ..., each with its refresh token; answers other requests with `status`."""
    logins: list[Heard] = []

    def script(heard: Heard) -> bytes:
        if heard.target != "/v1/token":
            return answer(status(heard.headers["authorization"]))
        logins.append(heard)
        given = {"access_token": f"token-{len(logins)}", "expires_in": "3600", "refresh_token": refresh(len(logins))}
        return answer(body=json.dumps(given).encode())

    return script


def test_a_refresh_token_that_took_the_place_of_ours_is_kept_for_every_worker(vendor: Start, redis: Redis) -> None:
    refused: set[str] = set()
    acme = vendor(token_endpoint(lambda n: f"next/{n}", status=lambda sent: 401 if sent in refused else 200))
    for n in range(1, 4):
        at = exchange(connection(acme, REFRESH), redis)
        at.send(get(at)).close()
        refused.add(f"Bearer token-{n}")
    sent = [heard.body.decode() for heard in acme.heard if heard.target == "/v1/token"]
    assert [form.split("&")[1] for form in sent] == [
        "refresh_token=k3y%2Bsecret",
        "refresh_token=next%2F1",
        "refresh_token=next%2F2",
    ]
    assert all(form.startswith("grant_type=refresh_token&") for form in sent)
    (kept,) = redis.keys("*:token:*")
    assert redis.ttl(kept) == -1, "it is all we have to log in with"
    assert redis.hget(kept, "refresh") == b"next/3"


def test_a_refresh_token_outlives_a_change_of_the_clients_secret(vendor: Start, redis: Redis) -> None:
    one, acme = talk(vendor, token_endpoint(lambda n: f"next-{n}"), REFRESH, redis)
    one.send(get(one)).close()
    redis.hset(redis.keys("*:token:*")[0], mapping={"expires_at": 0, "renew_at": 0})
    changed = {**ENVIRONMENT, "V_PASSWORD": "another"}
    two = Exchange(Account(connection(acme, REFRESH), environment=changed.get), redis)
    two.send(get(two)).close()
    assert b"refresh_token=next-1" in acme.heard[2].body
    renewed = {**ENVIRONMENT, "V_KEY": "consented-anew"}
    three = Exchange(Account(connection(acme, REFRESH), environment=renewed.get), redis)
    three.send(get(three)).close()
    assert b"refresh_token=consented-anew" in acme.heard[4].body


@pytest.mark.parametrize("given", [None, "", "k3y+secret"])
def test_a_refresh_token_the_vendor_does_not_replace_stays_in_use_and_is_not_copied(
    vendor: Start, redis: Redis, given: str | None
) -> None:
    at, _ = talk(vendor, token_endpoint(lambda n: given), REFRESH, redis)
    at.send(get(at)).close()
    (kept,) = redis.keys("*:token:*")
    assert redis.hget(kept, "refresh") == b""
    assert 0 < redis.ttl(kept) <= 3600


def test_a_refused_refresh_token_fails_with_the_endpoints_words_and_is_not_tried_twice(
    vendor: Start, redis: Redis
) -> None:
    words = {"error": "invalid_grant", "error_description": "Token k3y+secret has been revoked."}
    at, acme = talk(vendor, lambda heard: answer(400, json.dumps(words).encode()), REFRESH, redis)
    message = (
        r"POST /v1/token: 400 Reason: invalid_grant: Token \*\*\* has been revoked\.; check V_USER, V_PASSWORD, V_KEY"
    )
    with pytest.raises(FailJob, match=message):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/token"]


CLIENT = {"kind": "oauth2", "grant": "client_credentials", "client_id": "same", "client_secret": "{password}"}


@pytest.mark.parametrize("auth", [CLIENT, {**CLIENT, "grant": "password"}, SESSION])
def test_a_token_is_never_used_with_other_credentials(vendor: Start, redis: Redis, auth: dict[str, Any]) -> None:
    acme = vendor(lambda heard: answer(body=b'{"access_token":"token-1","expires_in":3600}'))
    to = connection(acme, {**auth, **({} if auth is SESSION else {"token_url": "/token"})})
    for environment in (ENVIRONMENT, ENVIRONMENT, {**ENVIRONMENT, "V_PASSWORD": "another"}):
        at = Exchange(Account(to, environment=environment.get), redis)
        at.send(get(at)).close()
    assert len(acme.heard) == 2 + 3


def test_a_refresh_token_from_another_worker_is_masked_where_the_endpoint_quotes_it(
    vendor: Start, redis: Redis
) -> None:
    grant = {"access_token": "token-1", "expires_in": 3600, "refresh_token": "next-refresh"}
    words = {"error": "invalid_grant", "error_description": "Token next-refresh has been revoked."}
    answers = iter([answer(body=json.dumps(grant).encode()), answer(401), answer(400, json.dumps(words).encode())])
    acme = vendor(lambda heard: next(answers))
    exchange(connection(acme, REFRESH), redis).log_in()
    at = exchange(connection(acme, REFRESH), redis)
    with pytest.raises(FailJob, match=r"Token \*\*\* has been revoked"):
        at.send(get(at))


def test_without_redis_no_refresh_token_is_used_up(vendor: Start) -> None:
    at, acme = talk(vendor, token_endpoint(lambda n: "next"), REFRESH)
    with pytest.raises(BadInput, match="a Redis, to keep the refresh token"):
        at.send(get(at))
    assert acme.heard == []


def test_an_error_in_the_answer_of_a_successful_login_is_quoted(vendor: Start) -> None:
    words = {"error": "unauthorized_client", "error_description": "not allowed to ask for scope s"}
    auth = {
        **{name: value for name, value in REFRESH.items() if name != "refresh_token"},
        "grant": "client_credentials",
    }
    at = exchange(connection(vendor(lambda heard: answer(200, json.dumps(words).encode())), auth))
    with pytest.raises(FailJob, match=r"POST /v1/token: .*unauthorized_client: not allowed to ask for scope s"):
        at.send(get(at))


@pytest.mark.parametrize(
    ("client", "sent"), [("basic", "a%3Ab:p%2Bq%252F%C3%A9+%7E"), ("basic-unencoded", "a:b:p+q%2Fé ~")]
)
def test_a_clients_id_and_secret_are_encoded_as_the_source_says(vendor: Start, client: str, sent: str) -> None:
    acme = vendor(token_endpoint(lambda n: None))
    auth = {"kind": "oauth2", "grant": "client_credentials", "token_url": "/token", "client": client}
    auth |= {"client_id": "{username}", "client_secret": "{password}"}
    environment = {"V_USER": "a:b", "V_PASSWORD": "p+q%2Fé ~"}
    at = Exchange(Account(connection(acme, auth), environment=environment.get), None)
    at.send(get(at)).close()
    got = b64decode(acme.heard[0].headers["authorization"].removeprefix("Basic ")).decode()
    assert got.replace("~", "%7E") == sent.replace("~", "%7E")
    assert acme.heard[0].body == b"grant_type=client_credentials"


def test_a_client_without_a_secret_sends_none(vendor: Start, redis: Redis) -> None:
    at, acme = talk(vendor, token_endpoint(lambda n: None), {**REFRESH, "client_secret": ""}, redis)
    at.send(get(at)).close()
    assert b"client_secret" not in acme.heard[0].body
    assert b"client_id=somebody%40example.com" in acme.heard[0].body


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("600", 600), (600, 600), ("600.5", 600), (None, 77), ("", 77), ("soon", 77), (-1, 77), (0, 77), (True, 77)],
)
def test_a_lifetime_is_a_number_or_its_digits_or_the_declared_one(
    vendor: Start, redis: Redis, stated: object, seconds: int
) -> None:
    body = json.dumps({"access_token": "token-1", "expires_in": stated}).encode()
    at, _ = talk(vendor, lambda heard: answer(body=body), {**SESSION, "default_lifetime_seconds": 77}, redis)
    at.send(get(at)).close()
    (kept,) = redis.keys("*:token:*")
    assert seconds - 5 <= redis.ttl(kept) <= seconds + 1


def test_a_login_cut_off_or_refused_for_the_moment_leaves_the_turn_to_others(vendor: Start, redis: Redis) -> None:
    at, _ = talk(vendor, lambda heard: hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), SESSION, redis)
    with pytest.raises(RetryLater, match="POST /v1/login: the body was cut") as caught:
        at.send(get(at))
    assert caught.value.is_unsent, "what was meant to be sent was not"
    (turn,) = redis.keys("*:turn:*")
    assert float(redis.hget(turn, "ends") or 0) - time.time() < 10


@pytest.mark.parametrize(("refusal", "rest"), [(answer(500), 5), (answer(429, Retry_After="40"), 40)])
def test_after_a_failed_login_no_worker_waits_for_another_or_tries_before_its_time(
    vendor: Start, redis: Redis, refusal: bytes, rest: float
) -> None:
    at, acme = talk(vendor, lambda heard: refusal, SESSION, redis)
    with pytest.raises(RetryLater, match="POST /v1/login") as caught:
        at.send(get(at))
    assert caught.value.is_unsent
    naps: list[float] = []
    other = exchange(at.connection, redis, sleep=naps.append)
    with pytest.raises(RetryLater, match="the last login failed") as caught:
        other.send(get(other))
    assert caught.value.wait_seconds == pytest.approx(rest, abs=3)
    assert (caught.value.is_attempt, caught.value.is_unsent) == (False, True)
    assert (naps, len(acme.heard)) == ([], 1)
