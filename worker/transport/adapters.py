"""Connections to hosts, kept alive and shared by the threads of one process.

These are requests' adapters without its Session: a Session reads the whole body of a redirect, keeps cookies and looks
into the environment for proxies and passwords. Nothing here follows, remembers or looks up anything.
"""

from __future__ import annotations

import os
import socket
import threading

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from worker.transport import addresses
from worker.transport.addresses import AddressKind, Resolve
from worker.transport.whole_head import WholeHeadResponse

HOSTS_KEPT = 32
CONNECTIONS_KEPT_PER_HOST = 64


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
