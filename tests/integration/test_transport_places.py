"""A token or a key goes where the source says: into any header, the query, a form or the JSON body. So it comes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from redis import Redis

from tests.scripted_vendor import Heard, Start
from tests.wire import HEADER, SESSION, answer, connection, exchange, get, talk
from worker.errors import BadInput, FailJob
from worker.sources.schema import Request
from worker.transport.request import compose


@pytest.mark.parametrize(
    ("send", "target", "header"),
    [
        ({"kind": "header", "name": "X-Auth", "value": "{token}"}, "/v1/rows", ("x-auth", "t/1+")),
        ({**HEADER, "value": "Zoho {token}"}, "/v1/rows", ("authorization", "Zoho t/1+")),
        ({**HEADER, "name": "Cookie", "value": "u={username}; s={token}"}, "/v1/rows", ("cookie", "u=somebody")),
        ({"kind": "query", "name": "access_token", "value": "{token}"}, "/v1/rows?access_token=t%2F1%2B", None),
    ],
)
def test_a_token_goes_where_the_source_says(
    vendor: Start, send: dict[str, str], target: str, header: tuple[str, str] | None
) -> None:
    at, acme = talk(
        vendor,
        lambda heard: answer(body=b'{"Token":"t/1+"}') if heard.target == "/v1/login" else answer(),
        {**SESSION, "token": "Token", "send": send},
    )
    at.send(get(at)).close()
    assert acme.heard[-1].target == target
    assert ("authorization" in acme.heard[-1].headers) == (send["name"] == "Authorization")
    if header:
        assert acme.heard[-1].headers[header[0]].startswith(header[1])
    assert at.api_link(f"{target}{'&' if '?' in target else '?'}page=2", at=at.base.url("/")).endswith(
        "/v1/rows?page=2"
    )


@pytest.mark.parametrize(
    ("kind", "name", "declared", "sent"),
    [
        (
            "json",
            "header.token",
            {"json": {"header": {"v": 1}, "q": "é"}},
            '{"header":{"v":1,"token":"k3y+secret"},"q":"é"}',
        ),
        ("json", "key", {"json": {}, "headers": {"Content-Type": "application/vnd.x+json"}}, '{"key":"k3y+secret"}'),
        ("form", "key", {"form": {"a": [1, 2]}}, "a=1&a=2&key=k3y%2Bsecret"),
        ("form", "key", {"form": {}}, "key=k3y%2Bsecret"),
        ("json", "key", {"form": {"a": 1}}, "a=1"),
        ("form", "key", {"json": {"a": 1}}, '{"a":1}'),
        ("json", "key", {}, ""),
    ],
)
@pytest.mark.parametrize("is_fixed", [True, False])
def test_a_credential_may_go_into_the_body(
    vendor: Start, is_fixed: bool, kind: str, name: str, declared: dict[str, Any], sent: str
) -> None:
    place = {"kind": kind, "name": name, "value": "{key}" if is_fixed else "{token}"}
    way = place if is_fixed else {**SESSION, "token": "Token", "send": place}
    at, acme = talk(vendor, lambda heard: answer(body=b'{"Token":"k3y+secret"}'), way)
    request = Request.model_validate({"method": "POST", "path": "/rows", **declared})
    at.send(compose(at.base, request, {})).close()
    assert acme.heard[-1].body.decode() == sent


def test_a_token_may_come_in_a_header_of_the_logins_answer(vendor: Start) -> None:
    def script(heard: Heard) -> bytes:
        return answer(204, X_Auth_Token="t-1") if heard.target == "/v1/login" else answer()

    at, acme = talk(vendor, script, {**SESSION, "token_header": "X-Auth-Token"})
    at.send(get(at)).close()
    assert acme.heard[-1].headers["authorization"] == "Bearer t-1"
    none = exchange(connection(vendor(lambda heard: answer(body=b"log in later")), {**SESSION, "token_header": "X-T"}))
    with pytest.raises(FailJob, match="POST /v1/login: the answer has no header 'X-T': log in later"):
        none.send(get(none))


def test_all_cookies_of_a_login_may_be_the_token_and_no_value_of_them_is_quoted(vendor: Start) -> None:
    cookies = "lb=n1; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT\r\nset-cookie: sid=s3cr3t-value=; HttpOnly"

    def script(heard: Heard) -> bytes:
        if heard.target == "/v1/login":
            return answer(204, Set_Cookie=cookies)
        return answer(400, body=b"the session s3cr3t-value= is over")

    send = {"kind": "header", "name": "Cookie", "value": "{token}"}
    at, acme = talk(vendor, script, {**SESSION, "token_header": "Set-Cookie", "send": send})
    with pytest.raises(FailJob, match=r"the session \*\*\* is over"):
        at.send(get(at))
    assert acme.heard[-1].headers["cookie"] == "lb=n1; sid=s3cr3t-value="


@pytest.mark.parametrize("body", [b"t-1.a:b", b"t-1.a:b\r\n", b'"t-1.a:b"'])
def test_a_token_may_be_the_whole_answer_of_a_login(vendor: Start, body: bytes) -> None:
    at, acme = talk(vendor, lambda heard: answer(body=body), {**SESSION, "token": ""})
    at.send(get(at)).close()
    assert acme.heard[-1].headers["authorization"] == "Bearer t-1.a:b"


@pytest.mark.parametrize("declared", [{}, {"token": ""}, {"token_header": "X-T"}])
@pytest.mark.parametrize("text", ["%s <b>", '{"access_token":"%s",}', "access_token=%s & more", "<Token>%s</Token>"])
def test_what_may_be_the_token_of_a_login_is_not_quoted(vendor: Start, text: str, declared: dict[str, Any]) -> None:
    for token in ("eyJhbGciOi.eyJzdWIi.k_-9", "s3cr3t", "aVeryLongWordWithoutDigits"):
        body = (text % token).encode()
        at, _ = talk(vendor, partial(lambda body, heard: answer(body=body), body), {**SESSION, **declared})
        with pytest.raises(FailJob, match=r"POST /v1/login: the answer .*\.\.\.") as raised:
            at.send(get(at))
        assert token not in str(raised.value)


def test_a_refresh_token_that_a_declared_login_replaces_is_kept_as_well(vendor: Start, redis: Redis) -> None:
    def script(heard: Heard) -> bytes:
        if heard.target != "/v1/login":
            return answer(401 if heard.headers["authorization"] in refused else 200)
        asked.append(json.loads(heard.body)["refresh_token"])
        data = {"access_token": f"token-{len(asked)}", "expires_in": 86400, "refresh_token": f"next-{len(asked)}"}
        return answer(body=json.dumps({"code": 0, "data": data}).encode())

    auth = {
        "kind": "session",
        "login": {"method": "POST", "path": "/login", "json": {"refresh_token": "{refresh_token}"}},
        "token": "data.access_token",
        "expires_in": "data.expires_in",
        "refresh_token": "data.refresh_token",
    }
    asked: list[str] = []
    refused: set[str] = set()
    acme = vendor(script)
    to = replace(connection(acme, auth), credentials={"refresh_token": "$V_KEY"})
    for n in range(1, 4):
        at = exchange(to, redis)
        at.send(get(at)).close()
        refused.add(f"Bearer token-{n}")
    assert asked == ["k3y+secret", "next-1", "next-2"]
    (kept,) = redis.keys("*:token:*")
    assert (redis.ttl(kept), redis.hget(kept, "refresh")) == (-1, b"next-3")
    with pytest.raises(BadInput, match="a Redis, to keep the refresh token"):
        exchange(to).send(get(at))
