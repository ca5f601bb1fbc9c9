"""Faults in single rows, which apply in the order of `ROW_KINDS`. Row numbers count from 1 over the whole report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.faults.kind import JSON_ROLES, ROW_ROLES, Arg, Args, Edit, Kind, choice
from sandbox.rows import Block

_ONE_OR_ALL = Arg(int, None)
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


def big_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """A value of many megabytes."""
    padding = b"x" * int(args["megabytes"] * 1_000_000)
    return each(
        blocks,
        args["row"],
        lambda row: _set(row, None, b'"' + padding + b'"') if row[:1] == b"{" else padding + row,
    )


def replace_row(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Another text in place of the row."""
    return each(blocks, args["row"], lambda _row: args["text"].encode())


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


def _simple(change: Callable[[bytes], bytes]) -> Edit:
    return lambda blocks, args: each(blocks, args.get("row"), change)


ROW_KINDS: tuple[Kind, ...] = (
    Kind(
        "drop_column", JSON_ROLES, "Rows lack this column.", {"column": Arg(str), "row": _ONE_OR_ALL}, edit=drop_column
    ),
    Kind(
        "extra_column",
        JSON_ROLES,
        "Rows have a column nobody asked for.",
        {"column": Arg(str, "media_delivery_sum"), "value": Arg(object, "2281"), "row": _ONE_OR_ALL},
        edit=extra_column,
    ),
    Kind("null_column", JSON_ROLES, "The column is null.", {"column": Arg(str), "row": _ONE_OR_ALL}, edit=null_column),
    Kind(
        "set_value",
        JSON_ROLES,
        "The column holds this text, put into the JSON as it stands.",
        {"column": Arg(str), "text": Arg(str), "row": _ONE_OR_ALL},
        edit=set_value,
    ),
    Kind(
        "duplicate_key",
        JSON_ROLES,
        "A key stands twice in the row; the last one is right.",
        {"row": Arg(int, 1)},
        edit=_simple(_twice),
    ),
    Kind(
        "nan",
        JSON_ROLES,
        "A value of this row is NaN, which JSON does not have.",
        {"row": Arg(int, 1)},
        edit=_simple(lambda row: _set(row, None, b"NaN")),
    ),
    Kind("escaped_text", JSON_ROLES, "Text beyond ASCII stands in escapes.", edit=_simple(_escaped)),
    Kind(
        "deep_row",
        JSON_ROLES,
        "One value of this row is nested so deep.",
        {"row": Arg(int, 1), "depth": Arg(int, 10_000)},
        edit=deep_row,
    ),
    Kind(
        "big_row",
        ROW_ROLES,
        "One value of this row is this many megabytes long.",
        {"row": Arg(int, 1), "megabytes": Arg(float, 20.0)},
        edit=big_row,
    ),
    Kind(
        "invalid_json",
        JSON_ROLES,
        "This row is no JSON.",
        {"row": Arg(int, 1)},
        edit=_simple(lambda row: row.replace(b":", b"=", 1)),
    ),
    Kind(
        "invalid_utf8",
        ROW_ROLES,
        "This row holds bytes that are not UTF-8.",
        {"row": Arg(int, 1)},
        edit=_simple(_invalid_utf8),
    ),
    Kind("pretty_rows", JSON_ROLES, "Rows are spread over several lines.", edit=_simple(_pretty)),
    Kind(
        "replace_row",
        ROW_ROLES,
        "Sends this text in place of the row.",
        {"row": Arg(int), "text": Arg(str)},
        edit=replace_row,
    ),
    Kind(
        "drop_row",
        ROW_ROLES,
        "Leaves this row away; counts still include it.",
        {"row": Arg(int)},
        edit=_simple(lambda _row: Gone()),
    ),
    Kind(
        "cut_in_row",
        ROW_ROLES,
        "Ends the body in the middle of this row. `clean` ends it as if it were whole.",
        {"row": Arg(int), "clean": Arg(bool, False)},
        edit=cut_in_row,
    ),
    Kind(
        "cut_after_row",
        ROW_ROLES,
        "Ends the body right after this row, between two rows. `clean` ends it as if it were whole.",
        {"row": Arg(int), "clean": Arg(bool, False)},
        edit=cut_after_row,
    ),
    Kind(
        "numbers",
        JSON_ROLES,
        "How numbers are written: as `numbers`, as `strings`, `mixed` from row to row, with some `null` or `empty`, "
        "ids `unquoted` (Rokt), or decimals `long` beyond what a double holds.",
        {"style": choice("numbers", "strings", "mixed", "null", "empty", "unquoted", "long")},
    ),
)
