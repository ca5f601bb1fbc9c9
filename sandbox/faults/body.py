"""Faults in the bytes of a body: compressed, broken, slowed, silent, cut, reset.

Those that compress come first, because the positions of cuts, resets and silences count the bytes that are sent.
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
    """Compresses the body and says so, as is allowed."""
    answer, compressor = ask(), _COMPRESSORS[encoding]()
    pieces = chain((compressor.compress(piece) for piece in answer.body), (compressor.flush() for _ in (0,)))
    return replace(answer, body=pieces, length=None, headers={**answer.headers, "Content-Encoding": encoding})


@BODIES.wrap()
def broken_compression(ask: Ask, exchange: Exchange, *, encoding: Encoding = "gzip", after_bytes: int = 20) -> Answer:
    """Compresses the body and spoils the compressed bytes from this one on."""

    def spoil(body: Iterable[bytes]) -> Iterator[bytes]:
        seen = 0
        for piece in body:
            sound = max(0, min(len(piece), after_bytes - seen))
            # Every byte after it is changed, so that no decoder finds its way back.
            yield piece[:sound] + bytes(byte ^ 0x5A for byte in piece[sound:])
            seen += len(piece)

    answer = compressed(ask, exchange, encoding=encoding)
    return replace(answer, body=spoil(answer.body))


@BODIES.wrap()
def bomb(ask: Ask, exchange: Exchange, *, megabytes: int = 200, encoding: Encoding = "gzip") -> Answer:
    """Compresses the body followed by this many megabytes of blanks."""
    answer = ask()
    filled = replace(answer, body=chain(answer.body, repeat(_BLANKS, megabytes)))
    return compressed(lambda: filled, exchange, encoding=encoding)


@BODIES.wrap()
def content_type(ask: Ask, _exchange: Exchange, *, value: str = "text/plain") -> Answer:
    """Names another content type."""
    answer = ask()
    return replace(answer, headers={**answer.headers, "Content-Type": value})


@BODIES.wrap()
def wrong_length(ask: Ask, _exchange: Exchange, *, by: int = 100) -> Answer:
    """Content-Length is off by this many bytes."""
    answer = ask()
    # Made whole first: otherwise its true length is not known.
    pieces = list(answer.body)
    return replace(answer, body=pieces, length=max(0, sum(map(len, pieces)) + by))


@BODIES.wrap()
def cut(ask: Ask, _exchange: Exchange, *, after_bytes: int, clean: bool = False) -> Answer:
    """Ends the body after this many bytes. `clean` ends it as if it were whole, else the connection closes early."""
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
    """Resets the connection once `after_bytes` of the body are sent (0: before the vendor is even asked)."""

    def hang_up() -> None:
        raise Hangup(is_reset=True)

    if not after_bytes:
        hang_up()
    answer = ask()
    return replace(answer, body=_act_after(answer.body, after_bytes, hang_up))


@BODIES.wrap()
def silence(ask: Ask, exchange: Exchange, *, seconds: float, after_bytes: int = 0) -> Answer:
    """Says nothing for this long once `after_bytes` of the body are sent (0: before the first byte), then goes on."""
    if not after_bytes:
        exchange.world.wait(seconds)
    answer = ask()
    if not after_bytes:
        return answer
    return replace(answer, body=_act_after(answer.body, after_bytes, lambda: exchange.world.wait(seconds)))


def _act_after(body: Iterable[bytes], after_bytes: int, act: Callable[[], None]) -> Iterator[bytes]:
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


@BODIES.wrap()
def throttle(ask: Ask, exchange: Exchange, *, bytes_per_second: int) -> Answer:
    """Sends the body no faster than this."""
    answer = ask()
    return replace(answer, body=slow_down(answer.body, bytes_per_second, exchange.world))


def slow_down(body: Iterable[bytes], bytes_per_second: int, world: World) -> Iterator[bytes]:
    """The body in small pieces, no faster than this."""
    size = max(1, bytes_per_second // _SLICES_PER_SECOND)
    for piece in body:
        for start in range(0, len(piece), size):
            part = piece[start : start + size]
            yield part
            world.wait(len(part) / bytes_per_second)


@BODIES.wrap()
def until_close(ask: Ask, _exchange: Exchange) -> Answer:
    """Sends neither length nor chunks: the body ends where the connection does."""
    return replace(ask(), until_close=True)
