"""Only permitted addresses are contacted, and only trusted certificates are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3.poolmanager import PoolManager

from tests.authority import Authority
from tests.scripted_vendor import ScriptedVendor
from tests.wire import source
from worker.errors import FailJob, RetryLater
from worker.sources.connections import Connection
from worker.transport.account import Account
from worker.transport.addresses import AddressKind
from worker.transport.exchange import Exchange
from worker.transport.http import pool_classes
from worker.transport.request import WireRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nrows"


@pytest.fixture
def vendor() -> Iterator[ScriptedVendor]:
    with ScriptedVendor(lambda heard: OK) as started:
        yield started


def at(base_url: str) -> Exchange:
    return Exchange(Account(Connection("acme", source(), base_url)), None)


def checked(kinds: set[AddressKind], *answers: list[str]) -> tuple[PoolManager, list[str]]:
    """A pool manager whose names resolve to these addresses, one list after another; and the names asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    manager = PoolManager(retries=False)
    manager.pool_classes_by_scheme = pool_classes(frozenset(kinds), resolve=resolve)
    return manager, asked


def test_a_name_is_resolved_once_and_the_address_checked_is_the_address_contacted(vendor: ScriptedVendor) -> None:
    manager, asked = checked({"loopback"}, ["127.0.0.1"], ["10.0.0.1"])
    port = vendor.url.rpartition(":")[2]
    assert manager.request("GET", f"http://download.example:{port}/x").data == b"rows"
    assert asked == ["download.example"]
    assert vendor.heard[0].headers["host"] == f"download.example:{port}"


def test_a_name_that_turned_private_is_not_contacted(vendor: ScriptedVendor) -> None:
    manager, _ = checked({"public"}, ["93.184.216.34", "127.0.0.1"])
    port = vendor.url.rpartition(":")[2]
    with pytest.raises(FailJob, match=r"loopback address 127\.0\.0\.1: not contacted"):
        manager.request("GET", f"http://download.example:{port}/x")
    assert vendor.connections == 0


def test_the_second_address_of_a_host_is_tried_where_the_first_is_dead(vendor: ScriptedVendor) -> None:
    manager, _ = checked({"loopback"}, ["127.0.0.2", "127.0.0.1"])
    port = vendor.url.rpartition(":")[2]
    assert manager.request("GET", f"http://download.example:{port}/x").data == b"rows"


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "[fd00::1]", "0.0.0.0", "224.0.0.1"])
def test_a_link_into_somebodys_network_is_not_contacted(vendor: ScriptedVendor, host: str) -> None:
    exchange = at(f"{vendor.url}/v1")
    with pytest.raises(FailJob, match="not contacted"):
        exchange.send(WireRequest("GET", f"http://{host}/latest/meta-data", {}), kind="download")


def test_a_link_to_this_machine_is_followed_by_a_connection_on_this_machine(vendor: ScriptedVendor) -> None:
    exchange = at(f"{vendor.url}/v1")
    with ScriptedVendor(lambda heard: OK) as other:
        assert exchange.send(WireRequest("GET", f"{other.url}/x", {}), kind="download").body(10) == b"rows"


def test_a_certificate_of_an_unknown_authority_is_refused(tls_port: int) -> None:
    exchange = at(f"https://localhost:{tls_port}/v1")
    with pytest.raises(FailJob, match="GET /v1/x: the host's certificate is not trusted: unable to get local issuer"):
        exchange.send(WireRequest("GET", f"https://localhost:{tls_port}/v1/x?key=1", {}))


def test_a_trusted_certificate_for_another_name_fails(tls_port: int, authority: Authority) -> None:
    manager = PoolManager(retries=False, ca_certs=str(authority.ca))
    manager.pool_classes_by_scheme = pool_classes(frozenset({"loopback"}), resolve=lambda host, port: ["127.0.0.1"])
    assert manager.request("GET", f"https://localhost:{tls_port}/x").data == b"GET /x HTTP/1.1"
    with pytest.raises(Exception, match=r"CERTIFICATE_VERIFY_FAILED|doesn't match"):
        manager.request("GET", f"https://download.example:{tls_port}/x")


def test_plain_http_instead_of_tls_is_not_an_answer(vendor: ScriptedVendor) -> None:
    port = vendor.url.rpartition(":")[2]
    exchange = at(f"https://127.0.0.1:{port}/v1")
    with pytest.raises(RetryLater, match=r"the TLS connection failed: [A-Z_]+"):
        exchange.send(WireRequest("GET", f"https://127.0.0.1:{port}/v1/x", {}))


def test_the_environment_names_no_proxy_and_no_password(
    vendor: ScriptedVendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NETRC", str(netrc))
    exchange = at(f"{vendor.url}/v1")
    assert exchange.send(WireRequest("GET", f"{vendor.url}/v1/x", {})).body(10) == b"rows"
    assert "authorization" not in vendor.heard[0].headers
