"""A small HTTP/1.1 server with a thread for each connection, which writes every byte of an answer itself."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import unquote

from sandbox.http.message import Answer, Hangup, Request, as_json

BACKLOG = 1024
LONGEST_BODY = 16_000_000
# With a linger time of 0, closing the socket sends RST instead of FIN, which clients see as a reset.
_RST_ON_CLOSE = struct.pack("ii", 1, 0)

Respond = Callable[[Request], Answer]


class Server:
    """Listens on one port and answers each request with `respond`, until it is stopped."""

    def __init__(self, host: str, port: int, respond: Respond, *, is_storage: bool = False) -> None:
        self.respond = respond
        self.is_storage = is_storage
        self._listener = socket.create_server((host, port), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._is_stopped = False

    def start(self) -> None:
        """Accept connections in a thread of its own."""
        threading.Thread(target=self._accept, name=f"sandbox:{self.port}", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and close every connection at once. May be called twice."""
        with self._guard:
            self._is_stopped = True
            connections = list(self._connections)
        # Without this, the thread in accept() would block for ever.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            with self._guard:
                if self._is_stopped:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:
        try:
            # The handler of the standard library does not use the server that it is given.
            _Conversation(connection, address, cast(Any, self))
        except Hangup as hangup:
            if hangup.is_reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        except OSError:
            pass  # The client closed the connection, which it may do at any time.
        finally:
            with self._guard:
                self._connections.discard(connection)
            connection.close()


class _Conversation(BaseHTTPRequestHandler):
    """Answers requests in turn until one side closes the connection."""

    protocol_version = "HTTP/1.1"
    # So that the refusal of a malformed request has a status line too.
    default_request_version = "HTTP/1.1"
    # Otherwise a small last piece waits up to 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    server: Any

    def answer(self) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send(as_json(400, {"error": f"send the body with a Content-Length of at most {LONGEST_BODY}"}))
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Hangup
        path, _, query = self.path.partition("?")
        request = Request(self.command, unquote(path), query, headers, body, self.server.is_storage)
        answer = self.server.respond(request)
        self.close_connection = self.close_connection or answer.until_close
        self._send(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - http.server's names

    def _send(self, answer: Answer) -> None:
        """Send an answer. Raises Hangup if its body does, or if its length was not the stated one."""
        is_chunked = answer.length is None and not answer.until_close
        # The head is sent with the first piece, so that a small answer is one packet.
        waiting, sent = answer.head(), 0
        if self.command == "HEAD":
            # The client would take a body after HEAD for the next answer on this connection.
            self.connection.sendall(waiting)
            return
        try:
            for piece in answer.body:
                if piece:
                    waiting += b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece
                    self.connection.sendall(waiting)
                    waiting, sent = b"", sent + len(piece)
        except Hangup as hangup:
            if not hangup.is_reset:
                self.connection.sendall(waiting)
            raise
        self.connection.sendall(waiting + (b"0\r\n\r\n" if is_chunked else b""))
        if answer.length not in (None, sent):
            raise Hangup

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log nothing: the journal has every request."""
