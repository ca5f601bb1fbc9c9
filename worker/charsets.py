"""Maps character sets, as vendors and source files name them, to Python's codecs."""

from __future__ import annotations

import codecs
from email.message import Message

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

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
LONGEST_MARK_BYTES = max(map(len, _MARKS))


def codec_of(name: str) -> str | None:
    """The name of Python's codec for a character set; None if Python has no text codec for it."""
    try:
        "".encode(name)
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return {"utf-16": "utf-16-le", "utf-32": "utf-32-le", **_SUPERSETS}.get(codec, codec)


def codec_by_mark(start: bytes) -> str | None:
    """The codec by the byte order mark; None if the text does not begin with one."""
    # UTF-32 is tried before UTF-16: the mark of UTF-16 little-endian is the beginning of that of UTF-32.
    return next((codec for mark, codec in _MARKS.items() if start.startswith(mark)), None)


def charset_in(content_type: str) -> str | None:
    """The character set a Content-Type states, in lower case."""
    header = Message()
    header["Content-Type"] = content_type
    return header.get_content_charset()
