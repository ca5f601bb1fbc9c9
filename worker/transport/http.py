"""Sends one request and waits for the headers of its answer: keep-alive, TLS, timeouts, checked addresses.

Credentials, quotas and links are handled elsewhere. This uses the adapters of requests without its Session, which would
read the whole body of a redirect, keep cookies and look for passwords in the environment.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from contextvars import ContextVar
from http import HTTPStatus
from http.client import HTTPResponse, RemoteDisconnected
from math import inf
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests import Response as RawResponse
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, ProxyError, ReadTimeout, RequestException, SSLError
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.poolmanager import ProxyManager
from urllib3.util.connection import create_connection

from worker.errors import FailJob, RetryLater
from worker.sources.base_urls import host_of, port_of, without_password
from worker.transport import addresses
from worker.transport.addresses import AddressKind, Resolve
from worker.transport.proxies import Network
from worker.transport.request import WireRequest
from worker.transport.response import MOST_SILENCES, Response

CONNECT_SECONDS = 10.0
USER_AGENT = "millrace"
HOSTS_KEPT = 32
DIRECT = Network()
CONNECTIONS_KEPT_PER_HOST = 64
CERTIFICATE_FAULT = re.compile(r"certificate verify failed: (.+?)\.? \(_ssl")
TLS_FAULT = re.compile(r"\[SSL: (\w+)\]")
"""Both find OpenSSL's reason in the message of an error that wraps others."""
LINE_END = re.compile(r"[\r\n]")

MOST_INTERIM_ANSWERS = 20
PROXY_RETRY_STATUSES = ("408", "425", "429")

_target: ContextVar[str | None] = ContextVar("target", default=None)
"""Path and query of the request being sent, as they were given: urllib3 would normalize them and break signatures."""


