"""Puts blocks of rows into a body: as lines, or as the list of a JSON page. A cut within the rows ends the body."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.faults.rows import CleanCut, Cut, Gone, Last
from sandbox.http.message import Hangup
from sandbox.rows import Block

_PLAIN = {bytes}


def as_lines(blocks: Iterator[Block], *, newline: bytes = b"\n", is_last_ended: bool = True) -> Iterator[bytes]:
    """Rows as lines. The last line ends in a newline unless `is_last_ended` is false."""
    is_first = True
    for block in blocks:
        rows, mark = _until_mark(block.rows)
        if rows:
            yield (b"" if is_first else newline) + newline.join(rows)
            is_first = False
        if mark is not None:
            yield from _end_body(mark, b"" if is_first else newline, newline)
            return
    if is_last_ended and not is_first:
        yield newline


def _end_body(mark: bytes, before: bytes, newline: bytes) -> Iterator[bytes]:
    if isinstance(mark, Cut):
        yield before + mark
        if not isinstance(mark, CleanCut):
            raise Hangup
    else:
        yield before + mark + newline


def as_list(before: bytes, blocks: Iterator[Block], after: bytes) -> Iterator[bytes]:
    """Rows as a JSON list without its brackets, between `before` and `after`."""
    lead = before
    for block in blocks:
        rows, mark = _until_mark(block.rows)
        if rows:
            yield lead + b",".join(rows)
            lead = b","
        if mark is not None:
            yield from _end_body(mark, lead if mark else b"", b"")
            return
    yield (before if lead is before else b"") + after


def _until_mark(rows: list[bytes]) -> tuple[list[bytes], bytes | None]:
    """The rows to send, and the one that ends the body, if any."""
    # So it is for almost every block, and the check runs in C.
    if set(map(type, rows)) <= _PLAIN:
        return rows, None
    sent: list[bytes] = []
    for row in rows:
        if isinstance(row, (Cut, Last)):
            return sent, row
        if not isinstance(row, Gone):
            sent.append(row)
    return sent, None
