"""Faults in single rows, in the order in which they take effect. Row numbers count from 1 over the whole report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from sandbox.faults.kind import JSON_ROLES, ROW_ROLES, Arg, Args, Edit, Kinds, Role, choice
from sandbox.rows import Block

ROWS = Kinds()
_ONE_OR_ALL = Arg(int, None)
_FIRST = Arg(int, 1)
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
    """Change row `number`, or every row if it is None; a header is not a row."""
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


def row_edit(where: frozenset[Role], /, **args: Arg) -> Callable[[Callable[[bytes, Args], bytes]], Edit]:
    """Declare a fault that changes rows one by one: the one that argument `row` names, all of them without it."""

    def declare(change: Callable[[bytes, Args], bytes]) -> Edit:
        def edit(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
            return each(blocks, args.get("row"), lambda row: change(row, args))

        edit.__name__, edit.__doc__ = change.__name__, change.__doc__
        return ROWS.edit(where, **args)(edit)

    return declare


@row_edit(JSON_ROLES, column=Arg(str), row=_ONE_OR_ALL)
def drop_column(row: bytes, args: Args) -> bytes:
    """Rows lack this column."""
    pair = re.escape(json.dumps(args["column"], ensure_ascii=False).encode()) + b":" + _VALUE
    return re.sub(pair + rb",|,?" + pair, b"", row, count=1)


@row_edit(JSON_ROLES, column=Arg(str, "media_delivery_sum"), value=Arg(object, "2281"), row=_ONE_OR_ALL)
def extra_column(row: bytes, args: Args) -> bytes:
    """Rows have a column nobody asked for."""
    pair = json.dumps(args["column"], ensure_ascii=False) + ":" + json.dumps(args["value"], ensure_ascii=False)
    return row[:-1] + (b"," if len(row) > 2 else b"") + pair.encode() + b"}"


@row_edit(JSON_ROLES, column=Arg(str), row=_ONE_OR_ALL)
def null_column(row: bytes, args: Args) -> bytes:
    """The column is null."""
    return _set(row, args["column"], b"null")


@row_edit(JSON_ROLES, column=Arg(str), text=Arg(str), row=_ONE_OR_ALL)
def set_value(row: bytes, args: Args) -> bytes:
    """The column holds this text, put into the JSON as it stands."""
    return _set(row, args["column"], args["text"].encode())


@row_edit(JSON_ROLES, row=_FIRST)
def duplicate_key(row: bytes, _args: Args) -> bytes:
    """A key stands twice in the row; the last one is right."""
    found = _PAIR.search(row)
    return row if found is None else row[:1] + row[found.start() : found.start(1)] + b'"overruled",' + row[1:]


@row_edit(JSON_ROLES, row=_FIRST)
def nan(row: bytes, _args: Args) -> bytes:
    """A value of this row is NaN, which JSON does not have."""
    return _set(row, None, b"NaN")


@row_edit(JSON_ROLES)
def escaped_text(row: bytes, _args: Args) -> bytes:
    """Text beyond ASCII stands in escapes."""
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], row.decode()).encode()


@row_edit(JSON_ROLES, row=_FIRST, depth=Arg(int, 10_000))
def deep_row(row: bytes, args: Args) -> bytes:
    """One value of this row is nested so deep."""
    return _set(row, None, b"[" * args["depth"] + b"]" * args["depth"])


@row_edit(ROW_ROLES, row=_FIRST, megabytes=Arg(float, 20.0))
def big_row(row: bytes, args: Args) -> bytes:
    """One value of this row is this many megabytes long."""
    padding = b"x" * int(args["megabytes"] * 1_000_000)
    return _set(row, None, b'"' + padding + b'"') if row[:1] == b"{" else padding + row


@row_edit(JSON_ROLES, row=_FIRST)
def invalid_json(row: bytes, _args: Args) -> bytes:
    """This row is no JSON."""
    return row.replace(b":", b"=", 1)


@row_edit(ROW_ROLES, row=_FIRST)
def invalid_utf8(row: bytes, _args: Args) -> bytes:
    """This row holds bytes that are not UTF-8."""
    return _set(row, None, b'"\xff\xfe"') if row[:1] == b"{" else b"\xff\xfe" + row


@row_edit(JSON_ROLES)
def pretty_rows(row: bytes, _args: Args) -> bytes:
    """Rows are spread over several lines."""
    body = _PAIR.sub(lambda pair: b"\n  " + pair[0].replace(b'":', b'": ', 1), row)
    return body[:-1] + b"\n" + body[-1:] if row[-1:] == b"}" else body


@row_edit(ROW_ROLES, row=Arg(int), text=Arg(str))
def replace_row(_row: bytes, args: Args) -> bytes:
    """Sends this text in place of the row."""
    return bytes(args["text"].encode())


@row_edit(ROW_ROLES, row=Arg(int))
def drop_row(_row: bytes, _args: Args) -> bytes:
    """Leaves this row away; counts still include it."""
    return Gone()


@row_edit(ROW_ROLES, row=Arg(int), clean=Arg(bool, False))
def cut_in_row(row: bytes, args: Args) -> bytes:
    """Ends the body in the middle of this row. `clean` ends it as if it were whole."""
    return (CleanCut if args["clean"] else Cut)(row[: len(row) // 2])


@ROWS.edit(ROW_ROLES, row=Arg(int), clean=Arg(bool, False))
def cut_after_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Ends the body right after this row, between two rows. `clean` ends it as if it were whole."""
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
    # A body that ends with this very row is cut as well: the end it promised does not come.
    if reached == row:
        yield Block(row + 1, [kind(b"")])


ROWS.switch(
    "numbers",
    JSON_ROLES,
    "How numbers are written: as `numbers`, as `strings`, `mixed` from row to row, with some `null` or `empty`, "
    "ids `unquoted` (Rokt), or decimals `long` beyond what a double holds.",
    style=choice("numbers", "strings", "mixed", "null", "empty", "unquoted", "long"),
)
