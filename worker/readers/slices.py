"""Cuts a response into slices of a bounded size, whatever the sizes of the chunks it came in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SLICE_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"


def slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without the byte order mark, none of the slices empty."""
    for chunk in without_bom(chunks):
        yield from slice_text(chunk)


def slice_text(text: bytes) -> Iterator[bytes]:
    """One text in slices."""
    return (text[start : start + SLICE_BYTES] for start in range(0, len(text), SLICE_BYTES))


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
