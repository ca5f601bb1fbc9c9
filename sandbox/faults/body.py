"""Faults in the bytes of a body: compression, damage, delays, cuts and resets.

Compression comes first, because the positions of cuts, resets and silences count the bytes on the wire.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Literal

import zstandard

from sandbox.faults.answers import Ask
from sandbox.faults.kind import Kinds
from sandbox.http.message import Answer, Hangup

if TYPE_CHECKING:
    from sandbox.exchange import Exchange, World

BODIES = Kinds()
_BLANKS = b" " * 1_000_000
_SLICES_PER_SECOND = 20

Encoding = Literal["gzip", "zstd", "deflate"]
_COMPRESSORS: dict[Encoding, Callable[[], Any]] = {
    "gzip": lambda: zlib.compressobj(1, zlib.DEFLATED, 31),
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "deflate": lambda: zlib.compressobj(1),
}


@BODIES.wrap()
def compressed(ask: Ask, _exchange: Exchange, *, encoding: Encoding = "gzip") -> Answer:
    """Compresses the body and says so in Content-Encoding, which is allowed."""
    answer, compressor = ask(), _COMPRESSORS[encoding]()
    pieces = chain((compressor.compress(piece) for piece in answer.body), (compressor.flush() for _ in (0,)))
    return replace(answer, body=pieces, length=None, headers={**answer.headers, "Content-Encoding": encoding})


@BODIES.wrap()
def broken_compression(ask: Ask, exchange: Exchange, *, encoding: Encoding = "gzip", after_bytes: int = 20) -> Answer:
    """Compresses the body and damages all compressed bytes after this many."""

    def damage(body: Iterable[bytes]) -> Iterator[bytes]:
        seen = 0
        for piece in body:
            sound = max(0, min(len(piece), after_bytes - seen))
            # All later bytes are changed, so that no decoder can recover.
            yield piece[:sound] + bytes(byte ^ 0x5A for byte in piece[sound:])
            seen += len(piece)

    answer = compressed(ask, exchange, encoding=encoding)
    return replace(answer, body=damage(answer.body))


@BODIES.wrap()
def bomb(ask: Ask, exchange: Exchange, *, megabytes: int = 200, encoding: Encoding = "gzip") -> Answer:
    """Compresses the body followed by this many megabytes of blanks."""
    answer = ask()
    filled = replace(answer, body=chain(answer.body, repeat(_BLANKS, megabytes)))
    return compressed(lambda: filled, exchange, encoding=encoding)


@BODIES.wrap()
def content_type(ask: Ask, _exchange: Exchange, *, value: str = "text/plain") -> Answer:
    """States another content type."""
    answer = ask()
    return replace(answer, headers={**answer.headers, "Content-Type": value})


@BODIES.wrap()
def wrong_length(ask: Ask, _exchange: Exchange, *, by: int = 100) -> Answer:
    """Content-Length is off by this many bytes."""
    answer = ask()
    # The whole body is made first, because its true length must be known.
    pieces = list(answer.body)
    return replace(answer, body=pieces, length=max(0, sum(map(len, pieces)) + by))


@BODIES.wrap()
def cut(ask: Ask, _exchange: Exchange, *, after_bytes: int, clean: bool = False) -> Answer:
    """Ends the body after this many bytes. `clean` ends it as if it were complete, else the connection closes early."""
    answer = ask()

    def pieces() -> Iterator[bytes]:
        left = after_bytes
        for piece in answer.body:
            if len(piece) > left:
                yield piece[:left]
                if not clean:
                    raise Hangup
                return
            left -= len(piece)
            yield piece

    return replace(answer, body=pieces(), length=None if clean else answer.length)


@BODIES.wrap()
def reset(ask: Ask, _exchange: Exchange, *, after_bytes: int = 0) -> Answer:
    """Resets the connection after `after_bytes` of the body (0: before the vendor gets the request)."""

    def hang_up() -> None:
        raise Hangup(is_reset=True)

    if not after_bytes:
        hang_up()
    answer = ask()
    return replace(answer, body=_act_after(answer.body, after_bytes, hang_up))


@BODIES.wrap()
def silence(ask: Ask, exchange: Exchange, *, seconds: float, after_bytes: int = 0) -> Answer:
    """Sends nothing for this long after `after_bytes` of the body (0: before the first byte), then continues."""
    if not after_bytes:
        exchange.world.wait(seconds)
    answer = ask()
    if not after_bytes:
        return answer
    return replace(answer, body=_act_after(answer.body, after_bytes, lambda: exchange.world.wait(seconds)))


def _act_after(body: Iterable[bytes], after_bytes: int, act: Callable[[], None]) -> Iterator[bytes]:
    """Yield the body, and call `act` once: after this many bytes, or at the end of a shorter body."""
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


@BODIES.wrap()
def throttle(ask: Ask, exchange: Exchange, *, bytes_per_second: int) -> Answer:
    """Sends the body at most this fast."""
    answer = ask()
    return replace(answer, body=slow_down(answer.body, bytes_per_second, exchange.world))


def slow_down(body: Iterable[bytes], bytes_per_second: int, world: World) -> Iterator[bytes]:
    """Yield the body in small pieces, at most this fast."""
    size = max(1, bytes_per_second // _SLICES_PER_SECOND)
    for piece in body:
        for start in range(0, len(piece), size):
            part = piece[start : start + size]
            yield part
            world.wait(len(part) / bytes_per_second)


@BODIES.wrap()
def until_close(ask: Ask, _exchange: Exchange) -> Answer:
    """Sends neither length nor chunks: the body ends when the connection closes."""
    return replace(ask(), until_close=True)
