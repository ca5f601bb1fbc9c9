"""Decodes HTTP/1.1 framing (RFC 9112, 6 and 7), and tells a body that was cut from one that ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

READ_BYTES = 262_144
LONGEST_FRAMING_BYTES = 65_536

# RFC 9112, 7.1: a length in hexadecimal, extensions nobody uses, the end of the line.
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Cut(Exception):
    """The body ended, or broke its framing, before its end. The message says how."""


class Readable(Protocol):
    """A buffered stream of bytes: one read at most, what is there already first; b"" at the end."""

    def read1(self, size: int, /) -> bytes: ...


def sized(source: Readable, length: int) -> Iterator[bytes]:
    """A body of a stated length. Raises Cut where fewer bytes came."""
    rest = length
    while rest:
        piece = source.read1(min(READ_BYTES, rest))
        if not piece:
            raise Cut(f"{rest} of {length} bytes are missing")
        rest -= len(piece)
        yield piece


def until_closed(source: Readable) -> Iterator[bytes]:
    """A body that ends with its connection. Nothing shows whether it was cut."""
    while piece := source.read1(READ_BYTES):
        yield piece


def chunked(source: Readable) -> Iterator[bytes]:
    """A body in chunks, as many at a time as one read brings. Raises Cut where the last chunk never came.

    Vendors who flush after every row send tiny chunks; taking each by itself would cost more than reading the rows.
    """
    framing = _Framing()
    while not framing.is_over:
        piece = source.read1(READ_BYTES)
        if not piece:
            raise Cut("the last chunk is missing")
        if out := framing.feed(piece):
            yield out
    framing.skip_trailers(source)


class _Framing:
    """Takes chunk framing off bytes that come in any pieces; holds back no more than a line of framing."""

    def __init__(self) -> None:
        self.is_over = False
        self._rest = 0  # of the chunk begun: its bytes still to come and the two that end it
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The bytes of chunks in this piece."""
        buffer = self._held + piece if self._held else piece
        out: list[bytes] = []
        at = 0
        while not self.is_over:
            if self._rest > 2:
                out.append(buffer[at : at + self._rest - 2])
                at += len(out[-1])
                self._rest -= len(out[-1])
            if self._rest > 2 or (self._rest == 2 and len(buffer) < at + 2):
                break
            if self._rest == 2:
                if buffer[at : at + 2] != b"\r\n":
                    raise Cut("broken chunk framing: a chunk is longer than it says")
                at, self._rest = at + 2, 0
            line = _CHUNK_LINE.match(buffer, at)
            if line is None:
                if b"\n" in buffer[at:] or len(buffer) - at > LONGEST_FRAMING_BYTES:
                    raise Cut(f"broken chunk framing: {buffer[at : at + 20]!r}")
                break
            at, self._rest = line.end(), int(line[1], 16) + 2
            self.is_over = self._rest == 2
        self._held = buffer[at:]
        return b"".join(out)

    def skip_trailers(self, source: Readable) -> None:
        """Read past what follows the last chunk, so that the connection can be used again."""
        rest = self._held
        while not (rest.startswith(b"\r\n") or b"\r\n\r\n" in rest) and len(rest) < LONGEST_FRAMING_BYTES:
            piece = source.read1(READ_BYTES)
            if not piece:
                return
            rest += piece
