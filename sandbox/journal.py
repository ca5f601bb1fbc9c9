"""The journal of the sandbox: the requests it received, and how many rows of each report it served."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from sandbox.http.message import Request
from sandbox.rows import Block

BODY_CHARACTERS = 16_384
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}


class Journal:
    """The last requests, oldest first, and counters. Of credentials, only digests are kept."""

    def __init__(self, size: int) -> None:
        self._guard = threading.Lock()
        self._requests: deque[dict[str, Any]] = deque(maxlen=size)
        self._rows: Counter[str] = Counter()
        self._readings: Counter[str] = Counter()

    def note(self, request: Request, vendor: str, endpoint: str) -> None:
        """Remember a request. Of `authorization` it keeps the scheme and the first half of a SHA-256."""
        headers = dict(request.headers)
        for name in _SECRET_HEADERS & headers.keys():
            digest = hashlib.sha256(headers[name].encode()).hexdigest()[:32]
            headers[name] = f"{headers[name].partition(' ')[0]} sha256:{digest}"
        line = {
            "time": time.time(),
            "vendor": vendor,
            "endpoint": endpoint,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": headers,
            "body": request.body[:BODY_CHARACTERS].decode("utf-8", "replace"),
        }
        with self._guard:
            self._requests.append(line)

    def count_served(self, report: str, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield the same blocks, and count their rows."""
        for block in blocks:
            with self._guard:
                self._rows[report] += len(block.rows)
            yield block

    def readings_before(self, report: str, *, is_start: bool) -> int:
        """How many readings of a report came before the present one; `is_start` begins a new one."""
        with self._guard:
            self._readings[report] += is_start
            return max(0, self._readings[report] - 1)

    def requests(self) -> list[dict[str, Any]]:
        """All remembered requests, oldest first."""
        with self._guard:
            return list(self._requests)

    def counters(self) -> dict[str, Any]:
        """Rows served and readings begun, by `vendor.report`."""
        with self._guard:
            return {"rows": dict(self._rows), "readings": dict(self._readings)}

    def clear(self) -> None:
        """Forget the requests and set every counter to zero."""
        with self._guard:
            self._requests.clear()
            self._rows.clear()
            self._readings.clear()

    def resize(self, size: int) -> None:
        """Remember at most this many requests from now on."""
        with self._guard:
            self._requests = deque(self._requests, maxlen=size)
