"""An exchange with a scripted vendor, for tests of the bytes that are sent and received."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests import source_files
from tests.scripted_vendor import Heard, Reset, Script, ScriptedVendor, Start
from tests.sockets import Listener
from worker.errors import RetryLater
from worker.sources.connections import Connection
from worker.sources.schema import Limits, Request, Source
from worker.transport.account import Account
from worker.transport.exchange import Exchange
from worker.transport.request import WireRequest, compose
from worker.transport.response import Response

# With a space, a slash and a plus, which are encoded differently in a header, a form and a query.
PASSWORD = "pass word/1"
ENVIRONMENT = {"V_USER": "somebody@example.com", "V_PASSWORD": PASSWORD, "V_KEY": "k3y+secret"}
SESSION = {"kind": "session", "login": {"method": "POST", "path": "/login"}, "basic": ["username", "password"]}
KEY = {"kind": "query", "name": "api_key", "value": "{key}"}
HEADER = {"kind": "header", "name": "Authorization", "value": "Token {key}"}
CREDENTIALS = {"username": "$V_USER", "password": "$V_PASSWORD", "key": "$V_KEY"}


def source(auth: dict[str, Any] | None = None, **more: Any) -> Source:
    """A vendor with one report."""
    return Source.model_validate(source_files.source(auth=[auth or {"kind": "none"}], **more))


def connection(
    vendor: ScriptedVendor, auth: dict[str, Any] | None = None, *, path: str = "/v1", **more: Any
) -> Connection:
    limits = Limits(requests_per_second=100_000)
    return Connection("acme", source(auth, **more), vendor.url + path, CREDENTIALS, limits)


def exchange(to: Connection, redis: Redis | None = None, **how: Any) -> Exchange:
    return Exchange(Account(to, environment=ENVIRONMENT.get), redis, **how)


def talk(
    vendor: Start, script: Script, auth: dict[str, Any] | None = None, redis: Redis | None = None, **how: Any
) -> tuple[Exchange, ScriptedVendor]:
    """Start a vendor with this script, and return the exchange with it."""
    acme = vendor(script)
    return exchange(connection(acme, auth), redis, **how), acme


def get(at: Exchange, path: str = "/rows", **query: Any) -> WireRequest:
    return compose(at.base, Request(path=path, query=query), {})


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Reason\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def assert_hanging_up_frees(response: Response) -> None:
    """Assert that a thread that waits for more than the three bytes `row` is freed by another one that hangs up."""
    chunks = response.chunks()
    assert next(chunks) == b"row"
    # As the heartbeat does when it learns of a cancelled job, while this thread waits in the socket.
    threading.Timer(0.1, response.hang_up).start()
    with pytest.raises(RetryLater, match="cut off after 3 bytes"):
        next(chunks)


def hang_up(*pieces: bytes) -> Iterator[bytes]:
    """Send these bytes, then close the connection."""
    yield from pieces


def reset(*pieces: bytes) -> Iterator[bytes]:
    yield from pieces
    raise Reset


def refuse_secrets(text: str) -> None:
    for secret in (PASSWORD, "k3y", "secret", "token-", "Basic ", "Bearer "):
        assert secret not in text, text


def login(heard: Heard, value: str = "token-1", **more: Any) -> bytes | None:
    """The answer to a login; None for any other request."""
    if heard.target != "/v1/login":
        return None
    return answer(body=json.dumps({"access_token": value, "expires_in": 3600, **more}).encode())


@contextmanager
def tls_host(
    certificate: tuple[Path, Path],
    script: Callable[[bytes], Iterable[bytes]] = lambda request: [
        answer(body=request.split(b"\r\n", 1)[0], Connection="close")
    ],
) -> Iterator[int]:
    """Run a TLS server that sends what `script` yields for a request: its first line, if not given. Yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def serve(plain: socket.socket) -> None:
        # A client that does not trust the certificate leaves during the handshake.
        with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
            for piece in script(secured.recv(65_536)):
                secured.sendall(piece)

    listener = Listener(serve)
    try:
        yield listener.port
    finally:
        listener.close()
