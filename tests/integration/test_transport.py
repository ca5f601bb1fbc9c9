"""One exchange over real sockets: rows are whole or the reason is known, and secrets stay at home."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest
import zstandard
from redis import Redis

from tests.scripted_vendor import Heard, Reset, Script, ScriptedVendor
from worker.errors import BadInput, FailJob, RetryLater
from worker.sources.connections import Connection
from worker.sources.schema import Limits, Request, Source
from worker.transport.exchange import Exchange, require_credentials
from worker.transport.request import WireRequest, compose

PASSWORD, TOKEN = "pass word/1", "token-%d"
ENVIRONMENT = {"V_USER": "somebody@example.com", "V_PASSWORD": PASSWORD, "V_KEY": "k3y+secret"}
SESSION = {"kind": "session", "login": {"method": "POST", "path": "/login"}, "basic": ["username", "password"]}
KEY = {"kind": "query", "name": "api_key", "value": "{key}"}
HEADER = {"kind": "header", "name": "Authorization", "value": "Token {key}"}
CREDENTIALS = {"username": "$V_USER", "password": "$V_PASSWORD", "key": "$V_KEY"}


@pytest.fixture
def vendor() -> Iterator[Callable[[Script], ScriptedVendor]]:
    """Starts scripted vendors."""
    started: list[ScriptedVendor] = []

    def start(script: Script) -> ScriptedVendor:
        started.append(ScriptedVendor(script))
        return started[-1]

    yield start
    for each in started:
        each.stop()


Start = Callable[[Script], ScriptedVendor]


def connection(
    vendor: ScriptedVendor, auth: dict[str, Any] | None = None, *, path: str = "/v1", **source: Any
) -> Connection:
    declared = {"source": "acme", "title": "Acme", "auth": [auth or {"kind": "none"}], **source}
    declared["reports"] = {"r": {"title": "r", "proof": "end", "replay": "stable", "read": [
        {"request": {"path": "/rows"}, "format": {"kind": "json", "rows": ["rows"]}}]}}  # fmt: skip
    limits = Limits(requests_per_second=100_000)
    return Connection("acme", Source.model_validate(declared), vendor.url + path, CREDENTIALS, limits)


def exchange(to: Connection, redis: Redis | None = None, **how: Any) -> Exchange:
    return Exchange(to, redis, environment=ENVIRONMENT.get, **how)


def get(at: Exchange, path: str = "/rows", **query: Any) -> WireRequest:
    return compose(at.base, Request(path=path, query=query), {})


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def hang_up(*pieces: bytes) -> Iterator[bytes]:
    """Bytes, then the end of the connection."""
    yield from pieces


def reset(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise Reset


def refuse_secrets(text: str) -> None:
    for secret in (PASSWORD, "k3y", "secret", "token-", "Basic ", "Bearer "):
        assert secret not in text, text


# ---------------------------------------------------------------- bodies


def test_a_body_arrives_whole_however_it_is_framed(vendor: Start) -> None:
    rows = b'{"rows":[%b]}' % b",".join(b"%d" % n for n in range(200_000))

    def script(heard: Heard) -> Iterator[bytes] | bytes:
        if heard.target.endswith("chunked"):
            return chunked(rows)
        if heard.target.endswith("closed"):
            return hang_up(b"HTTP/1.0 200 OK\r\n\r\n", rows)
        return answer(body=rows)

    acme = vendor(script)
    at = exchange(connection(acme))
    for framing, has_end in (("chunked", True), ("sized", True), ("closed", False), ("sized", True)):
        response = at.send(get(at, f"/{framing}"))
        assert response.has_end is has_end
        assert b"".join(response.chunks()) == rows
        assert response.received_bytes == len(rows)


def chunked(body: bytes, size: int = 7_000) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def test_a_connection_is_kept_alive_when_a_body_was_read_to_its_end(vendor: Start) -> None:
    acme = vendor(lambda heard: answer(body=b"[1]"))
    at = exchange(connection(acme))
    for _ in range(5):
        assert at.send(get(at)).body(100) == b"[1]"
    assert acme.connections == 1
    for _ in range(2):
        chunks = at.send(get(at)).chunks()
        next(chunks)
        chunks.close()
    assert at.send(get(at)).body(100) == b"[1]"


SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "received"),
    [
        ((SIZED, b"half a row"), 10),
        ((CHUNKED, b"a\r\nhalf a row\r\n"), 10),
        ((CHUNKED, b"14\r\nhalf a row"), 10),
        ((CHUNKED, b"a\r\nhalf a row\r\n0"), 10),
        ((CHUNKED, b"a\r\nhalf a row and more\r\n"), 0),
        ((CHUNKED, b"<html>\r\n"), 0),
    ],
)
@pytest.mark.parametrize("end", [hang_up, reset])
def test_a_cut_body_is_tried_again_and_says_how_far_it_came(
    vendor: Start, end: Callable[..., Iterator[bytes]], pieces: tuple[bytes, ...], received: int
) -> None:
    at = exchange(connection(vendor(lambda heard: end(*pieces))))
    with pytest.raises(RetryLater, match=r"GET /v1/rows: the body was cut after \d+ bytes") as caught:
        list(at.send(get(at)).chunks())
    assert not caught.value.is_unsent
    assert caught.value.is_attempt
    if end is hang_up:
        assert f"after {received} bytes" in str(caught.value)


def test_silence_in_a_body_or_before_it_is_not_waited_out(vendor: Start) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        if heard.target.endswith("body"):
            yield SIZED + b"row"
        acme.is_over.wait(30)

    acme = vendor(script)
    at = exchange(connection(acme), silence_seconds=0.05)
    with pytest.raises(RetryLater, match=r"cut after 3 bytes: silence for 0\.05 s"):
        list(at.send(get(at, "/body")).chunks())
    with pytest.raises(RetryLater, match="no answer in time") as caught:
        at.send(get(at, "/head"))
    assert not caught.value.is_unsent


def test_whoever_waits_for_more_of_a_body_is_freed_from_another_thread(vendor: Start) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        yield SIZED + b"row"
        acme.is_over.wait(60)

    acme = vendor(script)
    at = exchange(connection(acme))
    response = at.send(get(at))
    chunks = response.chunks()
    assert next(chunks) == b"row"
    threading.Timer(0.1, response.hang_up).start()
    with pytest.raises(RetryLater, match="cut after 3 bytes"):
        next(chunks)
    response.hang_up()


def test_a_vendor_that_is_not_there_got_nothing(vendor: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    acme = connection(vendor(lambda heard: b""))
    at = exchange(Connection("acme", acme.source, f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(RetryLater, match="Connection refused") as caught:
        at.send(get(at, key="k3y"))
    assert caught.value.is_unsent
    refuse_secrets(str(caught.value))


@pytest.mark.parametrize("end", [hang_up, reset])
@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nDate: now\r\n", b"SSH-2.0-OpenSSH\r\n\r\n"]
)
def test_a_connection_that_ends_before_an_answer_may_have_brought_the_request(
    vendor: Start, end: Callable[..., Iterator[bytes]], start: bytes
) -> None:
    acme = vendor(lambda heard: end(start))
    at = exchange(connection(acme))
    with pytest.raises(RetryLater, match="POST /v1/rows: no answer") as caught:
        at.send(compose(at.base, Request(method="POST", path="/rows", json={"a": 1}), {}))
    assert not caught.value.is_unsent
    assert [heard.body for heard in acme.heard] == [b'{"a":1}']


def test_small_answers_are_bounded_and_unpacked(vendor: Start) -> None:
    packed = gzip.compress(b"[" + b" " * 17 * 1024 * 1024 + b"]", 0)
    acme = vendor(lambda heard: answer(body=packed, Content_Encoding="gzip"))
    at = exchange(connection(acme))
    with pytest.raises(FailJob, match="longer than"):
        at.ask(get(at))
    assert at.send(get(at)).start(3) == b"[  "


@pytest.mark.parametrize("named", ["deflate", "Deflate", "gzip, zstd", "x-gzip", "zstd", "", "zip", "br"])
def test_a_small_answer_is_unpacked_as_a_page_of_rows_is(vendor: Start, named: str) -> None:
    said = b'{"status": "ready"}'
    raw = zlib.compressobj(wbits=-15)
    ways = {
        "deflate": zlib.compress(said),
        "Deflate": raw.compress(said) + raw.flush(),
        "gzip, zstd": zstandard.compress(gzip.compress(said)),
        "x-gzip": gzip.compress(said[:5]) + gzip.compress(said[5:]),
        "": gzip.compress(said),
    }
    acme = vendor(lambda heard: answer(body=ways.get(named, said), Content_Encoding=named))
    at = exchange(connection(acme))
    if named in ways:
        assert at.ask(get(at)).content == {"status": "ready"}
    else:
        with pytest.raises((RetryLater, FailJob), match=named):
            at.ask(get(at))


def test_a_refusal_is_told_as_far_as_it_can_be_unpacked(vendor: Start) -> None:
    words = gzip.compress(b'{"detail": "no"}' + bytes(range(256)) * 200)
    acme = vendor(lambda heard: answer(400, words[:60], Content_Encoding="gzip"))
    at = exchange(connection(acme))
    with pytest.raises(FailJob, match="GET /v1/rows: 400 Reason: "):
        at.ask(get(at))


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 522])
def test_what_passes_is_tried_again_with_the_usual_patience(vendor: Start, status: int) -> None:
    at = exchange(connection(vendor(lambda heard: answer(status, b"<h1>busy</h1>"))))
    with pytest.raises(RetryLater, match=f"GET /v1/rows: {status} Reason: <h1>busy</h1>") as caught:
        at.send(get(at))
    assert (caught.value.wait_seconds, caught.value.is_attempt) == (None, True)
    assert caught.value.is_unsent is (status == 429)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 409, 410, 413, 422, 451, 501, 505])
def test_what_does_not_pass_fails_with_the_vendors_words(vendor: Start, status: int) -> None:
    body = b'{"error_code":"BadRequest","message":"field does not exist","request_id":"74K"}'
    shapes = [{"when": "error_code", "code": "error_code", "message": "message", "request_id": "request_id"}]
    at = exchange(connection(vendor(lambda heard: answer(status, body)), errors=shapes))
    with pytest.raises(FailJob, match=rf"{status} Reason: BadRequest: field does not exist \(request id 74K\)"):
        at.send(get(at))
    assert at.send(get(at), allow=(status,)).status == status
    assert at.ask(get(at), allow=(status,)).content["error_code"] == "BadRequest"


def test_an_error_worded_in_a_success_fails(vendor: Start) -> None:
    body = b'{"meta":{"status":"error"},"errors":[{"code":"rate-limit-exceeded","message":"slow down"}]}'
    shapes = [{"when": "meta.status", "equals": "error", "code": "errors.0.code", "message": "errors.0.message"}]
    at = exchange(connection(vendor(lambda heard: answer(200, body)), errors=shapes))
    with pytest.raises(FailJob, match="200: rate-limit-exceeded: slow down"):
        at.ask(get(at))


def test_a_source_says_itself_which_statuses_pass(vendor: Start) -> None:
    at = exchange(connection(vendor(lambda heard: answer(409)), retry_statuses=[409]))
    with pytest.raises(RetryLater):
        at.send(get(at))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_time_to_come_back_pauses_the_connection_for_every_worker(
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


def test_no_secret_is_in_what_goes_wrong(vendor: Start) -> None:
    def script(heard: Heard) -> bytes:
        echo = json.dumps({"message": f"{heard.target} {heard.headers}"}).encode()
        return answer(418, echo)

    for auth in (SESSION, KEY, HEADER, {"kind": "basic"}):
        acme = vendor(lambda heard: login(heard) or script(heard))
        at = exchange(connection(acme, auth))
        with pytest.raises(FailJob, match="418") as caught:
            at.send(get(at, day="2026-11-01"))
        assert "***" in str(caught.value) or "Basic" in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert "k3y" not in str(caught.value)
        assert "token-" not in str(caught.value)


# ---------------------------------------------------------------- credentials


def login(heard: Heard, value: str = "token-1", **more: Any) -> bytes | None:
    """The answer to a login, None to anything else."""
    if heard.target != "/v1/login":
        return None
    return answer(body=json.dumps({"access_token": value, "expires_in": 3600, **more}).encode())


@pytest.mark.parametrize(
    ("auth", "target", "sent"),
    [
        ({"kind": "none"}, "/v1/rows", None),
        ({"kind": "basic"}, "/v1/rows", "Basic c29tZWJvZHlAZXhhbXBsZS5jb206cGFzcyB3b3JkLzE="),
        ({"kind": "bearer", "token": "{key}"}, "/v1/rows", "Bearer k3y+secret"),
        (HEADER, "/v1/rows", "Token k3y+secret"),
        (KEY, "/v1/rows?api_key=k3y%2Bsecret", None),
        (SESSION, "/v1/rows", "Bearer token-1"),
    ],
)
def test_credentials_go_where_the_source_says(
    vendor: Start, auth: dict[str, Any], target: str, sent: str | None
) -> None:
    acme = vendor(lambda heard: login(heard) or answer())
    at = exchange(connection(acme, auth))
    at.send(get(at)).close()
    assert (acme.heard[-1].target, acme.heard[-1].headers.get("authorization")) == (target, sent)


def test_missing_credentials_are_named_and_nothing_is_sent(vendor: Start) -> None:
    acme = vendor(lambda heard: answer())
    at = Exchange(connection(acme, SESSION), None, environment={"V_USER": "x"}.get)
    with pytest.raises(BadInput, match="V_PASSWORD"):
        at.send(get(at))
    with pytest.raises(BadInput, match="V_PASSWORD"):
        require_credentials(connection(acme, SESSION), {"V_USER": "x"}.get)
    assert acme.heard == []


def test_one_login_serves_every_worker(vendor: Start, redis: Redis) -> None:
    acme = vendor(lambda heard: login(heard) or answer())
    workers = [exchange(connection(acme, SESSION), redis) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda at: at.send(get(at)).close(), workers))
    assert acme.targets().count("POST /v1/login") == 1
    assert acme.targets().count("GET /v1/rows") == 10
    refuse_secrets(" ".join(key.decode() for key in redis.scan_iter()))
    assert all(redis.ttl(key) > 0 for key in redis.scan_iter())


def test_ten_workers_refused_at_once_renew_the_token_once(vendor: Start, redis: Redis) -> None:
    logins, together = [], threading.Barrier(10)

    def script(heard: Heard) -> bytes:
        if heard.target == "/v1/login":
            logins.append(heard)
            return login(heard, f"token-{len(logins)}") or b""
        if heard.headers["authorization"] == "Bearer token-1" and heard.target == "/v1/rows":
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


def test_a_second_refusal_after_renewing_fails_and_names_what_to_check(vendor: Start) -> None:
    acme = vendor(lambda heard: login(heard) or answer(401, b'{"message":"expired"}'))
    at = exchange(connection(acme, SESSION))
    with pytest.raises(FailJob, match=r"GET /v1/rows: 401 Reason: .*; check V_USER, V_PASSWORD"):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/login", "GET /v1/rows"] * 2


def test_a_fixed_credential_refused_is_not_sent_again(vendor: Start) -> None:
    acme = vendor(lambda heard: answer(401))
    at = exchange(connection(acme, HEADER))
    with pytest.raises(FailJob, match=r"401.*; check V_KEY"):
        at.send(get(at))
    assert len(acme.heard) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_fail_and_name_their_variables(vendor: Start, status: int) -> None:
    refusal = json.dumps({"error": "invalid_grant", "error_description": f"not {PASSWORD}"}).encode()
    at = exchange(connection(vendor(lambda heard: answer(status, refusal)), SESSION))
    said = rf"POST /v1/login: {status} Reason: invalid_grant: not \*\*\*; check V_USER, V_PASSWORD"
    with pytest.raises(FailJob, match=said):
        at.send(get(at))


@pytest.mark.parametrize("body", [b'{"expires_in":3600}', b'{"access_token":null}', b'{"access_token":""}', b"[]"])
def test_an_answer_without_a_token_names_the_field(vendor: Start, body: bytes) -> None:
    acme = vendor(lambda heard: answer(body=body))
    at = exchange(connection(acme, SESSION))
    with pytest.raises(FailJob, match="no text at 'access_token'"):
        at.send(get(at))
    assert acme.targets() == ["POST /v1/login"]


def test_a_login_that_fails_for_the_moment_is_no_failure_of_the_job(vendor: Start, redis: Redis) -> None:
    acme = vendor(lambda heard: answer(502))
    at = exchange(connection(acme, SESSION), redis, sleep=lambda _: None)
    with pytest.raises(RetryLater, match="POST /v1/login: 502") as caught:
        at.send(get(at))
    assert caught.value.is_unsent
    with pytest.raises(RetryLater, match="another worker") as caught:
        at.send(get(at))
    assert not caught.value.is_attempt
    assert len(acme.heard) == 1


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


# ---------------------------------------------------------------- redirects and other hosts


def test_a_redirect_is_a_link_and_stays_on_the_base(vendor: Start) -> None:
    def script(heard: Heard) -> bytes:
        if heard.target == "/v1/rows":
            return answer(301, Location="http://127.0.0.1/v1/rows/?a=1")
        return answer(body=b"[1]")

    acme = vendor(script)
    at = exchange(connection(acme, HEADER))
    assert at.send(get(at)).body(10) == b"[1]"
    assert acme.targets() == ["GET /v1/rows", "GET /v1/rows/?a=1"]


@pytest.mark.parametrize(
    "location",
    [
        "/admin",
        "/v1/rows",
        "/v1/%72ows",
        "",
        "https://u:p@evil.example/v1/x",
        "javascript:x",
        "/v1/../a",
        "//evil.example/v1/x",
    ],
)
def test_a_redirect_that_leads_astray_fails(vendor: Start, location: str) -> None:
    acme = vendor(lambda heard: answer(302, Location=location))
    at = exchange(connection(acme, HEADER))
    with pytest.raises(FailJob):
        at.send(get(at))
    assert len(acme.heard) == 1


def test_redirects_come_to_an_end(vendor: Start) -> None:
    acme = vendor(lambda heard: answer(307, Location=f"{heard.target}x"))
    at = exchange(connection(acme, HEADER))
    with pytest.raises(FailJob, match="more than 5 redirects"):
        at.send(get(at))
    assert len(acme.heard) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_fails_by_its_name_where_no_download_is_declared(vendor: Start, status: int) -> None:
    other = vendor(lambda heard: answer())
    acme = vendor(lambda heard: answer(status, Location=f"{other.url}/v1/x?sig=1"))
    at = exchange(connection(acme, HEADER))
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
    acme = vendor(lambda heard: answer(int(heard.target[-3:]), Location=places.get(heard.target[:-4], "/v1/x")))
    at = exchange(connection(acme, HEADER))
    for status in (301, 302):
        with pytest.raises(FailJob, match="drop the request's body"):
            at.send(compose(at.base, Request(method="POST", path=f"/{status}", json={}), {}))
    for status in (307, 308):
        with pytest.raises(FailJob, match="not sent on to another host"):
            at.send(compose(at.base, Request(method="POST", path=f"/rows/{status}", json={}), {}), kind="download")
    assert other.heard == []


@pytest.mark.parametrize(("status", "is_elsewhere"), [(303, False), (303, True), (302, True)])
def test_an_answer_kept_at_another_address_is_fetched_there(vendor: Start, status: int, is_elsewhere: bool) -> None:
    def script(heard: Heard) -> bytes:
        there = storage.url if is_elsewhere else ""
        return answer(status, Location=f"{there}/v1/made") if heard.method == "POST" else answer(body=b"rows")

    storage = vendor(script)
    acme = vendor(script)
    at = exchange(connection(acme, HEADER))
    request = compose(at.base, Request(method="POST", path="/rows", json={"a": 1}), {})
    assert at.send(request, kind="download" if is_elsewhere else "api").body(10) == b"rows"
    fetched = (storage if is_elsewhere else acme).heard[-1]
    assert (fetched.method, fetched.target, fetched.body) == ("GET", "/v1/made", b"")
    assert ("authorization" in fetched.headers) is not is_elsewhere
    assert "content-type" not in fetched.headers


def test_a_307_on_the_base_takes_the_body_along(vendor: Start) -> None:
    acme = vendor(lambda heard: answer(body=b"ok") if heard.target == "/v1/b" else answer(307, Location="/v1/b"))
    at = exchange(connection(acme, HEADER))
    assert at.send(compose(at.base, Request(method="POST", path="/a", json={"a": 1}), {})).body(10) == b"ok"
    assert [heard.body for heard in acme.heard] == [b'{"a":1}'] * 2


@pytest.mark.parametrize("kind", ["api", "download"])
def test_a_circle_of_redirects_is_seen(vendor: Start, kind: str) -> None:
    acme = vendor(lambda heard: answer(302, Location="/v1/b" if heard.target == "/v1/%61" else "/v1/%61"))
    at = exchange(connection(acme))
    with pytest.raises(FailJob, match="it redirects in a circle"):
        at.send(get(at, "/rows"), kind=kind)
    assert acme.targets() == ["GET /v1/rows", "GET /v1/%61", "GET /v1/b"]


SIGNED = "/bucket//a%2d1%2D%7Ex;v=1/%c3%a9,(b)!?X-Sig=a%2fb%2B+c&d=2026%2D11&e={f}|'g'&&h="


def test_a_signed_address_goes_out_letter_by_letter_also_through_redirects(vendor: Start) -> None:
    storage = vendor(lambda heard: answer(body=b"rows") if heard.target == SIGNED else answer(302, Location=SIGNED))
    acme = vendor(lambda heard: answer(307, Location=f"{storage.url}{SIGNED}#part"))
    at = exchange(connection(acme))
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
    acme = vendor(lambda heard: answer())
    at = exchange(connection(acme), redis)
    with pytest.raises(RetryLater) as caught:
        at.send(WireRequest("GET", f"{storage.url}/x.csv", {}), kind="download")
    assert caught.value.wait_seconds == 30
    at.send(get(at)).close()
    assert len(acme.heard) == 1


def test_a_key_the_vendor_repeats_in_its_links_is_not_kept(vendor: Start) -> None:
    at = exchange(connection(vendor(lambda heard: answer()), KEY))
    link = at.api_link("/v1/rows?page=2&api_key=k3y%2Bsecret", at=at.base.url("/rows"))
    assert link == at.base.url("/rows", "page=2")


def test_cookies_are_not_kept(vendor: Start) -> None:
    acme = vendor(lambda heard: answer(Set_Cookie="session=1; Path=/"))
    at = exchange(connection(acme))
    for _ in range(2):
        at.send(get(at)).close()
    assert "cookie" not in acme.heard[1].headers
