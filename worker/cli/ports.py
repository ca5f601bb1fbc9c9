"""Checks that ports are free, before anything is started."""

from __future__ import annotations

import os
import socket

from worker.errors import BadInput


def require_free_port(host: str, port: int, *, option: str = "--port") -> None:
    """Raise BadInput if this port of this host is in use or not allowed."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise BadInput("--host", host, f"an address of this machine ({error.strerror})") from None
    try:
        socket.create_server(address, family=family).close()
    except OSError as error:
        raise BadInput(option, port, f"a port that is free on {host} ({os.strerror(error.errno or 0)})") from None
