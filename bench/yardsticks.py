"""The yardsticks of the budgets: the same bytes without any code of ours."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import ijson
import msgspec
import orjson
from redis import Redis

XADD_ROWS = 1_000
"""Commands in one pipeline. Our own transactions have half as many."""

_RECEIVE_BYTES = 256 * 1024


def pass_through(url: str, token: str, query: object, path: Path) -> int:
    """`pass`: one thread reads the response, proves each line to be JSON, hashes and writes it. Returns the rows."""
    where, body = urlsplit(url), json.dumps(query).encode()
    lines = [f"POST {where.path} HTTP/1.1", f"Host: {where.netloc}", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {token}", f"Content-Length: {len(body)}", "Connection: close", "", ""]
    decoder, digest, rows = msgspec.json.Decoder(msgspec.Raw), hashlib.sha256(), 0
    with socket.create_connection((where.hostname or "", where.port or 80)) as connection, path.open("wb") as file:
        connection.sendall("\r\n".join(lines).encode() + body)
        rest = b""
        while b"\r\n\r\n" not in rest:
            rest += connection.recv(_RECEIVE_BYTES)
        rest = rest.partition(b"\r\n\r\n")[2]
        while chunk := connection.recv(_RECEIVE_BYTES):
            block = rest + chunk
            end = block.rfind(b"\n") + 1
            whole, rest = block[:end], block[end:]
            rows += len(decoder.decode_lines(whole))
            digest.update(whole)
            file.write(whole)
        file.flush()
        os.fsync(file.fileno())
    return rows


def parse_pages(bodies: Iterable[bytes], path: str) -> None:
    """Parse every row of JSON pages by `ijson.items` alone."""
    for body in bodies:
        deque(ijson.items(io.BytesIO(body), path), maxlen=0)


def load_lines(body: bytes) -> None:
    """Parse every line by orjson."""
    deque(map(orjson.loads, body.splitlines()), maxlen=0)


def xadd(redis: Redis, rows: list[bytes], *, is_waiting: bool = True) -> None:
    """`xadd`: pipelines packed by hand, an entry per row with our fields.

    As in every client, the next pipeline waits for the answers to the last one; without `is_waiting`, it does not.
    """
    kwargs = redis.connection_pool.connection_kwargs
    with socket.create_connection((kwargs["host"], kwargs["port"])) as connection:
        owed = 0
        for start in range(0, len(rows), XADD_ROWS):
            part = rows[start : start + XADD_ROWS]
            connection.sendall(b"".join(_packed(row, number) for number, row in enumerate(part, start + 1)))
            owed = _answered(connection, owed + len(part), leave=0 if is_waiting else XADD_ROWS)
        _answered(connection, owed, leave=0)
    redis.delete("yardstick")


def _packed(row: bytes, number: int) -> bytes:
    at = b"1.1.%d" % number
    return (
        b"*9\r\n$4\r\nXADD\r\n$9\r\nyardstick\r\n$1\r\n*\r\n$3\r\njob\r\n$32\r\n0123456789abcdef0123456789abcdef\r\n"
        b"$2\r\nat\r\n$%d\r\n%b\r\n$3\r\nrow\r\n$%d\r\n%b\r\n" % (len(at), at, len(row), row)
    )


def _answered(connection: socket.socket, owed: int, *, leave: int) -> int:
    """Read answers until at most `leave` are outstanding. Each is two lines: a length and an id."""
    lines = 2 * owed
    while lines > 2 * leave:
        lines -= connection.recv(_RECEIVE_BYTES).count(b"\n")
    return lines // 2
