"""A response in slices of a bearable size, whatever the sizes of the chunks it came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SLICE_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"
# ijson's C parser needs stack for every open list: 100,000 in one slice would end the process.
_MANY_LISTS = 8 * 1024


def slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without the byte order mark, none of the slices empty."""
    for chunk in without_bom(chunks):
        yield from sliced(chunk)


def sliced(text: bytes) -> Iterator[bytes]:
    """One text in slices."""
    for start in range(0, len(text), SLICE_BYTES):
        piece = text[start : start + SLICE_BYTES]
        if b"[" not in piece or piece.count(b"[") < _MANY_LISTS:
            yield piece
            continue
        for at in range(0, len(piece), _MANY_LISTS):
            yield piece[at : at + _MANY_LISTS]


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Drop the byte order mark some vendors begin a file with."""
    start = b""
    chunks = iter(chunks)
    for chunk in chunks:
        start += chunk
        if len(start) >= len(_BOM) or not _BOM.startswith(start):
            break
    if start := start.removeprefix(_BOM):
        yield start
    yield from (chunk for chunk in chunks if chunk)
