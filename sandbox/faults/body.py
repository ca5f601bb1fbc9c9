"""Faults in the bytes of a body: compressed, broken, slowed, silent, cut, reset."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, Protocol

import zstandard

from sandbox.faults.kind import EVERY_ROLE, Arg, Args, Kinds, choice
from sandbox.http.message import Answer, Hangup

_BLANKS = b" " * 1_000_000
_SLICES_PER_SECOND = 20


class _Compressor(Protocol):
    def compress(self, piece: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


_COMPRESSORS: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
    "deflate": lambda: zlib.compressobj(1),
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
}


def apply_body_faults(answer: Answer, faults: Mapping[str, Args], stopping: threading.Event) -> Answer:
    """The answer with every fault of its bytes; an answer without such a fault stays as it is."""
    body, length = iter(answer.body), answer.length
    # Compressed first, because the positions of cuts, resets and silences count the bytes that are sent.
    encoding, body = _encode(body, faults)
    headers = dict(answer.headers)
    if encoding:
        headers["Content-Encoding"] = encoding
        length = None
    if fault := faults.get("content_type"):
        headers["Content-Type"] = fault["value"]
    if fault := faults.get("wrong_length"):
        pieces = list(body)
        body, length = iter(pieces), max(0, sum(map(len, pieces)) + fault["by"])
    if (fault := faults.get("cut")) and fault["clean"]:
        body, length = _cut(body, fault["after_bytes"], is_clean=True), None
    elif fault:
        body = _cut(body, fault["after_bytes"], is_clean=False)
    # At 0 bytes these two happen before the answer (`answers.py`).
    if (fault := faults.get("reset")) and fault["after_bytes"]:
        body = _act_after(body, fault["after_bytes"], _reset)
    if (fault := faults.get("silence")) and fault["after_bytes"]:
        seconds = fault["seconds"]
        body = _act_after(body, fault["after_bytes"], lambda: _wait(stopping, seconds))
    if fault := faults.get("throttle"):
        body = throttle(body, fault["bytes_per_second"], stopping)
    return Answer(answer.status, body, length, headers, answer.until_close or "until_close" in faults)


def _encode(body: Iterator[bytes], faults: Mapping[str, Args]) -> tuple[str, Iterator[bytes]]:
    for kind in ("compressed", "broken_compression", "bomb"):
        if fault := faults.get(kind):
            encoding = str(fault["encoding"])
            filled = chain(body, repeat(_BLANKS, fault["megabytes"])) if kind == "bomb" else body
            packed = _compress(filled, _COMPRESSORS[encoding]())
            return encoding, _break(packed, fault["after_bytes"]) if kind.startswith("broken") else packed
    return "", body


def _compress(body: Iterator[bytes], compressor: _Compressor) -> Iterator[bytes]:
    for piece in body:
        if packed := compressor.compress(piece):
            yield packed
    yield compressor.flush()


def _break(body: Iterator[bytes], after_bytes: int) -> Iterator[bytes]:
    seen = 0
    for piece in body:
        sound = max(0, min(len(piece), after_bytes - seen))
        # Every byte after it is changed, so that no decoder finds its way back.
        yield piece[:sound] + bytes(byte ^ 0x5A for byte in piece[sound:])
        seen += len(piece)


def _cut(body: Iterator[bytes], after_bytes: int, *, is_clean: bool) -> Iterator[bytes]:
    left = after_bytes
    for piece in body:
        if len(piece) > left:
            yield piece[:left]
            if not is_clean:
                raise Hangup
            return
        left -= len(piece)
        yield piece


def _act_after(body: Iterator[bytes], after_bytes: int, act: Callable[[], None]) -> Iterator[bytes]:
    """The body; after so many bytes, or at its end, `act` is called once."""
    left, is_done = after_bytes, False
    for piece in body:
        if not is_done and len(piece) > left:
            yield piece[:left]
            act()
            is_done = True
            yield piece[left:]
        else:
            left -= len(piece)
            yield piece
    if not is_done:
        act()


def _reset() -> None:
    raise Hangup(is_reset=True)


def _wait(stopping: threading.Event, seconds: float) -> None:
    if stopping.wait(seconds):
        raise Hangup


def throttle(body: Iterator[bytes], bytes_per_second: int, stopping: threading.Event) -> Iterator[bytes]:
    """The body in small pieces, no faster than this."""
    size = max(1, bytes_per_second // _SLICES_PER_SECOND)
    for piece in body:
        for start in range(0, len(piece), size):
            part = piece[start : start + size]
            yield part
            _wait(stopping, len(part) / bytes_per_second)


_ENCODING = choice("gzip", "zstd", "deflate", default="gzip")

BODIES = Kinds()
BODIES.switch(
    "cut",
    EVERY_ROLE,
    "Ends the body after this many bytes. `clean` ends it as if it were whole, else the connection closes early.",
    after_bytes=Arg(int),
    clean=Arg(bool, False),
)
BODIES.switch("throttle", EVERY_ROLE, "Sends the body no faster than this.", bytes_per_second=Arg(int))
BODIES.switch("content_type", EVERY_ROLE, "Names another content type.", value=Arg(str, "text/plain"))
BODIES.switch("wrong_length", EVERY_ROLE, "Content-Length is off by this many bytes.", by=Arg(int, 100))
BODIES.switch("until_close", EVERY_ROLE, "Sends neither length nor chunks: the body ends where the connection does.")
BODIES.switch(
    "compressed",
    EVERY_ROLE,
    "Compresses the body and says so, as is allowed.",
    encoding=_ENCODING,
)
BODIES.switch(
    "broken_compression",
    EVERY_ROLE,
    "Compresses the body and spoils the compressed bytes from this one on.",
    encoding=_ENCODING,
    after_bytes=Arg(int, 20),
)
BODIES.switch(
    "bomb",
    EVERY_ROLE,
    "Compresses the body followed by this many megabytes of blanks.",
    megabytes=Arg(int, 200),
    encoding=_ENCODING,
)
