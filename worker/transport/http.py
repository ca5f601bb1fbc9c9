"""Sends one request and waits for the head of its answer: keep-alive, TLS, timeouts, checked addresses.

Knows nothing of credentials, quotas or links. It uses the connection pools of urllib3 alone: they follow no redirect,
keep no cookie, and look for nothing in the environment.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from contextvars import ContextVar
from http import HTTPStatus
from http.client import HTTPResponse, RemoteDisconnected
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import certifi
from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    NewConnectionError,
    PoolError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.connection import create_connection

from worker.errors import FailJob, RetryLater
from worker.sources.base_urls import host_of, port_of, without_password
from worker.transport import addresses
from worker.transport.addresses import AddressKind, Resolve
from worker.transport.proxies import Network
from worker.transport.request import WireRequest, basic
from worker.transport.response import Response

CONNECT_SECONDS = 10.0
OWN_HEADERS = {"User-Agent": "millrace", "Accept": "*/*"}
HOSTS_KEPT = 32
DIRECT = Network()
CONNECTIONS_KEPT_PER_HOST = 64
CERTIFICATE_FAULT = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
"""OpenSSL's reason, within the message of an error that wraps others."""

MOST_INTERIM_ANSWERS = 20

_target: ContextVar[str | None] = ContextVar("target", default=None)
"""Path and query of the request being sent, as given: urllib3 would normalize them, which breaks signatures."""


class Channel:
    """Sends requests, each once. Safe to share between threads; connections are shared by the whole process."""

    def __init__(
        self,
        *,
        silence_seconds: float,
        connect_seconds: float = CONNECT_SECONDS,
        network: Network = DIRECT,
    ) -> None:
        """`silence_seconds` bounds the wait for the answer's head and for each piece of its body."""
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._network = network

    def send(self, request: WireRequest, *, kinds: frozenset[AddressKind] | None = None) -> Response:
        """Send a request and wait for the head of its answer; `kinds`, if given, are the addresses it may go to.

        A proxy resolves names itself: there the host is judged by the addresses it has here, or else by its name.
        Raises RetryLater if sending failed (`is_unsent`: the request was never sent), FailJob if it cannot ever work.
        """
        proxy = self._network.proxies.proxy_for(request.url)
        if proxy is not None and kinds is not None:
            parts = urlsplit(request.url)
            addresses.check_behind_proxy(host_of(parts), port_of(parts), kinds)
        try:
            raw = self._send(request, proxy, None if proxy else kinds)
        except (HTTPError, OSError, ValueError) as error:
            raise self._failure(request, proxy, error) from None
        if raw.headers.get("Transfer-Encoding", "chunked").strip().lower() not in ("chunked", "identity"):
            raw.close()
            raise FailJob(f"{request.name}: the answer's transfer encoding is not understood")
        return Response(request.name, raw, silence_seconds=self._silence_seconds)

    def _send(self, request: WireRequest, proxy: str | None, kinds: frozenset[AddressKind] | None) -> BaseHTTPResponse:
        parts = urlsplit(request.url)
        pool = _pools.find(kinds, proxy, self._network.ca_bundle).connection_from_host(
            parts.hostname, parts.port, parts.scheme
        )
        # The same header in another spelling would be sent beside ours.
        headers = {name.lower(): (name, value) for name, value in (*OWN_HEADERS.items(), *request.headers.items())}
        # A proxy for plain http wants the whole URL (RFC 9112, 3.2.2); https goes through a tunnel to the host itself.
        target = request.url if proxy and request.url.startswith("http:") else request.target
        before = _target.set(target)
        try:
            return pool.urlopen(
                request.method,
                target,
                request.body,
                dict(headers.values()),
                # An exchange alone decides what may be sent twice.
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(self._connect_seconds, self._silence_seconds),
                preload_content=False,
                decode_content=False,
            )
        finally:
            _target.reset(before)

    def _failure(self, request: WireRequest, proxy: str | None, error: Exception) -> FailJob | RetryLater:
        """What an error of urllib3 means; never in its own message, which may hold the URL and a key in its query."""
        name = request.name
        match error:
            case ProxyError():
                return _proxy_error(request, proxy or "", error)
            case NewConnectionError():
                return RetryLater(f"{name}: no connection: {str(error).rpartition(': ')[2]}", is_unsent=True)
            case ConnectTimeoutError():
                return RetryLater(f"{name}: no connection in {self._connect_seconds:g} s", is_unsent=True)
            case ReadTimeoutError():
                return RetryLater(f"{name}: no answer in time ({self._silence_seconds:g} s)")
            case SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error) or "doesn't match" in str(error):
                reason = CERTIFICATE_FAULT.search(str(error))
                return FailJob(f"{name}: the host's certificate is not trusted{f': {reason[1]}' if reason else ''}")
            case SSLError():
                return RetryLater(f"{name}: the TLS connection failed")
            case ProtocolError() | PoolError() | InvalidHeader() | OSError():
                inner = error.args[-1] if error.args else error
                return RetryLater(f"{name}: no answer: {inner if isinstance(inner, OSError) else type(error).__name__}")
            case _:
                return FailJob(f"{name}: the request cannot be sent as it is")


