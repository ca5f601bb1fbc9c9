"""Faults in single rows.

An edit takes blocks of rows and gives blocks of rows; edits apply in the table's order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.faults import Args
from sandbox.rows import Block

Edit = Callable[[Iterator[Block], Args], Iterator[Block]]

_STRING = rb'"(?:[^"\\]|\\.)*"'
_VALUE = rb"(" + _STRING + rb"|[^,}\]]+)"
_PAIR = re.compile(_STRING + rb":" + _VALUE)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


class Cut(bytes):
    """The body ends with these bytes, and the connection with it."""


class CleanCut(Cut):
    """The body ends with these bytes, as if it were whole."""


class Last(bytes):
    """This row is the last, and the body ends as it should."""


class Gone(bytes):
    """A row that is not sent."""


def each(blocks: Iterator[Block], number: int | None, change: Callable[[bytes], bytes]) -> Iterator[Block]:
    """Change row `number`, or every row where it is None; a header is none."""
    for block in blocks:
        if block.first == 0:
            yield block
        elif number is None:
            yield Block(block.first, [change(row) for row in block.rows])
        elif block.first <= number < block.first + len(block.rows):
            place = number - block.first
            yield Block(block.first, [*block.rows[:place], change(block.rows[place]), *block.rows[place + 1 :]])
        else:
            yield block


def _set(row: bytes, column: str | None, text: bytes) -> bytes:
    """The row with another value in the column or the first one; unchanged without one."""
    name = re.compile(re.escape(json.dumps(column, ensure_ascii=False).encode()) + b":" + _VALUE)
    found = (_PAIR if column is None else name).search(row)
    return row if found is None else row[: found.start(1)] + text + row[found.end(1) :]


def _without(row: bytes, column: str) -> bytes:
    name = re.escape(json.dumps(column, ensure_ascii=False).encode()) + b":" + _VALUE
    return re.sub(name + rb",|,?" + name, b"", row, count=1)


def _with(row: bytes, column: str, value: Any) -> bytes:
    pair = json.dumps(column, ensure_ascii=False) + ":" + json.dumps(value, ensure_ascii=False)
    return row[:-1] + (b"," if len(row) > 2 else b"") + pair.encode() + b"}"


def _twice(row: bytes) -> bytes:
    found = _PAIR.search(row)
    return row if found is None else row[:1] + row[found.start() : found.start(1)] + b'"overruled",' + row[1:]


def _big(row: bytes, megabytes: float) -> bytes:
    padding = b"x" * int(megabytes * 1_000_000)
    return _set(row, None, b'"' + padding + b'"') if row[:1] == b"{" else padding + row


def _pretty(row: bytes) -> bytes:
    body = _PAIR.sub(lambda pair: b"\n  " + pair[0].replace(b'":', b'": ', 1), row)
    return body[:-1] + b"\n" + body[-1:] if row[-1:] == b"}" else body


def _escaped(row: bytes) -> bytes:
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], row.decode()).encode()


def _invalid_utf8(row: bytes) -> bytes:
    if row[:1] != b"{":
        return b"\xff\xfe" + row
    return _set(row, None, b'"\xff\xfe"')


def drop_column(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Rows without the column."""
    return each(blocks, args["row"], lambda row: _without(row, args["column"]))


def extra_column(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Rows with one column more."""
    return each(blocks, args["row"], lambda row: _with(row, args["column"], args["value"]))


def set_value(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Another value in the column, put there as it stands."""
    return each(blocks, args["row"], lambda row: _set(row, args["column"], args["text"].encode()))


def null_column(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """null in the column."""
    return each(blocks, args["row"], lambda row: _set(row, args["column"], b"null"))


def deep_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """A value nested many times."""
    nest = b"[" * args["depth"] + b"]" * args["depth"]
    return each(blocks, args["row"], lambda row: _set(row, None, nest))


def cut_in_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Half of the row is the end."""
    kind = CleanCut if args["clean"] else Cut
    return each(blocks, args["row"], lambda row: kind(row[: len(row) // 2]))


def cut_after_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Nothing comes after the row, where this body has it or begins right after it."""
    kind = CleanCut if args["clean"] else Cut
    row, reached = args["row"], None
    for block in blocks:
        left = row - block.first + 1
        if block.first == 0 or left < 0 or left >= len(block.rows):
            yield block
            reached = block.first + len(block.rows) - 1 if block.first else reached
        else:
            yield Block(block.first, [*block.rows[:left], kind(b"")])
            return
    if reached == row:
        yield Block(row + 1, [kind(b"")])


def crowd(rows: list[bytes], per_line: int) -> list[bytes]:
    """Rows put on a line together, so many at a time."""
    return [b" ".join(rows[place : place + per_line]) for place in range(0, len(rows), per_line)]


def _simple(change: Callable[[bytes], bytes]) -> Edit:
    return lambda blocks, args: each(blocks, args.get("row"), change)


ROW_EDITS: dict[str, Edit] = {
    "drop_column": drop_column,
    "extra_column": extra_column,
    "null_column": null_column,
    "set_value": set_value,
    "duplicate_key": _simple(_twice),
    "nan": _simple(lambda row: _set(row, None, b"NaN")),
    "escaped_text": _simple(_escaped),
    "deep_row": deep_row,
    "big_row": lambda blocks, args: each(blocks, args["row"], lambda row: _big(row, args["megabytes"])),
    "invalid_json": _simple(lambda row: row.replace(b":", b"=", 1)),
    "invalid_utf8": _simple(_invalid_utf8),
    "pretty_rows": _simple(_pretty),
    "replace_row": lambda blocks, args: each(blocks, args["row"], lambda _row: args["text"].encode()),
    "drop_row": _simple(lambda _row: Gone()),
    "cut_in_row": cut_in_row,
    "cut_after_row": cut_after_row,
}
