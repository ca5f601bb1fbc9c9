"""Decodes HTTP/1.1 message framing (RFC 9112, 6 and 7), so that a body that was cut off is noticed."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from typing import Protocol

READ_BYTES = 262_144
TLS_RECORD_BYTES = 16_384
LONGEST_FRAMING_BYTES = 65_536

# RFC 9112, 7.1: the chunk size in hexadecimal, extensions (ignored), the end of the line.
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Cut(Exception):
    """The body was cut off, or its framing is broken. The message says how."""


class Readable(Protocol):
    """A buffered stream of bytes. `read1` returns buffered bytes, else those of one read; b"" at the end."""

    def read1(self, size: int, /) -> bytes: ...


class TlsRecords:
    """Reads TLS records that have arrived together: a read of a TLS socket returns one record, of at most 16 KiB.

    A vendor that flushes each row makes a record of it, and handling each one would cost more than reading the rows.
    `source` reads from `wire`.
    """

    def __init__(self, source: Readable, wire: ssl.SSLSocket) -> None:
        self._source = source
        self._wire = wire
        self._failure: OSError | None = None

    def read1(self, size: int, /) -> bytes:
        """Wait for a record, and return it with those behind it, up to `size` bytes; b"" at the end.

        An error behind bytes that did arrive is raised by the next call.
        """
        if self._failure is not None:
            raise self._failure
        records = [self._source.read1(min(size, TLS_RECORD_BYTES))]
        left = size - len(records[0])
        patience = self._wire.gettimeout()
        self._wire.settimeout(0.0)
        try:
            while left and records[-1]:
                records.append(self._source.read1(min(left, TLS_RECORD_BYTES)))
                left -= len(records[-1])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as failure:
            self._failure = failure
        finally:
            self._wire.settimeout(patience)
        return b"".join(records)


def read_sized(source: Readable, length: int) -> Iterator[bytes]:
    """Yield a body of a stated length. Raises Cut if fewer bytes come."""
    rest = length
    while rest:
        piece = source.read1(min(READ_BYTES, rest))
        if not piece:
            raise Cut(f"{rest} of {length} bytes are missing")
        rest -= len(piece)
        yield piece


def read_until_closed(source: Readable) -> Iterator[bytes]:
    """Yield a body that ends with its connection. Nothing shows whether it was cut off."""
    while piece := source.read1(READ_BYTES):
        yield piece


def read_chunked(source: Readable) -> Iterator[bytes]:
    """Yield a body in chunks; the chunks of one read are joined. Raises Cut if the last chunk does not come.

    Vendors that flush after every row send tiny chunks: handling each one would cost more than reading the rows.
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
    """Removes chunk framing from bytes that come in pieces of any size. At most one line of framing is held back."""

    def __init__(self) -> None:
        self.is_over = False
        self._rest = 0  # bytes of the current chunk still to come, including the CRLF that ends it
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """The content of the chunks in this piece, without framing. Raises Cut if the framing is broken."""
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
        """Read the trailers after the last chunk, so that the connection can be used again."""
        rest = self._held
        while not (rest.startswith(b"\r\n") or b"\r\n\r\n" in rest) and len(rest) < LONGEST_FRAMING_BYTES:
            piece = source.read1(READ_BYTES)
            if not piece:
                return
            rest += piece
