"""Turns broken input into the error to raise: FailJob or RetryLater, with the row's number and the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.readers.limits import LARGEST_ROW_BYTES, LimitScanner
from worker.vendor_errors import one_line

RowKind = type[dict[str, Any]] | type[list[Any]]
"""What a row is: an object, or a list of values whose names are elsewhere on the page."""

_TELLING_BYTES = 400
"""How much text after the start of a fault is needed to find the reason and to quote it."""
_SHOWN_BYTES = 90
"""How much of the text before and after a fault is quoted."""


def too_large_error(row: int) -> FailJob:
    """The error for the row with this number, which is over the largest size."""
    return FailJob(f"row {row}: the row is larger than {LARGEST_ROW_BYTES // 1024 // 1024} MiB")


@dataclass
class Fault:
    """Text that is not a row; it begins where the last row ended.

    `is_cut`: the response ended in it. `is_whole`: it is one whole row, so no more text is needed to explain it.
    """

    left: bytes
    is_cut: bool = False
    is_whole: bool = False
    kind: RowKind = dict

    def extend(self, text: bytes) -> None:
        """Add the text that follows."""
        if not self.is_cut and not self.is_whole:
            self.left += text

    def read_on(self, texts: Iterator[bytes]) -> None:
        """Read a little further, so that the message is the same however the response was cut into chunks."""
        wanted = len(self.left) + _TELLING_BYTES
        while not (self.is_cut or self.is_whole) and len(self.left) < wanted:
            if (text := next(texts, None)) is None:
                break
            self.extend(text)

    def error(self, row: int) -> MillraceError:
        """The error to raise for the fault, in the row with this number."""
        if len(self.left) > LARGEST_ROW_BYTES:
            return too_large_error(row)
        if not self.is_cut:
            return _broken_error(self.left, row, self.kind)
        return RetryLater(f"row {row}: the response is cut off in this row")


def _broken_error(text: bytes, row: int, kind: RowKind) -> MillraceError:
    """The error for text that is not a row of this kind: FailJob if reading again cannot help, else RetryLater."""
    text = text.strip(b" \t\r\n")
    reason, at = _explain(text, kind)
    if reason is not None:
        shown = one_line(text.split(b"\n", 1)[0])
        return FailJob(f"row {row}: {reason}: {shown}")
    where = f" at byte {at + 1} of the row" if at else ""
    return RetryLater(f"row {row}: not valid JSON in UTF-8{where}: {_show(text, at)}", at_most=READ_AT_MOST)


def _show(text: bytes, at: int) -> str:
    """The text around this offset; a control character there, which would look like a blank, shows by its code."""
    before, wrong, after = text[max(0, at - _SHOWN_BYTES) : at], text[at : at + 1], text[at + 1 : at + _SHOWN_BYTES]
    if at > _SHOWN_BYTES:
        # The first bytes may be the end of a character.
        before = b"..." + before.lstrip(bytes(range(0x80, 0xC0)))
    return one_line(before + (b"\\x%02x" % wrong[0] if b"" < wrong < b" " else wrong) + after)


class _NotFiniteError(Exception):
    """The text has NaN or an infinity in place of a number."""


def _not_finite(name: str) -> NoReturn:
    raise _NotFiniteError(name)


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_not_finite)


def _explain(text: bytes, kind: RowKind) -> tuple[str | None, int]:
    """Why reading again cannot help, None if it might, because bytes are broken; and where: 0 if that is not known."""
    at = 0
    try:
        characters = text.decode()
    except UnicodeDecodeError as error:
        # Only what comes before the broken byte can be relied on.
        at = error.start
        characters = text[:at].decode()
    value: Any = kind()
    try:
        value, end = _DECODER.raw_decode(characters)
    except _NotFiniteError as constant:
        return f"{constant} is not a JSON number", at
    except RecursionError:
        end = len(characters)
    except json.JSONDecodeError as error:
        end = error.pos
        # If a string or the text ends at the broken byte, that is not a mistake of its own.
        if not at or (end < len(characters) and not error.msg.startswith("Unterminated")):
            at = len(characters[:end].encode())
    if reason := LimitScanner().feed(characters[:end].encode()):
        return reason, at
    if isinstance(value, kind):
        return None, at
    if kind is dict and isinstance(value, list):
        return "not a JSON object; for rows that are lists, `columns` of the format says where their names are", at
    return "not a JSON object" if kind is dict else "not a JSON list", at