def _proxy_error(request: WireRequest, proxy: str, error: ProxyError) -> FailJob | RetryLater:
    """Why the proxy did not connect, without the libraries' own message, which may hold the proxy's password."""
    where = without_password(proxy)
    said = re.search(r"Tunnel connection failed: (\d{3})([^'\")]*)", str(error))
    if said is None:
        return RetryLater(f"{request.name}: no connection to the proxy {where}", is_unsent=True)
    reason = f"{request.name}: the proxy {where} refuses: {said[1]}{said[2]}"
    if said[1] == "407":
        return FailJob(f"{reason}; check its user and password")
    return FailJob(reason) if said[1].startswith("4") else RetryLater(reason, is_unsent=True)


class _Pools:
    """The pools of connections of one process, by what they may reach, through which proxy, and whom they trust."""

    def __init__(self) -> None:
        self._managers: dict[tuple[frozenset[AddressKind] | None, str | None, str | None], PoolManager] = {}
        self._making = threading.Lock()

    def find(self, kinds: frozenset[AddressKind] | None, proxy: str | None, ca_bundle: str | None) -> PoolManager:
        """The pools for our own host, or those that reach hosts at these kinds of address only."""
        with self._making:
            known = self._managers.get((kinds, proxy, ca_bundle))
            if known is None:
                known = self._managers[kinds, proxy, ca_bundle] = _make_manager(kinds, proxy, ca_bundle)
            return known


def _make_manager(kinds: frozenset[AddressKind] | None, proxy: str | None, ca_bundle: str | None) -> PoolManager:
    trusted = ca_bundle or certifi.where()
    options: dict[str, Any] = {
        "num_pools": HOSTS_KEPT,
        "maxsize": CONNECTIONS_KEPT_PER_HOST,
        "cert_reqs": "CERT_REQUIRED",
        "ca_cert_dir" if Path(trusted).is_dir() else "ca_certs": trusted,
    }
    if proxy is None:
        manager = PoolManager(**options)
    else:
        parts = urlsplit(proxy)
        login = basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        manager = ProxyManager(proxy, proxy_headers={"Proxy-Authorization": login} if login else None, **options)
    manager.pool_classes_by_scheme = pool_classes(kinds)
    return manager


_pools = _Pools()
# A forked child must not use its parent's sockets, nor wait for a lock that its parent held.
os.register_at_fork(after_in_child=_pools.__init__)  # type: ignore[misc]


def pool_classes(
    kinds: frozenset[AddressKind] | None, *, resolve: Resolve = addresses.resolve
) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools that refuse incomplete headers and, if `kinds` is given, connect to checked addresses only.

    The address that was checked is the one connected to, so a name that resolves differently in between (DNS rebinding)
    does not help an attacker.
    """

    class Plain(HTTPConnection):
        response_class = WholeHeadResponse

        def putrequest(self, method: str, url: str, *how: Any, **more: Any) -> None:
            super().putrequest(method, _target.get() or url, *how, **more)

        def _new_conn(self) -> socket.socket:
            return super()._new_conn() if kinds is None else connect_to_checked(self, kinds, resolve)

    class Tls(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def connect_to_checked(connection: HTTPConnection, kinds: frozenset[AddressKind], resolve: Resolve) -> socket.socket:
    """A socket to the first address of the host that answers. Raises FailJob unless all are of a permitted kind."""
    failure: HTTPError = NewConnectionError(connection, f"{connection.host} has no address")
    for address in addresses.resolve_permitted(connection.host, connection.port, kinds, resolve=resolve):
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError:
            failure = ConnectTimeoutError(connection, f"{connection.host} did not answer")
        except OSError as error:
            failure = NewConnectionError(connection, f"{connection.host}: {error}")
    raise failure


class WholeHeadResponse(HTTPResponse):
    """A response that is accepted only once the empty line after its headers has arrived.

    http.client accepts a head that was cut (`http.client.parse_headers` stops at the end of input). If the cut came
    before Content-Length, the answer would seem to have no body: a success without rows.
    """

    def begin(self) -> None:
        """Read the head. Raises RemoteDisconnected if the connection ends within it."""
        for _ in range(MOST_INTERIM_ANSWERS):
            source = _Lines(self.fp)
            self.fp = source  # type: ignore[assignment]
            super().begin()
            if source.last not in (b"\r\n", b"\n"):
                raise RemoteDisconnected("the head of the answer is cut")
            if self.fp is not None:
                self.fp = source.wrapped
            # 102 and 103 come before the answer (RFC 9110, 15.2); http.client skips 100 only.
            if self.status >= HTTPStatus.OK or self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]
        raise RemoteDisconnected("no end of interim answers")


class _Lines:
    """A stream that remembers the last line read from it."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        self.last = b""

    def readline(self, limit: int = -1, /) -> bytes:
        self.last = self.wrapped.readline(limit)
        return self.last

    def close(self) -> None:
        self.wrapped.close()

    def flush(self) -> None:
        self.wrapped.flush()
