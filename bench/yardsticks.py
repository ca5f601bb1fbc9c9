"""What no reader can beat: the parser alone, the socket alone, Redis alone."""

from __future__ import annotations

import io
import json
import socket
from collections import deque
from collections.abc import Iterable
from urllib.parse import urlsplit

import ijson
import orjson
from redis import Redis

SCRIPT_ROWS = 1_000
_RECEIVE_BYTES = 1 << 20
_ADD_ROWS = """
for i = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'job', 'yardstick', 'at', '1.1.' .. i, 'row', ARGV[i]) end
"""


def parse_stream(body: bytes) -> None:
    """Every value of an NDJSON body by ijson, decimals and all."""
    deque(ijson.items(io.BytesIO(body), "", multiple_values=True), maxlen=0)


def parse_pages(bodies: Iterable[bytes], path: str) -> None:
    """Every row of JSON pages by ijson."""
    for body in bodies:
        deque(ijson.items(io.BytesIO(body), path), maxlen=0)


def load_lines(body: bytes) -> None:
    """Every line by orjson."""
    deque(map(orjson.loads, body.splitlines()), maxlen=0)


def drain(url: str, headers: dict[str, str], query: object) -> int:
    """Read one answer to its end by a bare socket, throwing it away: how many bytes came."""
    where, body = urlsplit(url), json.dumps(query).encode()
    lines = [f"POST {where.path} HTTP/1.1", f"Host: {where.netloc}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
    with socket.create_connection((where.hostname or "", where.port or 80)) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)
        received, into = 0, bytearray(_RECEIVE_BYTES)
        while size := connection.recv_into(into):
            received += size
    return received


def add_to_stream(redis: Redis, rows: list[bytes]) -> None:
    """Every row into a stream, as many a call as a batch holds, each call waited for."""
    script = redis.register_script(_ADD_ROWS)
    for start in range(0, len(rows), SCRIPT_ROWS):
        script(keys=["yardstick"], args=rows[start : start + SCRIPT_ROWS])
    redis.delete("yardstick")
