"""Maps character sets, as vendors and source files name them, to Python's codecs."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from email.message import Message
from itertools import chain

_SUPERSETS = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
"""What vendors mean when they name the smaller set; browsers decode it in the same way (WHATWG Encoding)."""

# Names that IANA or browsers know, but Python does not.
_OTHER_NAMES = {"windows-31j": "cp932", "x-sjis": "cp932", "x-gbk": "gb18030", "utf8mb4": "utf-8"}

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_LONGEST_MARK_BYTES = max(map(len, _MARKS))


def codec_of(name: str) -> str | None:
    """The name of Python's codec for a character set; None if Python has no text codec for it."""
    name = _OTHER_NAMES.get(name.strip().lower(), name)
    try:
        "".encode(name)
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le", **_SUPERSETS}.get(codec, codec)


class UndecodableError(Exception):
    """There are bytes that are not valid in this `codec`."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        super().__init__(f"not valid {codec.upper()}")


def decode(chunks: Iterable[bytes], codec: str, *, is_doubtful: bool = False) -> Iterator[str]:
    """Yield the text that each chunk completes. Raises UndecodableError, but yields what comes before the bytes first.

    If `is_doubtful`, the text is in UTF-8 if the first character beyond ASCII is, and only otherwise in that codec.
    """
    codec, other = ("utf-8", codec) if is_doubtful else (codec, None)
    decoder = codecs.getincrementaldecoder(codec)()
    chunks = filter(None, chunks)
    for chunk in chain(chunks, (b"",)):
        try:
            text = decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            if other is None or not before.isascii():
                yield before.decode(codec, "replace")
                raise UndecodableError(codec) from None
            yield from decode(chain((error.object,), chunks), other)
            return
        if text:
            yield text
        if not text.isascii():
            other = None


def find_mark(chunks: Iterable[bytes]) -> tuple[str | None, Iterator[bytes]]:
    """The codec by the byte order mark, None if the text does not begin with one; and all chunks, with the mark."""
    start, rest = b"", iter(chunks)
    for chunk in rest:
        start += chunk
        if len(start) >= _LONGEST_MARK_BYTES:
            break
    # UTF-32 is tried before UTF-16: the mark of UTF-16 little-endian is the beginning of that of UTF-32.
    codec = next((codec for mark, codec in _MARKS.items() if start.startswith(mark)), None)
    return codec, chain((start,), rest)


def charset_in(content_type: str) -> str | None:
    """The character set a Content-Type states, in lower case."""
    header = Message()
    header["Content-Type"] = content_type
    return header.get_content_charset()
