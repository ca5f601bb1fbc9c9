"""Decompresses a response while it arrives, with a limit on the compression ratio against decompression bombs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain

import zstandard
from zlib_ng import zlib_ng

from worker.errors import READ_AT_MOST, FailJob, RetryLater
from worker.unzip import PIECE_BYTES, BrokenZip, inflate, unzip

LARGEST_RATIOS = {"gzip": 200, "zstd": 2_000}
"""How many times as many bytes may be unpacked; for other compressions, as for gzip. Reports compress 10 to 60 times,
wide ones with hardly anything but zeros 140 times by gzip, 1,500 times by zstd; bombs reach 1,030 and 11,000 times."""
FREE_BYTES = 1024 * 1024
"""How much may be unpacked whatever the ratio is."""
MOST_LAYERS = 4

NO_PACKING = ("", "identity", "none", "binary", "utf-8", "aws-chunked")
"""Values of Content-Encoding that name no compression. Several object stores keep `aws-chunked`, which described how
an object was uploaded, and send it with the plain object; the others are mistakes that servers make."""
_PADDING = b"\0 \t\r\n"
"""What may follow a compressed body: zeros up to a block's size, or the line end that a PHP script prints after it."""

_ZSTD_STEP_BYTES = 512
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
_BROKEN: tuple[type[Exception], ...] = (
    zlib_ng.error,  # type: ignore[assignment]  # its stub calls it an instance
    zstandard.ZstdError,
    BrokenZip,
)
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_UNSUPPORTED = {
    **{b"BZh%d1AY&SY" % level: "compressed by bzip2" for level in range(1, 10)},
    b"\xfd7zXZ\0": "compressed by xz",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"PAR1\x15": "a Parquet file",
    b"Obj\x01": "an Avro file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook (XLS) or another Office document",
}
"""Kinds of files by their first bytes. No text begins so; otherwise they would be reported as a wrong encoding."""
_LONGEST_MAGIC_BYTES = max(map(len, (*_MAGIC, *_UNSUPPORTED)))

Unpacker = Callable[[Iterable[bytes]], Iterator[bytes]]


def unpack(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """Yield the decompressed bytes in pieces of up to 256 KB; `encoding` is the value of Content-Encoding.

    What begins like gzip, zstd or ZIP is unpacked even if that is not stated, such as a file that was compressed before
    it was sent. What is stated to be one of these, but does not begin like it, is taken as it is: some proxies unpack a
    body and leave the header. Raises RetryLater if a compression is broken or cut off; FailJob if it is unknown or not
    supported, if there are more than four layers, or if the result of a layer is too large compared with the bytes from
    the network.
    """
    # RFC 9110, 8.4.1: `x-gzip` and `x-compress` are other names for `gzip` and `compress`.
    names = [name.strip().lower().removeprefix("x-") for name in (encoding or "").split(",")]
    names = [name for name in reversed(names) if name not in NO_PACKING]
    packed = _Counted(chunks)
    unpacked: Iterator[bytes] = iter(packed)
    for layer in range(MOST_LAYERS + 1):
        name = stated = names.pop(0) if names else None
        if stated is None or stated in _MAGIC.values():
            name, unpacked = _recognize(unpacked, stated)
        if name is None and stated is None:
            break
        if name is None:
            continue
        if layer == MOST_LAYERS:
            raise FailJob(f"the response is compressed more than {MOST_LAYERS} times")
        unpacked = _unpack_layer(unpacked, name, packed)
    yield from unpacked


def _recognize(chunks: Iterator[bytes], stated: str | None) -> tuple[str | None, Iterator[bytes]]:
    """The compression by the first bytes, None if there is none; and all the bytes again.

    A body that is cut off within the first bytes of the `stated` compression counts as that one. Raises FailJob if they
    are those of a compression or file that is not supported.
    """
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= _LONGEST_MAGIC_BYTES:
            break
    if what := next((what for magic, what in _UNSUPPORTED.items() if start.startswith(magic)), None):
        raise FailJob(f"the response is {what}, which is not supported")
    if not start:
        return None, iter(())
    whole = (name for magic, name in _MAGIC.items() if start.startswith(magic))
    begun = (name for magic, name in _MAGIC.items() if name == stated and magic.startswith(start))
    name = next(chain(whole, begun), None)
    return name, chain((start,), chunks)


def _unpack_layer(chunks: Iterable[bytes], name: str, packed: _Counted) -> Iterator[bytes]:
    """Yield the bytes inside one layer. `packed` counts the bytes from the network."""
    if name not in _UNPACKERS:
        raise FailJob(f"the response is compressed by {name!r}, which is not one of {', '.join(_UNPACKERS)}")
    unpacked_bytes = 0
    largest_ratio = LARGEST_RATIOS.get(name, LARGEST_RATIOS["gzip"])
    try:
        for piece in _UNPACKERS[name](chunks):
            unpacked_bytes += len(piece)
            # Checked piece by piece, so that a bomb is noticed while it is still small.
            if unpacked_bytes > FREE_BYTES + largest_ratio * packed.bytes:
                raise FailJob(f"{packed.bytes} bytes of {name} unpack to more than {largest_ratio} times as many")
            if piece:
                yield piece
    except _BROKEN as error:
        raise RetryLater(f"broken {name} after {packed.bytes} bytes: {error}", at_most=READ_AT_MOST) from None
    except EOFError:
        raise RetryLater(f"the {name} is cut off after {packed.bytes} bytes", at_most=READ_AT_MOST) from None


class _Counted:
    """Iterates over chunks; `bytes` counts those taken so far."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.bytes = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.bytes += len(chunk)
            yield chunk


def _inflate(chunks: Iterable[bytes], *, is_gzip: bool) -> Iterator[bytes]:
    """Decompress gzip, any number of members one after another (RFC 1952, 2.2), or deflate."""
    unpacker = None
    padding = b""  # none comes before the first member; raw deflate may begin with a zero
    for chunk in chunks:
        left = chunk
        while left:
            if unpacker is None:
                left = left.lstrip(padding)
                if not left:
                    break
                # A zlib header has 8 in the lower half of its first byte. Anything else is raw deflate, which some
                # servers send under the same name.
                is_raw = not is_gzip and left[0] & 0x0F != 8
                window = zlib_ng.MAX_WBITS
                unpacker = zlib_ng.decompressobj(-window if is_raw else window | 16 * is_gzip)
            yield from inflate(unpacker, left)
            left = b""
            if unpacker.eof:
                left, unpacker, padding = unpacker.unused_data, None, _PADDING
    if unpacker is not None:
        raise EOFError


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress zstd, any number of frames one after another."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    unpacker = None
    for chunk in chunks:
        # In small steps, because zstd returns all that its input decompresses to at once: 128 KB for a few bytes.
        for start in range(0, len(chunk), _ZSTD_STEP_BYTES):
            left = chunk[start : start + _ZSTD_STEP_BYTES]
            while left:
                unpacker = unpacker or decompressor.decompressobj()
                piece = unpacker.decompress(left)
                yield from (piece[at : at + PIECE_BYTES] for at in range(0, len(piece), PIECE_BYTES))
                left = b""
                if unpacker.eof:
                    left, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise EOFError


_UNPACKERS: dict[str, Unpacker] = {
    "gzip": partial(_inflate, is_gzip=True),
    "deflate": partial(_inflate, is_gzip=False),
    "zstd": _unzstd,
    "zip": unzip,
}
