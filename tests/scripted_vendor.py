"""A vendor on a real socket whose every byte is scripted."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.sockets import Listener


@dataclass
class Heard:
    """A request as received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Reset(Exception):
    """Raised by a script to end the connection with a reset."""


Script = Callable[[Heard], Iterator[bytes] | bytes]


@dataclass
class ScriptedVendor:
    """Answers each request with the bytes of its script; a script that ends early closes the connection."""

    script: Script
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = Listener(self._converse)
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def __enter__(self) -> ScriptedVendor:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self._listener.close()

    def targets(self) -> list[str]:
        return [f"{heard.method} {heard.target}" for heard in self.heard]

    def _converse(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, connection.makefile("rb") as incoming:
            try:
                while line := incoming.readline():
                    heard = self._hear(line, incoming)
                    answer = self.script(heard)
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        connection.sendall(piece)
                    # If a script yields pieces, the body has no length and ends when the connection closes.
                    if b"connection: close" in (answer.lower() if isinstance(answer, bytes) else b"connection: close"):
                        return
            except Reset:
                # With a linger time of 0, closing a socket sends a reset.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except (OSError, ValueError):
                return  # The client closed the connection, or did not send HTTP.

    def _hear(self, line: bytes, incoming: object) -> Heard:
        method, target, _ = line.decode("latin-1").split(" ", 2)
        if not target.startswith("/"):
            raise ValueError(target)
        headers: dict[str, str] = {}
        while (header := incoming.readline()) not in (b"\r\n", b""):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = incoming.read(int(headers.get("content-length", "0")))
        heard = Heard(method, target, headers, body)
        self.heard.append(heard)
        return heard


Start = Callable[[Script], ScriptedVendor]
"""Starts a scripted vendor, which runs until the end of the test."""
