"""A redirect is followed only where a link may lead, and a link is sent as it was given."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.scripted_vendor import Heard, Start
from tests.wire import HEADER, KEY, SESSION, answer, connection, exchange, get, login, talk
from worker.errors import FailJob, RetryLater
from worker.sources.schema import Request
from worker.transport.request import WireRequest, compose


def test_a_redirect_is_a_link_and_stays_on_the_base(vendor: Start) -> None:
    def script(heard: Heard) -> bytes:
        if heard.target == "/v1/rows":
            return answer(301, Location="http://127.0.0.1/v1/rows/?a=1")
        return answer(body=b"[1]")

    at, acme = talk(vendor, script, HEADER)
    assert at.send(get(at)).body(10) == b"[1]"
    assert acme.targets() == ["GET /v1/rows", "GET /v1/rows/?a=1"]


@pytest.mark.parametrize(
    "location",
    [
        "/admin",
        "/v1/rows",
        "/v1/%72ows",
        "https://u:p@evil.example/v1/x",
        "javascript:x",
        "/v1/../a",
        "//evil.example/v1/x",
    ],
)
def test_a_redirect_that_leads_astray_fails(vendor: Start, location: str) -> None:
    at, acme = talk(vendor, lambda heard: answer(302, Location=location), HEADER)
    with pytest.raises(FailJob):
        at.send(get(at))
    assert len(acme.heard) == 1


@pytest.mark.parametrize("headers", [{}, {"Location": ""}])
def test_a_redirect_without_an_address_says_so(vendor: Start, headers: dict[str, str]) -> None:
    at, _ = talk(vendor, lambda heard: answer(302, **headers))
    with pytest.raises(FailJob, match="GET /v1/rows: 302: a redirect without an address in `Location`"):
        at.send(get(at))


@pytest.mark.parametrize("written", [b"/v1/r\xc3\xbccken", b"/v1/r%C3%BCcken"])
def test_an_address_beyond_ascii_is_read_as_utf_8(vendor: Start, written: bytes) -> None:
    def script(heard: Heard) -> bytes:
        head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + written + b"\r\n\r\n"
        return head if heard.target == "/v1/rows" else answer(body=heard.target.encode())

    at, _ = talk(vendor, script)
    assert at.send(get(at)).body(100) == b"/v1/r%C3%BCcken"


def test_too_many_redirects_fail(vendor: Start) -> None:
    at, acme = talk(vendor, lambda heard: answer(307, Location=f"{heard.target}x"), HEADER)
    with pytest.raises(FailJob, match="more than 5 redirects"):
        at.send(get(at))
    assert len(acme.heard) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_fails_and_names_it_if_no_download_is_declared(vendor: Start, status: int) -> None:
    other = vendor(lambda heard: answer())
    at, _ = talk(vendor, lambda heard: answer(status, Location=f"{other.url}/v1/x?sig=1"), HEADER)
    host = other.url.removeprefix("http://")
    for method in ("GET", "POST"):
        with pytest.raises(
            FailJob, match=rf"{method} /v1/rows: {status}: it redirects to another host, {host}"
        ) as caught:
            at.send(compose(at.base, Request(method=method, path="/rows"), {}))
        assert "sig" not in str(caught.value)
    assert other.heard == []


def test_a_redirect_never_drops_a_body_nor_sends_one_elsewhere(vendor: Start) -> None:
    other = vendor(lambda heard: answer())
    places = {"/v1/rows": other.url + "/v1/x"}
    at, _ = talk(
        vendor, lambda heard: answer(int(heard.target[-3:]), Location=places.get(heard.target[:-4], "/v1/x")), HEADER
    )
    for status in (301, 302):
        with pytest.raises(FailJob, match="drop the request's body"):
            at.send(compose(at.base, Request(method="POST", path=f"/{status}", json={}), {}))
    for status in (307, 308):
        with pytest.raises(FailJob, match="body is not sent"):
            at.send(compose(at.base, Request(method="POST", path=f"/rows/{status}", json={}), {}), kind="download")
    assert other.heard == []


@pytest.mark.parametrize(("status", "is_elsewhere"), [(303, False), (303, True), (302, True)])
def test_an_answer_kept_at_another_address_is_fetched_there(vendor: Start, status: int, is_elsewhere: bool) -> None:
    def script(heard: Heard) -> bytes:
        there = storage.url if is_elsewhere else ""
        return answer(status, Location=f"{there}/v1/made") if heard.method == "POST" else answer(body=b"rows")

    storage = vendor(script)
    at, acme = talk(vendor, script, HEADER)
    request = compose(at.base, Request(method="POST", path="/rows", json={"a": 1}), {})
    assert at.send(request, kind="download" if is_elsewhere else "api").body(10) == b"rows"
    fetched = (storage if is_elsewhere else acme).heard[-1]
    assert (fetched.method, fetched.target, fetched.body) == ("GET", "/v1/made", b"")
    assert ("authorization" in fetched.headers) is not is_elsewhere
    assert "content-type" not in fetched.headers


def test_a_307_on_the_base_takes_the_body_along(vendor: Start) -> None:
    at, acme = talk(
        vendor, lambda heard: answer(body=b"ok") if heard.target == "/v1/b" else answer(307, Location="/v1/b"), HEADER
    )
    assert at.send(compose(at.base, Request(method="POST", path="/a", json={"a": 1}), {})).body(10) == b"ok"
    assert [heard.body for heard in acme.heard] == [b'{"a":1}'] * 2


@pytest.mark.parametrize("kind", ["api", "download"])
def test_a_circle_of_redirects_is_seen(vendor: Start, kind: str) -> None:
    at, acme = talk(vendor, lambda heard: answer(302, Location="/v1/b" if heard.target == "/v1/%61" else "/v1/%61"))
    with pytest.raises(FailJob, match="the redirects lead in a circle"):
        at.send(get(at, "/rows"), kind=kind)
    assert acme.targets() == ["GET /v1/rows", "GET /v1/%61", "GET /v1/b"]


SIGNED = "/bucket//a%2d1%2D%7Ex;v=1/%c3%a9,(b)!?X-Sig=a%2fb%2B+c&d=2026%2D11&e={f}|'g'&&h="


def test_a_signed_address_goes_out_letter_by_letter_also_through_redirects(vendor: Start) -> None:
    storage = vendor(lambda heard: answer(body=b"rows") if heard.target == SIGNED else answer(302, Location=SIGNED))
    at, acme = talk(vendor, lambda heard: answer(307, Location=f"{storage.url}{SIGNED}#part"))
    assert at.send(WireRequest("GET", storage.url + SIGNED, {}), kind="download").body(9) == b"rows"
    assert at.send(get(at), kind="download").body(9) == b"rows"
    assert at.send(WireRequest("GET", storage.url + "/x", {}), kind="download").body(9) == b"rows"
    assert storage.targets() == [f"GET {SIGNED}"] * 2 + ["GET /x", f"GET {SIGNED}"]
    link = at.api_link("https://dev.example/v1/rows?page=%7e2%2f", at=at.base.url("/rows"))
    with pytest.raises(FailJob, match="another host"):
        at.send(WireRequest("GET", link, {}))
    assert acme.targets()[-1] == "GET /v1/rows?page=%7e2%2f"


def test_a_download_elsewhere_goes_without_credentials_and_without_our_headers(vendor: Start) -> None:
    storage = vendor(lambda heard: answer(body=b"rows"))
    acme = vendor(lambda heard: answer(302, Location=f"{storage.url}/bucket/x.csv?sig=1"))
    for auth in (HEADER, KEY, SESSION):
        at = exchange(connection(vendor(lambda heard: login(heard) or acme.script(heard)), auth))
        request = compose(at.base, Request(path="/file", headers={"x-account": "1", "Accept": "text/csv"}), {})
        assert at.send(request, kind="download").body(10) == b"rows"
        assert storage.heard[-1].target == "/bucket/x.csv?sig=1"
        assert not {"authorization", "x-account", "cookie"} & set(storage.heard[-1].headers)
        assert storage.heard[-1].headers["accept"] == "text/csv"


def test_another_hosts_pause_is_not_ours(vendor: Start, redis: Redis) -> None:
    storage = vendor(lambda heard: answer(503, Retry_After="30"))
    at, acme = talk(vendor, lambda heard: answer(), redis=redis)
    with pytest.raises(RetryLater) as caught:
        at.send(WireRequest("GET", f"{storage.url}/x.csv", {}), kind="download")
    assert caught.value.wait_seconds == 30
    at.send(get(at)).close()
    assert len(acme.heard) == 1


def test_cookies_are_not_kept(vendor: Start) -> None:
    at, acme = talk(vendor, lambda heard: answer(Set_Cookie="session=1; Path=/"))
    for _ in range(2):
        at.send(get(at)).close()
    assert "cookie" not in acme.heard[1].headers
