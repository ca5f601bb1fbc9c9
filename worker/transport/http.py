"""One request out, one answer's head in: connections kept alive, TLS, timeouts, addresses that were checked.

Knows nothing of credentials, quotas or links. These are requests' adapters without its Session: a Session reads the
whole body of a redirect, keeps cookies and looks into the environment for passwords. Nothing here follows or remembers.
"""

from __future__ import annotations

import os
import socket
import threading
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any

from requests import PreparedRequest
from requests import Response as HeardResponse
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, ReadTimeout, RequestException, SSLError
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError
from urllib3.util.connection import create_connection

from worker.errors import FailJob, RetryLater
from worker.transport import addresses
from worker.transport.addresses import AddressKind, Resolve
from worker.transport.request import WireRequest
from worker.transport.response import Response

CONNECT_SECONDS = 10.0
USER_AGENT = "millrace"
HOSTS_KEPT = 32
CONNECTIONS_KEPT_PER_HOST = 64


class Channel:
    """Sends requests, each once. Safe to share between threads; connections are shared by the whole process."""

    def __init__(self, *, silence_seconds: float, connect_seconds: float = CONNECT_SECONDS) -> None:
        """`silence_seconds` bounds the wait for the answer's head and between any two pieces of its body."""
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds

    def send(self, request: WireRequest, *, kinds: frozenset[AddressKind] | None = None) -> Response:
        """Send a request, to hosts at `kinds` of address only where given, and wait for the head of its answer.

        Raises RetryLater where that failed (`is_unsent`: the request never left) and FailJob where it never can work.
        """
        chosen = adapter(kinds)
        try:
            heard = self._send(chosen, request)
        except ConnectTimeout:
            raise RetryLater(f"{request.name}: no connection in {self._connect_seconds:g} s", is_unsent=True) from None
        except ReadTimeout:
            raise RetryLater(f"{request.name}: no answer in time ({self._silence_seconds:g} s)") from None
        except SSLError as error:
            raise _tls_refusal(request, error) from None
        except RequestException as error:
            cause = _cause(error)
            raise RetryLater(f"{request.name}: {_spoken(cause)}", is_unsent=_is_unsent(cause)) from None
        except (ValueError, HTTPError):
            # What these say may hold a header's value or the URL's query, so it is not repeated.
            raise FailJob(f"{request.name}: the request cannot be sent as it is") from None
        if heard.headers.get("Transfer-Encoding", "chunked").strip().lower() not in ("chunked", "identity"):
            heard.close()
            raise FailJob(f"{request.name}: the answer's transfer encoding is not understood")
        return Response(request.name, heard, silence_seconds=self._silence_seconds)

    def _send(self, chosen: HTTPAdapter, request: WireRequest) -> HeardResponse:
        prepared = PreparedRequest()
        prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
        prepared.headers = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept": "*/*", **request.headers})
        if request.body is not None or request.method == "POST":
            prepared.headers["Content-Length"] = str(len(request.body or b""))
        timeout = (self._connect_seconds, self._silence_seconds)
        return chosen.send(prepared, stream=True, timeout=timeout, verify=True)


def _cause(error: BaseException) -> BaseException:
    """What went wrong below requests' own exception."""
    return error.args[0] if error.args and isinstance(error.args[0], BaseException) else error


def _is_unsent(cause: BaseException) -> bool:
    """Did no connection ever come about?"""
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError | ConnectTimeoutError)


def _spoken(cause: BaseException) -> str:
    """The innermost reason without the URL that urllib3 puts into its messages."""
    if isinstance(cause, MaxRetryError) and cause.reason is not None:
        return f"no connection: {str(cause.reason).rpartition(': ')[2]}"
    inner = cause.args[-1] if cause.args else cause
    return f"no answer: {inner}" if isinstance(inner, OSError) else f"no answer: {type(cause).__name__}"


def _tls_refusal(request: WireRequest, error: SSLError) -> FailJob | RetryLater:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        return FailJob(f"{request.name}: the host's certificate is not trusted")
    return RetryLater(f"{request.name}: the TLS connection failed")


class _Kept:
    """The adapters of one process."""

    def __init__(self) -> None:
        self.adapters: dict[frozenset[AddressKind] | None, HTTPAdapter] = {}
        self.making = threading.Lock()


_kept = _Kept()
# A forked child must not speak on its parent's sockets, nor wait for a lock its parent held.
os.register_at_fork(after_in_child=_kept.__init__)  # type: ignore[misc]


def adapter(kinds: frozenset[AddressKind] | None = None) -> HTTPAdapter:
    """This process's adapter: for our own host, or one that reaches hosts at these kinds of address only."""
    with _kept.making:
        if kinds not in _kept.adapters:
            # No retries: an adapter never sends anything twice by itself.
            made = HTTPAdapter(pool_connections=HOSTS_KEPT, pool_maxsize=CONNECTIONS_KEPT_PER_HOST, max_retries=0)
            made.poolmanager.pool_classes_by_scheme = pools(kinds)
            _kept.adapters[kinds] = made
        return _kept.adapters[kinds]


def pools(
    kinds: frozenset[AddressKind] | None, *, resolve: Resolve = addresses.resolve
) -> dict[str, type[HTTPConnectionPool]]:
    """Pools of connections that hear whole heads only and, where `kinds` is given, go to an address that was checked.

    The address checked is the one connected to, so a name cannot come to mean another in between.
    """

    class Plain(HTTPConnection):
        response_class = WholeHeadResponse

        def _new_conn(self) -> socket.socket:
            return super()._new_conn() if kinds is None else connected(self, kinds, resolve)

    class Tls(HTTPSConnection):
        response_class = WholeHeadResponse

        def _new_conn(self) -> socket.socket:
            return super()._new_conn() if kinds is None else connected(self, kinds, resolve)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def connected(connection: HTTPConnection, kinds: frozenset[AddressKind], resolve: Resolve) -> socket.socket:
    """A socket to the first address of the host that answers, all of them being of a permitted kind."""
    failure: HTTPError = NewConnectionError(connection, f"{connection.host} has no address")
    for address in addresses.permitted(connection.host, connection.port, kinds, resolve=resolve):
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
    """An answer that counts as heard once the empty line after its head arrived.

    The standard library takes a head that was cut for one that ended. A head cut before its Content-Length would leave
    an answer without a body: a success of no rows.
    """

    def begin(self) -> None:
        """Read the head. Raises RemoteDisconnected where the connection ended within it."""
        source = _Lines(self.fp)
        self.fp = source  # type: ignore[assignment]
        super().begin()
        if source.last not in (b"\r\n", b"\n"):
            raise RemoteDisconnected("the head of the answer is cut")
        if self.fp is not None:
            self.fp = source.wrapped


class _Lines:
    """Remembers the last line read from a stream."""

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
