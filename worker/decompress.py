"""Undoes a response's packing as it comes, with a bound on how much a few bytes may become."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator

import zstandard

from worker.errors import READ_AT_MOST, FailJob, RetryLater

LARGEST_RATIO = 200
FREE_BYTES = 1024 * 1024
"""Reports pack 10 to 60 times; gzip's most is 1,030. Unpacked bytes may be 200 times the packed ones and a MiB."""

_PIECE_BYTES = 256 * 1024
_ZSTD_STEP_BYTES = 512
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
_BROKEN = (zlib.error, zstandard.ZstdError)
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

Unpacker = Callable[[Iterable[bytes]], Iterator[bytes]]


def unpack(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """The bytes unpacked, in pieces of up to 256 KB; `encoding` as in Content-Encoding, several joined by commas.

    Without an encoding a file that begins like gzip or zstd is unpacked too. Raises RetryLater where the packing is
    broken or cut, FailJob where it is unknown or unpacks beyond the bound.
    """
    names = [name.strip().lower() for name in (encoding or "").split(",")]
    names = [name for name in reversed(names) if name not in ("", "identity")]
    if not names:
        return _by_magic(chunks)
    for name in names:
        chunks = _unpacked(chunks, name)
    return iter(chunks)


def _by_magic(chunks: Iterable[bytes]) -> Iterator[bytes]:
    start = b""
    rest = iter(chunks)
    for chunk in rest:
        start += chunk
        if len(start) >= max(map(len, _MAGIC)):
            break
    name = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    whole = _rejoined(start, rest)
    yield from whole if name is None else _unpacked(whole, name)


def _rejoined(start: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if start:
        yield start
    yield from rest


def _unpacked(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    if name not in _UNPACKERS:
        raise FailJob(f"the response is packed by {name!r}; known are {', '.join(_UNPACKERS)}")
    packed = _Counted(chunks)
    unpacked_bytes = 0
    try:
        for piece in _UNPACKERS[name](packed):
            unpacked_bytes += len(piece)
            if unpacked_bytes > FREE_BYTES + LARGEST_RATIO * packed.bytes:
                raise FailJob(f"{packed.bytes} bytes of {name} unpack to more than {LARGEST_RATIO} times as many")
            if piece:
                yield piece
    except _BROKEN as error:
        raise RetryLater(f"broken {name} after {packed.bytes} bytes: {error}", at_most=READ_AT_MOST) from None
    except EOFError:
        raise RetryLater(f"the {name} is cut after {packed.bytes} bytes", at_most=READ_AT_MOST) from None


class _Counted:
    """Chunks, and how many bytes of them were taken."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.bytes = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Any number of gzip members one after another."""
    return _inflate(chunks, lambda _: zlib.MAX_WBITS | 16)


def _deflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """zlib's format, or without its frame, as some servers send it."""
    return _inflate(chunks, lambda start: zlib.MAX_WBITS if start[0] & 0x0F == 8 else -zlib.MAX_WBITS)


def _inflate(chunks: Iterable[bytes], window: Callable[[bytes], int]) -> Iterator[bytes]:
    unpacker = None
    for chunk in chunks:
        left = chunk
        while left:
            if unpacker is None:
                # Zeros may pad what follows the last member.
                left = left.lstrip(b"\0")
                if not left:
                    break
                unpacker = zlib.decompressobj(window(left))
            yield from _drained(unpacker, left)
            left = b""
            if unpacker.eof:
                left, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise EOFError


def _drained(unpacker: zlib._Decompress, left: bytes) -> Iterator[bytes]:
    """All that these bytes unpack to, a piece at a time."""
    while True:
        piece = unpacker.decompress(left, _PIECE_BYTES)
        yield piece
        left = unpacker.unconsumed_tail
        # A full piece may leave output behind even where no input is left.
        if unpacker.eof or (not left and len(piece) < _PIECE_BYTES):
            return


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Any number of zstd frames one after another."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    unpacker = None
    for chunk in chunks:
        # A few bytes of zstd may become 128 KB, and it gives no less than all of it.
        for start in range(0, len(chunk), _ZSTD_STEP_BYTES):
            left = chunk[start : start + _ZSTD_STEP_BYTES]
            while left:
                unpacker = unpacker or decompressor.decompressobj()
                piece = unpacker.decompress(left)
                yield from (piece[at : at + _PIECE_BYTES] for at in range(0, len(piece), _PIECE_BYTES))
                left = b""
                if unpacker.eof:
                    left, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise EOFError


_UNPACKERS: dict[str, Unpacker] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _deflate, "zstd": _unzstd}
