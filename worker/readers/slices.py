"""Cuts JSON text into slices of bounded size, whatever the sizes of its chunks, and drops the byte order mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from worker.charsets import UndecodableError, codec_of, decode, find_mark
from worker.errors import READ_AT_MOST, RetryLater

SLICE_BYTES = 64 * 1024

_BOM = b"\xef\xbb\xbf"


def slices(chunks: Iterable[bytes], stated: str | None = None) -> Iterator[bytes]:
    """The same text in UTF-8 without the byte order mark, in slices that are not empty.

    `stated` is the character set of the response.
    """
    for chunk in without_bom(_in_utf8(chunks, stated)):
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


def _in_utf8(chunks: Iterable[bytes], stated: str | None) -> Iterator[bytes]:
    """The same text in UTF-8. A byte order mark decides, such as that of UTF-16, which Windows PowerShell writes.

    JSON is in UTF-8 (RFC 8259, 8.1), and many servers state another character set although it is. So a text is in the
    one that is stated only if its first character beyond ASCII is not in UTF-8, and in UTF-16 only if its first bytes
    are. At bytes that are not valid, raises RetryLater after the text before them.
    """
    marked, chunks = find_mark(chunks)
    start = next(chunks)
    certain = marked or _utf16_of(start)
    codec = certain or codec_of(stated or "utf-8") or "utf-8"
    chunks = chain((start,), chunks)
    if codec == "utf-8" or (certain is None and codec.startswith("utf-")):
        yield from chunks
        return
    try:
        yield from map(str.encode, decode(chunks, codec, is_doubtful=certain is None))
    except UndecodableError as error:
        raise RetryLater(f"the response is {error}", at_most=READ_AT_MOST) from None


def _utf16_of(start: bytes) -> str | None:
    """The codec of JSON in UTF-16 without a mark: one byte of its first character, which is in ASCII, is zero."""
    if start[:2].count(0) != 1:
        return None
    return "utf-16-be" if start[0] == 0 else "utf-16-le"
