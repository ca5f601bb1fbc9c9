"""Requests go through a real proxy, which learns no more than it needs."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.scripted_vendor import Start
from tests.sockets import Listener, closed_port, relay
from tests.wire import HEADER, answer, assert_hanging_up_frees, get, source, tls_host
from worker.errors import FailJob, RetryLater
from worker.sources.connections import Connection
from worker.transport.account import Account
from worker.transport.exchange import Exchange
from worker.transport.request import WireRequest

ENVIRONMENT = {"V_KEY": "k3y+secret"}.get


class Proxy(Listener):
    """Tunnels every host to one address, and answers plain http itself; with a certificate, over TLS."""

    def __init__(self, tunnel_to: int = 0, refusal: bytes = b"", certificate: tuple[Path, Path] | None = None) -> None:
        self.heads: list[str] = []
        self._tunnel_to = tunnel_to
        self._refusal = refusal
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        super().__init__(self._answer)
        self.place = f"127.0.0.1:{self.port}"

    def _answer(self, client: socket.socket) -> None:
        with suppress(OSError), self._tls.wrap_socket(client, server_side=True) if self._tls else client as client:
            head = b""
            # Byte by byte: what follows belongs to the tunnel.
            while not head.endswith(b"\r\n\r\n"):
                if not (byte := client.recv(1)):
                    return
                head += byte
            self.heads.append(head.decode("latin-1"))
            if self._refusal:
                client.sendall(self._refusal)
            elif head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with socket.create_connection(("127.0.0.1", self._tunnel_to)) as server:
                    relay(client, server)
            else:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")


StartProxy = Callable[..., Proxy]


@pytest.fixture
def proxy() -> Iterator[StartProxy]:
    with ExitStack() as started:
        yield lambda *args, **how: started.enter_context(closing(Proxy(*args, **how)))


def behind(proxy: str | None, base_url: str, network: dict[str, str] | None = None) -> Exchange:
    declared = Connection("acme", source(HEADER), base_url, {"key": "$V_KEY"}, proxy=proxy)
    return Exchange(Account(declared, environment=ENVIRONMENT, network=network or {}), None)


# ---------------------------------------------------------------- over TLS


def test_tls_ends_at_the_vendor_and_the_proxy_sees_only_its_host(
    proxy: StartProxy, tls_port: int, authority: Authority
) -> None:
    between = proxy(tls_port)
    bundle = {"REQUESTS_CA_BUNDLE": str(authority.ca)}
    at = behind(f"http://me:p%40ss@{between.place}", "https://vendor.example/v1", bundle)
    for _ in range(2):
        sent = at.send(get(at, "/%72ows", key="k3y+secret")).body(100)
        assert sent == b"GET /v1/%72ows?key=k3y%2Bsecret HTTP/1.1"
    assert all(head.startswith("CONNECT vendor.example:443 ") for head in between.heads)
    assert "Proxy-Authorization: Basic bWU6cEBzcw==" in between.heads[0]
    assert "k3y" not in "".join(between.heads)
    assert "Authorization: Token" not in "".join(between.heads)


def test_a_request_that_got_no_answer_through_a_proxy_may_have_been_sent(
    proxy: StartProxy, authority: Authority
) -> None:
    with tls_host(authority.certificate("vendor"), script=lambda _request: []) as port:
        at = behind(
            f"http://{proxy(port).place}", "https://vendor.example/v1", {"REQUESTS_CA_BUNDLE": str(authority.ca)}
        )
        with pytest.raises(RetryLater, match="no answer through the proxy") as lost:
            at.send(get(at))
    assert not lost.value.is_unsent


def test_a_certificate_is_verified_behind_a_proxy_too(proxy: StartProxy, tls_port: int, authority: Authority) -> None:
    between = proxy(tls_port)
    unknown = behind(f"http://{between.place}", "https://vendor.example/v1")
    with pytest.raises(FailJob, match="certificate is not trusted"):
        unknown.send(get(unknown))
    bundle = {"SSL_CERT_FILE": str(authority.ca)}
    other = behind(f"http://{between.place}", "https://other.example/v1", bundle)
    with pytest.raises(FailJob, match="certificate is not trusted"):
        other.send(get(other))


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_a_thread_that_waits_behind_a_proxy_over_tls_is_freed_from_another_thread(
    proxy: StartProxy, authority: Authority, start: bytes
) -> None:
    is_over = threading.Event()

    def script(request: bytes) -> Iterator[bytes]:
        yield start + b"row"
        is_over.wait(60)

    with tls_host(authority.certificate("behind"), script) as port:
        between = proxy(port, certificate=authority.certificate("proxy"))
        bundle = {"REQUESTS_CA_BUNDLE": str(authority.ca)}
        at = behind(f"https://{between.place}", "https://vendor.example/v1", bundle)
        assert_hanging_up_frees(at.send(get(at)))
        is_over.set()


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", FailJob, "407 .*; check its user and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", FailJob, "refuses: 403 Forbidden"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", RetryLater, "refuses: 503"),
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", RetryLater, "refuses: 429"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    proxy: StartProxy, refusal: bytes, error: type[Exception], words: str
) -> None:
    between = proxy(refusal=refusal)
    at = behind(f"http://me:hush@{between.place}", "https://vendor.example/v1")
    with pytest.raises(error, match=words) as caught:
        at.send(get(at))
    assert "hush" not in str(caught.value)
    assert between.place in str(caught.value)
    assert getattr(caught.value, "is_unsent", True)


def test_a_proxy_that_is_not_there_got_nothing() -> None:
    port = closed_port()
    at = behind(f"http://me:hush@127.0.0.1:{port}", "https://vendor.example/v1")
    with pytest.raises(
        RetryLater, match=rf"GET /v1/rows: no connection to the proxy http://\.\.\.@127.0.0.1:{port}"
    ) as caught:
        at.send(get(at))
    assert caught.value.is_unsent


# ---------------------------------------------------------------- plain http, and which requests go where


def test_plain_http_names_the_whole_address_letter_by_letter(proxy: StartProxy) -> None:
    between = proxy()
    at = behind(f"http://{between.place}", "http://127.0.0.1:9/v1")
    assert at.send(WireRequest("GET", "http://127.0.0.1:9/v1/%72%6fws?a=%2d", {})).body(9) == b"plain"
    assert between.heads[0].startswith("GET http://127.0.0.1:9/v1/%72%6fws?a=%2d HTTP/1.1\r\n")


def test_the_proxy_of_the_environment_is_used_and_the_connections_own_overrides_it(
    proxy: StartProxy, vendor: Start
) -> None:
    acme, company, own = vendor(lambda heard: answer(body=b"vendor")), proxy(), proxy()
    everywhere = {"HTTP_PROXY": f"http://{company.place}", "no_proxy": ""}

    def asked(declared: str | None, network: dict[str, str]) -> bytes:
        at = behind(declared, f"{acme.url}/v1", network)
        return at.send(get(at)).body(10)

    assert asked(None, everywhere) == b"plain"
    assert asked(f"http://{own.place}", everywhere) == b"plain"
    assert asked("none", everywhere) == b"vendor"
    assert asked(None, {**everywhere, "no_proxy": "127.0.0.0/8"}) == b"vendor"
    del everywhere["no_proxy"]
    assert asked(None, everywhere) == b"vendor", "without NO_PROXY this machine is reached directly"
    assert (len(company.heads), len(own.heads)) == (1, 1)


# ---------------------------------------------------------------- hosts from links


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1"])
def test_no_proxy_is_used_for_an_address_inside_a_network(proxy: StartProxy, host: str) -> None:
    between = proxy()
    at = behind(f"http://{between.place}", "https://93.184.216.34/v1")
    shown = f"[{host}]" if ":" in host else host
    with pytest.raises(FailJob, match="not contacted"):
        at.send(WireRequest("GET", f"https://{shown}/x", {}), kind="download")
    assert between.heads == []
