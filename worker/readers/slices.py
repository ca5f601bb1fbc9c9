"""Cuts a response into slices of bounded size, whatever the sizes of its chunks, and drops the byte order mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

SLICE_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"


def slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes without the byte order mark, in slices that are not empty."""
    for chunk in without_bom(chunks):
        yield from slice_text(chunk)


def slice_text(text: bytes) -> Iterator[bytes]:
    """One text in slices."""
    return (text[start : start + SLICE_BYTES] for start in range(0, len(text), SLICE_BYTES))


def without_bom(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same chunks without the byte order marks (UTF-8) with which some vendors begin a file: one, as a rule."""
    start = b""
    chunks = iter(chunks)
    for chunk in chunks:
        start += chunk
        while start.startswith(_BOM):
            start = start.removeprefix(_BOM)
        if not _BOM.startswith(start):
            break
    if start:
        yield start
    yield from (chunk for chunk in chunks if chunk)
