"""Requests go through a real proxy, which learns no more than it must."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.authority import Authority
from tests.scripted_vendor import Start
from tests.wire import HEADER, answer, get, source
from worker.errors import BadInput, FailJob, RetryLater
from worker.sources.connections import Connection
from worker.transport import addresses
from worker.transport.exchange import Exchange
from worker.transport.proxies import Proxies, network_of
from worker.transport.request import WireRequest

ENVIRONMENT = {"V_KEY": "k3y+secret"}.get


class Proxy:
    """Tunnels to one place, whatever host it is asked for, and answers plain http itself."""

    def __init__(self, tunnel_to: int = 0, refusal: bytes = b"") -> None:
        self.heads: list[str] = []
        self._tunnel_to = tunnel_to
        self._refusal = refusal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
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
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join(5)
            else:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The other end went away first.


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    started: list[Proxy] = []

    def start(*args: object, **how: object) -> Proxy:
        started.append(Proxy(*args, **how))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for each in started:
        each.stop()


StartProxy = Callable[..., Proxy]


def behind(proxy: str | None, base_url: str, network: dict[str, str] | None = None) -> Exchange:
    declared = Connection("acme", source(HEADER), base_url, {"key": "$V_KEY"}, proxy=proxy)
    return Exchange(declared, None, environment=ENVIRONMENT, network=network or {})


# ---------------------------------------------------------------- over TLS


def test_tls_is_spoken_with_the_vendor_itself_and_the_proxy_sees_its_host_alone(
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


def test_a_certificate_is_verified_behind_a_proxy_too(proxy: StartProxy, tls_port: int, authority: Authority) -> None:
    between = proxy(tls_port)
    unknown = behind(f"http://{between.place}", "https://vendor.example/v1")
    with pytest.raises(FailJob, match="certificate is not trusted"):
        unknown.send(get(unknown))
    bundle = {"SSL_CERT_FILE": str(authority.ca)}
    other = behind(f"http://{between.place}", "https://other.example/v1", bundle)
    with pytest.raises(FailJob, match="certificate is not trusted"):
        other.send(get(other))


@pytest.mark.parametrize(
    ("refusal", "error", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", FailJob, "407 .*; check its user and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", FailJob, "refuses: 403 Forbidden"),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", RetryLater, "refuses: 503"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    proxy: StartProxy, refusal: bytes, error: type[Exception], said: str
) -> None:
    between = proxy(refusal=refusal)
    at = behind(f"http://me:hush@{between.place}", "https://vendor.example/v1")
    with pytest.raises(error, match=said) as caught:
        at.send(get(at))
    assert "hush" not in str(caught.value)
    assert between.place in str(caught.value)
    assert getattr(caught.value, "is_unsent", True)


def test_a_proxy_that_is_not_there_got_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
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


def test_the_environments_proxy_is_heeded_and_the_connections_own_stands_over_it(
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
    assert asked(None, everywhere) == b"vendor", "where nobody set NO_PROXY this machine is reached directly"
    assert (len(company.heads), len(own.heads)) == (1, 1)


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("*", "https://vendor.example/x", True),
        ("example", "https://vendor.example/x", True),
        (".vendor.example, other", "https://vendor.example/x", True),
        (".vendor.example", "https://api.Vendor.Example/x", True),
        ("vendor.example", "https://notvendor.example/x", False),
        ("vendor.example:8443", "https://vendor.example/x", False),
        ("vendor.example:443", "https://vendor.example/x", True),
        ("10.0.0.0/8", "https://10.1.2.3/x", True),
        ("10.0.0.0/8", "https://11.1.2.3/x", False),
        ("10.0.0.0/8", "https://vendor.example/x", False),
        ("::1", "https://[::1]/x", True),
        ("[::1]:8443", "https://[::1]:8443/x", True),
        ("", "http://127.0.0.1/x", False),
        (None, "http://127.0.0.1/x", True),
        (None, "https://vendor.example/x", False),
    ],
)
def test_no_proxy_names_what_is_reached_directly(no_proxy: str | None, url: str, is_direct: bool) -> None:
    variables = {"http_proxy": "proxy:1", "https_proxy": "proxy:2"}
    if no_proxy is not None:
        variables["NO_PROXY"] = no_proxy
    proxy = network_of(None, variables).proxies.proxy_for(url)
    expected = f"http://proxy:{2 if url.startswith('https') else 1}"
    assert proxy == (None if is_direct else expected)


def test_small_letters_stand_over_capitals_and_one_proxy_may_be_for_all() -> None:
    proxies = network_of(None, {"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:1", "ALL_PROXY": "a:1"})
    assert proxies.proxies.proxy_for("https://vendor.example/") == "http://small:1"
    assert proxies.proxies.proxy_for("http://vendor.example/") == "http://a:1"
    assert "small" not in repr(proxies)
    assert Proxies().proxy_for("https://vendor.example/") is None


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "socks5://me:hush@proxy:1080"},
        {"HTTPS_PROXY": "http://me:hush@:80"},
        {"HTTPS_PROXY": "http://me:hush@proxy:port"},
        {"HTTPS_PROXY": "http://me:hush@proxy/path"},
        {"REQUESTS_CA_BUNDLE": "/no/such/file.pem"},
    ],
)
def test_a_variable_that_cannot_be_meant_is_refused_by_its_name(variables: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        network_of(None, variables)
    assert caught.value.where == next(iter(variables))
    assert "hush" not in str(caught.value)


# ---------------------------------------------------------------- hosts from links


def names(**found: list[str]) -> addresses.Resolve:
    def resolve(host: str, port: int) -> list[str]:
        if host not in found:
            raise RetryLater(f"the host {host!r} cannot be resolved", is_unsent=True)
        return found[host]

    return resolve


@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1"])
def test_no_proxy_is_asked_for_an_address_inside_a_network(proxy: StartProxy, host: str) -> None:
    between = proxy()
    at = behind(f"http://{between.place}", "https://93.184.216.34/v1")
    shown = f"[{host}]" if ":" in host else host
    with pytest.raises(FailJob, match="not contacted"):
        at.send(WireRequest("GET", f"https://{shown}/x", {}), kind="download")
    assert between.heads == []


def test_a_name_only_the_proxy_can_resolve_is_its_to_judge_unless_it_means_something_inside() -> None:
    public = frozenset({"public"})
    resolve = names(vendor=["93.184.216.34"], private=["10.0.0.1"])
    addresses.check_behind_proxy("vendor", 443, public, resolve=resolve)
    addresses.check_behind_proxy("storage.example", 443, public, resolve=resolve)
    with pytest.raises(FailJob, match="private address"):
        addresses.check_behind_proxy("private", 443, public, resolve=resolve)
    for host in ("intranet", "db.internal", "printer.LOCAL", "x.corp", "router.home.arpa", "a.localhost", "b.lan."):
        with pytest.raises(FailJob, match="inside a network"):
            addresses.check_behind_proxy(host, 443, public, resolve=resolve)
    assert addresses.permitted_kinds_behind_proxy("unknown.example", 443, resolve=resolve) == public
    assert addresses.permitted_kinds_behind_proxy("private", 443, resolve=resolve) == {"public", "private"}
