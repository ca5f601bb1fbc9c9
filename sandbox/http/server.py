"""A small HTTP/1.1 server with a thread for each connection; every byte is written here, so that it can go wrong."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from urllib.parse import unquote

from sandbox.http.message import Answer, Hangup, Request, as_json

BACKLOG = 1024
LONGEST_HEAD = 65_536
LONGEST_BODY = 16_000_000
_RECEIVE_BYTES = 65_536
# Lingering for no time: closing the socket then sends RST instead of FIN, which clients see as a reset.
_RST_ON_CLOSE = struct.pack("ii", 1, 0)

Respond = Callable[[Request], Answer]


class _BadRequest(Exception):
    """What came is no request; the connection ends after the answer."""


class Server:
    """Listens on one port and answers each request with `respond`, until it is stopped."""

    def __init__(self, host: str, port: int, respond: Respond, *, is_storage: bool = False) -> None:
        self._respond = respond
        self._is_storage = is_storage
        self._listener = socket.create_server((host, port), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Accept connections from now on, in a thread of its own."""
        threading.Thread(target=self._accept, name=f"sandbox:{self.port}", daemon=True).start()

    def stop(self) -> None:
        """Accept no more and end every connection at once. May be called twice."""
        with self._guard:
            self._is_stopped = True
            connections = list(self._connections)
        # Closing alone would leave a thread in accept() for ever.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                if self._is_stopped:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # Without it a small last piece waits for the client's acknowledgement, up to 40 ms an answer.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._converse(connection)
        except Hangup as hangup:
            if hangup.is_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        except OSError:
            pass  # The peer went away, which is its right.
        finally:
            with self._guard:
                self._connections.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        """Request and answer in turn, for as long as both sides keep the connection."""
        incoming = _Incoming(connection)
        while True:
            try:
                request = incoming.request(is_storage=self._is_storage)
            except _BadRequest as reason:
                _send(connection, as_json(400, {"error": str(reason)}, {"Connection": "close"}))
                return
            if request is None:
                return
            answer = self._respond(request)
            # A body after HEAD would be taken for the next answer on this connection.
            if request.method == "HEAD":
                connection.sendall(answer.head())
                continue
            _send(connection, answer)
            if answer.until_close or request.headers.get("connection", "").lower() == "close":
                return


class _Incoming:
    """The bytes of a connection, taken apart into requests."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def request(self, *, is_storage: bool) -> Request | None:
        """The next request; None if the peer is done."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > LONGEST_HEAD:
                raise _BadRequest("the head is too long")
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        method, url, headers = _read_head(head)
        body = self._body(headers)
        path, _, query = url.partition("?")
        return Request(method, unquote(path), query, headers, body, is_storage)

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise _BadRequest("send the body with a Content-Length")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LONGEST_BODY:
            raise _BadRequest(f"Content-Length {length!r} cannot be used")
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < int(length):
            if not self._more():
                raise Hangup
        body, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
        return body

    def _more(self) -> bool:
        received = self._connection.recv(_RECEIVE_BYTES)
        self._buffer += received
        return bool(received)


def _read_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _BadRequest("the first line is no HTTP/1.1 request line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise _BadRequest("a header line lacks its colon")
        headers[name.strip().lower()] = value.strip()
    return parts[0], parts[1], headers


def _send(connection: socket.socket, answer: Answer) -> None:
    """Send an answer whole; Hangup out of its body, or for an untrue length, ends the connection."""
    is_chunked = answer.length is None and not answer.until_close
    # The head goes out with the first piece: an answer that fits is one packet.
    waiting, sent = answer.head(), 0
    try:
        for piece in answer.body:
            if piece:
                waiting += b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece
                connection.sendall(waiting)
                waiting, sent = b"", sent + len(piece)
    except Hangup as hangup:
        if not hangup.is_reset:
            connection.sendall(waiting)
        raise
    connection.sendall(waiting + (b"0\r\n\r\n" if is_chunked else b""))
    if answer.length not in (None, sent):
        raise Hangup
