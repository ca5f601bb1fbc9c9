"""Redis over TLS: every part reads the options alike, and a server with an unknown certificate gets no password."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flower.utils.broker import Broker
from kombu import Connection
from redis.exceptions import ConnectionError  # noqa: A004 - redis-py's own name

from config.celery import celery_settings
from tests.authority import Authority
from tests.harness import running_stack
from tests.redis_server import RedisServer
from tests.sockets import Listener, relay
from worker.broker import broker_settings
from worker.errors import RetryLater
from worker.redis_client import connect
from worker.sinks.kinds import SinkJob, open_sink, parse_address

PASSWORD = "the-password"


class TlsFront(Listener):
    """A TLS server that forwards what it receives, or, without a target, remembers it."""

    def __init__(self, certificate: tuple[Path, Path], upstream: int | None = None, *, client_ca: Path | None = None):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*certificate)
        if client_ca:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(client_ca)
        self._upstream = upstream
        self.heard, self.visits = b"", 0
        super().__init__(self._answer)

    def _answer(self, plain: socket.socket) -> None:
        self.visits += 1
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as client:
            if self._upstream is None:
                while data := client.recv(65_536):
                    self.heard += data
                    client.sendall(b"+OK\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._upstream)) as server:
                relay(client, server)


@pytest.fixture
def impostor(tmp_path: Path) -> Iterator[TlsFront]:
    """Listens in place of Redis, with a certificate of an unknown authority."""
    front = TlsFront(Authority(tmp_path / "impostor").certificate("redis"))
    yield front
    front.close()


def ask_ledger(url: str) -> None:
    with connect(url, retries=0) as client:
        client.ping()


def ask_broker(url: str) -> None:
    found = celery_settings(broker_settings(url), 30)
    options = found["broker_transport_options"]
    with Connection(found["broker_url"], ssl=found["broker_use_ssl"], transport_options=options) as connection:
        connection.connect()


def ask_as_flower(url: str) -> None:
    found = broker_settings(url)
    broker = Broker(found["broker_url"], broker_use_ssl=found["broker_use_ssl"], broker_options={})
    asyncio.run(broker.queues(["control"]))


@pytest.mark.parametrize("ask", [ask_ledger, ask_broker, ask_as_flower])
def test_an_impostor_hears_no_password(impostor: TlsFront, ask: Callable[[str], None]) -> None:
    with pytest.raises((ConnectionError, OSError), match="certificate verify failed"):
        ask(f"rediss://:{PASSWORD}@127.0.0.1:{impostor.port}/0")
    assert (impostor.visits > 0, impostor.heard) == (True, b"")


def test_an_impostor_of_a_sentinel_or_of_its_master_hears_no_password(
    impostor: TlsFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sentinel://:{PASSWORD}@127.0.0.1:{impostor.port}/main?ssl=true&sentinel_password={PASSWORD}"
    with pytest.raises(ConnectionError, match="certificate verify failed"):
        ask_ledger(url)
    visits = impostor.visits
    monkeypatch.setattr("redis.sentinel.Sentinel.discover_master", lambda *_: ("127.0.0.1", impostor.port))
    with pytest.raises(ConnectionError, match="certificate verify failed"):
        ask_ledger(url)
    assert (0 < visits < impostor.visits, impostor.heard) == (True, b"")


def test_an_impostor_hears_no_password_of_a_sink(impostor: TlsFront, redis: Any) -> None:
    address = parse_address(f"rediss://:{PASSWORD}@127.0.0.1:{impostor.port}/0?stream=x")
    job = SinkJob("job", "kargo", "report", default_redis=redis, stream_bound=0, part_rows=1)
    sink = open_sink(address, job)
    with pytest.raises(RetryLater, match="certificate verify failed"):
        sink.open(1)
    sink.release()
    assert (impostor.visits > 0, impostor.heard) == (True, b"")


def test_a_certificate_is_not_verified_only_if_the_url_says_so(impostor: TlsFront) -> None:
    with suppress(ConnectionError, OSError):
        ask_ledger(f"rediss://:{PASSWORD}@127.0.0.1:{impostor.port}/0?ssl_cert_reqs=none")
    assert PASSWORD.encode() in impostor.heard


def test_a_job_is_done_over_tls_with_an_authority_and_a_client_certificate_of_our_own(
    own_redis: RedisServer, authority: Authority, tmp_path: Path
) -> None:
    front = TlsFront(authority.certificate("redis"), own_redis.port, client_ca=authority.ca)
    certificate, key = authority.certificate("client")
    base = f"rediss://127.0.0.1:{front.port}/0?ssl_ca_certs={authority.ca}"
    with pytest.raises((ConnectionError, OSError)):
        ask_ledger(base)
    url = f"{base}&ssl_certfile={certificate}&ssl_keyfile={key}"
    with running_stack(tmp_path / "stack", url) as stack:
        job = stack.ask("mediamath.performance", url.replace("/0?", "/1?") + "&stream=over-tls")
        assert stack.receipt(job)["rows"] == 2500
        with own_redis.client() as redis:
            redis.select(1)
            # The rows and the end.
            assert redis.xlen("over-tls") == 2501
    front.close()
