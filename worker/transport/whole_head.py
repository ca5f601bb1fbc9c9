"""Answers whose head is whole. The standard library takes a head that was cut for one that ended.

A head cut before its Content-Length would leave an answer without a body: a success of no rows.
"""

from __future__ import annotations

from http.client import HTTPResponse, RemoteDisconnected
from typing import Any


class WholeHeadResponse(HTTPResponse):
    """An answer that counts as heard once the empty line after its head arrived."""

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
