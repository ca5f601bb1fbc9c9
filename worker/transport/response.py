"""A response whose headers have arrived; reads its body as it arrives."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from typing import Any

from requests import Response as RawResponse

from worker.charsets import charset_in
from worker.decompress import unpack
from worker.errors import FailJob, RetryLater
from worker.transport.framing import Cut, Readable, TlsRecords, read_chunked, read_sized, read_until_closed

START_BYTES = 65_536
MOST_SILENCES = 4
"""A small body may take this many times the timeout for silence. Otherwise a vendor that sends blanks to keep the
connection open until it has an answer would hold a worker for as long as it likes."""

WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class Response:
    """One answer. Read its body to the end or close it; a body can be read once.

    `name` is the request's method and path, for messages. `received_bytes` counts the body as it came, compressed.
    """

    def __init__(self, name: str, raw: RawResponse, *, silence_seconds: float) -> None:
        self.name = name
        self.status = raw.status_code
        self.reason = raw.reason or ""
        self.headers = raw.headers
        for field, value in raw.headers.items():
            if not value.isascii():
                # Servers write what is beyond ASCII in UTF-8; http.client reads headers as Latin-1.
                with suppress(UnicodeError):
                    self.headers[field] = value.encode("latin-1").decode()
        self.received_bytes = 0
        self._raw: Any = raw.raw
        self._silence_seconds = silence_seconds
        self._is_hung_up = False

    @property
    def encoding(self) -> str | None:
        """The body's Content-Encoding in lower case; None if it is not compressed."""
        stated = self.headers.get("Content-Encoding", "").strip().lower()
        return None if stated in ("", "identity") else stated

    @property
    def charset(self) -> str | None:
        """The character set of a text, if its Content-Type states one."""
        return charset_in(self.headers.get("Content-Type", ""))

    @property
    def request_id(self) -> str | None:
        """The vendor's id of this request, if a header has it."""
        return self.headers.get("X-Request-Id") or self.headers.get("Request-Id")

    @property
    def cookies(self) -> str:
        """The cookies that the answer sets, as a request sends them back: `a=1; b=2`."""
        return "; ".join(each.partition(";")[0].strip() for each in self._raw.headers.getlist("Set-Cookie"))

    @property
    def has_end(self) -> bool:
        """Do the headers say where the body ends? If not, a body that was cut off between two rows looks whole."""
        framing = self._raw._original_response
        return bool(framing.chunked) or framing.length is not None

    def chunks(self) -> Generator[bytes, None, None]:
        """Yield the body, still compressed, in pieces of up to 256 KB as they arrive.

        Raises RetryLater, with the number of bytes received, if the body is cut off, reset or silent for too long.
        Stopping early closes the connection.
        """
        # Read from the connection's buffer: http.client would return every small chunk by itself.
        framing, wire = self._raw._original_response, self._wire
        source: Readable = TlsRecords(framing.fp, wire) if isinstance(wire, ssl.SSLSocket) else framing.fp
        if framing.fp is None:
            pieces: Iterator[bytes] = iter(())
        elif framing.chunked:
            pieces = read_chunked(source)
        elif framing.length is not None:
            pieces = read_sized(source, framing.length)
        else:
            pieces = read_until_closed(source)
        try:
            for piece in pieces:
                self.received_bytes += len(piece)
                yield piece
            self._refuse_false_end()
        except TimeoutError:
            raise self._cut(f"silence for {self._silence_seconds:g} s") from None
        except (Cut, OSError) as error:
            raise self._cut(str(error) or type(error).__name__) from None
        else:
            # A connection can be used again only if the body was read to its end.
            self._raw._original_response.close()
            self._raw.release_conn()
        finally:
            self.close()

    def body(self, limit: int) -> bytes:
        """A small body as a whole, decompressed. Raises FailJob if it is longer than `limit` bytes."""
        body = bytearray()
        with closing(self._small_chunks()) as chunks:
            for piece in unpack(chunks, self.encoding):
                body += piece
                if len(body) > limit:
                    raise FailJob(f"{self.name}: the answer is longer than {limit} bytes")
        return bytes(body)

    def start(self, limit: int = START_BYTES) -> bytes:
        """The first bytes of the body, decompressed; fewer if it breaks off. The rest is dropped. Raises nothing."""
        start = bytearray()
        with suppress(RetryLater, FailJob), closing(self._small_chunks()) as chunks:
            for piece in unpack(chunks, self.encoding):
                start += piece
                if len(start) >= limit:
                    break
        return bytes(start[:limit])

    def hang_up(self) -> None:
        """Break the connection from another thread: the thread that reads the body gets RetryLater."""
        self._is_hung_up = True
        # Within TLS to a proxy there is a socket inside.
        wire = getattr(self._wire, "socket", self._wire)
        if wire is not None:
            # Unlike close, shutdown wakes a thread that is blocked in a read. After the one of SSLSocket, that thread
            # would take what has arrived as it is, encrypted.
            with suppress(OSError):
                socket.socket.shutdown(wire, socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the part of the body that was not read. May be repeated."""
        if self._raw is not None and not self._raw._original_response.isclosed():
            self._raw.close()
            self._raw.release_conn()

    @property
    def _wire(self) -> Any:
        """The socket that the body comes from; None once the body is over."""
        return getattr(getattr(self._raw._original_response.fp, "raw", None), "_sock", None)

    def _small_chunks(self) -> Generator[bytes, None, None]:
        """The body as `chunks` yields it. Raises RetryLater also if it takes too long for a small one."""
        within_seconds = MOST_SILENCES * self._silence_seconds
        ends_at = time.monotonic() + within_seconds
        with closing(self.chunks()) as chunks:
            for piece in chunks:
                if time.monotonic() > ends_at:
                    raise self._cut(f"it did not end within {within_seconds:g} s")
                yield piece

    def _refuse_false_end(self) -> None:
        """Raise Cut if what was read may be only the start of the body.

        That is so if more bytes arrived than the stated length, and if we hung up: a body without length ends then.
        """
        if self._is_hung_up:
            raise Cut("we hung up")
        framing = self._raw._original_response
        if framing.fp is None or framing.chunked or framing.length is None or self.status in WITHOUT_BODY:
            return
        wire = self._wire
        if wire is None:
            return
        patience = wire.gettimeout()
        # Non-blocking, so that only bytes that have arrived already are seen.
        wire.settimeout(0.0)
        try:
            more = framing.fp.peek(1)
        except (OSError, ValueError):
            more = b""
        finally:
            wire.settimeout(patience)
        if more.strip():
            raise Cut("more bytes came than its Content-Length says")

    def _cut(self, why: str) -> RetryLater:
        return RetryLater(f"{self.name}: the body was cut off after {self.received_bytes} bytes: {why}")