class Channel:
    """Sends requests, each once. Safe to share between threads; connections are shared by the whole process."""

    def __init__(self, *, silence_seconds: float, network: Network = DIRECT) -> None:
        """`silence_seconds` is the timeout for the headers of the answer and for each piece of its body."""
        self._silence_seconds = silence_seconds
        self._network = network

    def send(self, request: WireRequest, *, kinds: frozenset[AddressKind] | None = None) -> Response:
        """Send a request and wait for the headers of its answer; `kinds`, if given, are the addresses it may go to.

        A proxy resolves names itself, so behind one the host is judged by the addresses that it has here, if it has
        any, else by its name. Raises RetryLater if sending failed (`is_unsent`: the request was never sent), FailJob if
        trying again cannot help.
        """
        proxy = self._network.proxies.proxy_for(request.url)
        if proxy is not None and kinds is not None:
            parts = urlsplit(request.url)
            addresses.check_behind_proxy(host_of(parts), port_of(parts), kinds)
        try:
            raw = self._send(request, proxy, None if proxy else kinds)
        except ProxyError as error:
            raise _proxy_error(request, proxy or "", error) from None
        except ConnectTimeout:
            raise RetryLater(f"{request.name}: no connection in {CONNECT_SECONDS:g} s", is_unsent=True) from None
        except ReadTimeout:
            raise RetryLater(f"{request.name}: no answer within {self._silence_seconds:g} s") from None
        except SSLError as error:
            reason = CERTIFICATE_FAULT.search(str(error)) or TLS_FAULT.search(str(error))
            why = f": {reason[1]}" if reason else ""
            if "CERTIFICATE_VERIFY_FAILED" in str(error) or "doesn't match" in str(error):
                raise FailJob(f"{request.name}: the host's certificate is not trusted{why}") from None
            raise RetryLater(f"{request.name}: the TLS connection failed{why}") from None
        except RequestException as error:
            raise _connection_error(request, error) from None
        except (ValueError, HTTPError):
            # Without their own message, which may contain the value of a header or the URL's query.
            lines = [name for name, value in request.headers.items() if LINE_END.search(value)]
            where = f"the header {lines[0]} contains a line end, which" if lines else "its URL or a header"
            raise FailJob(f"{request.name}: {where} is not valid in HTTP") from None
        if raw.headers.get("Transfer-Encoding", "chunked").lower() not in ("chunked", "identity"):
            raw.close()
            raise FailJob(f"{request.name}: the answer has a transfer encoding other than chunked")
        return Response(request.name, raw, silence_seconds=self._silence_seconds)

    def _send(self, request: WireRequest, proxy: str | None, kinds: frozenset[AddressKind] | None) -> RawResponse:
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
        prepared.headers = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept": "*/*", **request.headers})
        # An empty POST needs `Content-Length: 0` as well (RFC 9110, 8.6): some servers answer 411 without it.
        if request.body is not None or request.method == "POST":
            prepared.headers["Content-Length"] = str(len(request.body or b""))
        timeout = (CONNECT_SECONDS, self._silence_seconds)
        # A proxy gets the whole URL for plain http (RFC 9112, 3.2.2); https goes through a tunnel to the host itself.
        target = request.url if proxy and request.url.startswith("http:") else request.target
        before = _target.set(target)
        try:
            return adapter(kinds).send(
                prepared,
                stream=True,
                timeout=timeout,
                verify=self._network.ca_bundle or True,
                proxies={"http": proxy, "https": proxy} if proxy else None,
            )
        finally:
            _target.reset(before)


def _connection_error(request: WireRequest, error: RequestException) -> RetryLater:
    """The error with the innermost cause. urllib3's own message has the URL, whose query may contain a key."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    if isinstance(cause, MaxRetryError) and cause.reason is not None:
        is_unsent = isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)
        reason = str(cause.reason).rpartition(": ")[2]
        return RetryLater(f"{request.name}: no connection: {reason}", is_unsent=is_unsent)
    inner = cause.args[-1] if cause.args and isinstance(cause.args[-1], BaseException) else cause
    why = inner if isinstance(inner, OSError) else f"{type(inner).__name__} {str(inner)[:100]}"
    return RetryLater(f"{request.name}: no answer: {why}")


def _proxy_error(request: WireRequest, proxy: str, error: ProxyError) -> FailJob | RetryLater:
    """The error for a proxy that did not connect. The libraries' own message may contain the proxy's password."""
    where = without_password(proxy)
    refusal = re.search(r"Tunnel connection failed: (\d{3})([^'\")]*)", str(error))
    if refusal is None:
        # urllib3 gives this error also for a connection that broke after the request was sent.
        failure = getattr(error.args[0], "reason", None) if error.args else None
        is_unsent = isinstance(getattr(failure, "original_error", None), NewConnectionError | ConnectTimeoutError)
        missing = "connection to" if is_unsent else "answer through"
        return RetryLater(f"{request.name}: no {missing} the proxy {where}", is_unsent=is_unsent)
    reason = f"{request.name}: the proxy {where} refuses: {refusal[1]}{refusal[2]}"
    if refusal[1] == "407":
        return FailJob(f"{reason}; check its user and password")
    is_for_good = refusal[1].startswith("4") and refusal[1] not in PROXY_RETRY_STATUSES
    return FailJob(reason) if is_for_good else RetryLater(reason, is_unsent=True)


class _Adapter(HTTPAdapter):
    """The adapter of requests, made to use the connections of `pool_classes` for proxies as well."""

    def proxy_manager_for(self, proxy: str, **how: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **how)
        manager.pool_classes_by_scheme = pool_classes(None)
        return manager


class _Adapters:
    """The adapters of one process."""

    def __init__(self) -> None:
        self.adapters: dict[frozenset[AddressKind] | None, HTTPAdapter] = {}
        self.making = threading.Lock()


_adapters = _Adapters()
# A forked child must not use its parent's sockets, nor wait for a lock that its parent held.
os.register_at_fork(after_in_child=_adapters.__init__)  # type: ignore[misc]


def adapter(kinds: frozenset[AddressKind] | None = None) -> HTTPAdapter:
    """The adapter of this process for our own host or, with `kinds`, for hosts at these kinds of address only."""
    with _adapters.making:
        if kinds not in _adapters.adapters:
            # No retries: an adapter never sends anything twice by itself.
            made = _Adapter(pool_connections=HOSTS_KEPT, pool_maxsize=CONNECTIONS_KEPT_PER_HOST, max_retries=0)
            made.poolmanager.pool_classes_by_scheme = pool_classes(kinds)
            _adapters.adapters[kinds] = made
        return _adapters.adapters[kinds]


def pool_classes(
    kinds: frozenset[AddressKind] | None, *, resolve: Resolve = addresses.resolve
) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools that refuse incomplete headers and, if `kinds` is given, connect to checked addresses only.

    They connect to the very address that was checked, so DNS rebinding, a name that resolves differently the second
    time, does not help an attacker.
    """

    class Plain(HTTPConnection):
        response_class = CompleteHeadersResponse

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


class CompleteHeadersResponse(HTTPResponse):
    """A response that is accepted only if all of its headers were read.

    http.client accepts headers that were cut off (`http.client.parse_headers` stops at the end of input), and ignores
    every header after a malformed line. If Content-Length was lost in this way, a body that was cut off would look
    complete. Nor may they arrive too slowly: the timeout of a socket begins again with every byte.
    """

    def __init__(self, sock: Any, *how: Any, **more: Any) -> None:
        super().__init__(sock, *how, **more)
        self._ends_at = time.monotonic() + MOST_SILENCES * (sock.gettimeout() or inf)

    def begin(self) -> None:
        """Read status and headers. Raises RemoteDisconnected if they are cut off or cannot be read."""
        for _ in range(MOST_INTERIM_ANSWERS):
            source = _Lines(self.fp, self._ends_at)
            self.fp = source  # type: ignore[assignment]
            super().begin()
            if source.last not in (b"\r\n", b"\n"):
                raise RemoteDisconnected("the headers of the answer are cut off")
            if self.fp is not None:
                self.fp = source.wrapped
            if self.length is None and not self.chunked and (unread := str(self.headers.get_payload())):
                raise RemoteDisconnected(f"a line among its headers is malformed: {unread.splitlines()[0][:40]!r}")
            # 102 and 103 come before the answer (RFC 9110, 15.2); http.client skips 100 only.
            if self.status >= HTTPStatus.OK or self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return
            self.headers = self.msg = None  # type: ignore[assignment]
        raise RemoteDisconnected(f"more than {MOST_INTERIM_ANSWERS} interim answers")


class _Lines:
    """A stream that remembers the last line read from it. Raises TimeoutError if one does not end in time."""

    def __init__(self, wrapped: Any, ends_at: float) -> None:
        self.wrapped = wrapped
        self.last = b""
        self._ends_at = ends_at

    def readline(self, limit: int, /) -> bytes:
        self.last = b""
        # Unlike `readline`, `peek` returns after one piece, however short.
        while len(self.last) < limit and (piece := self.wrapped.peek()):
            if time.monotonic() > self._ends_at:
                raise TimeoutError
            self.last += self.wrapped.read(min(piece.find(b"\n") + 1 or len(piece), limit - len(self.last)))
            if self.last.endswith(b"\n"):
                break
        return self.last

    def close(self) -> None:
        self.wrapped.close()

    def flush(self) -> None:
        self.wrapped.flush()
