"""Faults in single rows, first those of CSV files only; in the order in which they take effect.

Row numbers count from 1 over the whole report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Set
from typing import TYPE_CHECKING, Any, Literal

from sandbox.faults.kind import JSON_ROLES, ROW_ROLES, Kinds, Role
from sandbox.rows import Block, CleanCut, Cut, Gone

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

FILES = Kinds()
ROWS = Kinds()
_STRING = rb'"(?:[^"\\]|\\.)*"'
_VALUE = rb"(" + _STRING + rb"|[^,}\]]+)"
_PAIR = re.compile(_STRING + rb":" + _VALUE)
CSV: set[Role] = {"csv"}
_DECIMAL = re.compile(rb"(?<![^,;\t|])(\d+)\.(\d+)(?![^,;\t|])")
_COUNT = re.compile(rb"(?<![^,;\t|])(\d{1,3})(\d{3})(?![^,;\t|])")

_AS_PEOPLE_WRITE: dict[str, Callable[[bytes], bytes]] = {
    "thousands": lambda row: _COUNT.sub(rb'"\1,\2"', row),
    "comma": lambda row: _DECIMAL.sub(rb'"\1,\2"', row),
    "percent": lambda row: _DECIMAL.sub(rb"\1.\2%", row),
}


def change_rows(blocks: Iterator[Block], number: int | None, change: Callable[[bytes], bytes]) -> Iterator[Block]:
    """Change row `number`, or every row if it is None; a header is not a row."""
    for block in blocks:
        place = None if number is None else number - block.first
        if block.first == 0:
            yield block
        elif place is None:
            yield Block(block.first, [change(row) for row in block.rows])
        elif 0 <= place < len(block.rows):
            yield Block(block.first, [*block.rows[:place], change(block.rows[place]), *block.rows[place + 1 :]])
        else:
            yield block


@FILES.edit(CSV)
def csv_numbers(
    blocks: Iterator[Block], _exchange: Exchange, *, style: Literal["thousands", "comma", "percent"]
) -> Iterator[Block]:
    """Numbers are formatted for people: with `thousands` separators, a decimal `comma`, or `percent` signs."""
    return change_rows(blocks, None, _AS_PEOPLE_WRITE[style])


@FILES.edit(CSV)
def csv_newlines(blocks: Iterator[Block], exchange: Exchange, *, row: int = 1) -> Iterator[Block]:
    """A quoted value of this row contains newlines."""
    first_value = re.compile(rb'"((?:[^"]|"")*)"|([^%b]*)' % re.escape(exchange.delimiter.encode()))

    def spread(found: re.Match[bytes]) -> bytes:
        return b'"' + (found[1] or found[2] or b"") + b'\nsecond line\r\nthird line"'

    return change_rows(blocks, row, lambda text: first_value.sub(spread, text, count=1))


@FILES.edit(CSV)
def csv_width(blocks: Iterator[Block], exchange: Exchange, *, row: int = 1, by: int = 1) -> Iterator[Block]:
    """This row has this many values more than the header, or fewer if negative."""
    mark = exchange.delimiter.encode()
    if by >= 0:
        return change_rows(blocks, row, lambda text: text + (mark + b"extra") * by)
    return change_rows(blocks, row, lambda text: mark.join(text.split(mark)[:by]))


FILES.switch("csv_delimiter", CSV, "Values are separated by another delimiter.", text=(Literal[";", "\t", "|"], ";"))
FILES.switch("csv_header", CSV, "The file has a header, or none, regardless of the request.", present=(bool, False))
FILES.switch("csv_empty", CSV, "The file has no rows, only a header or nothing at all.", header=(bool, True))
FILES.switch("csv_bom", CSV, "The file begins with a byte order mark.")


def _row_edit(roles: Set[Role], *, row: Any = (int, 1)) -> Callable[[Callable[..., bytes]], Callable[..., bytes]]:
    """Declare a fault that changes one row; `row` is the type and default of the argument that says which one."""

    def declare(change: Callable[..., bytes]) -> Callable[..., bytes]:
        def edit(blocks: Iterator[Block], _exchange: Exchange, *, row: int | None, **args: Any) -> Iterator[Block]:
            return change_rows(blocks, row, lambda text: change(text, **args))

        return ROWS.declare(change, roles, edit=edit, row=row)

    return declare


EVERY_OR_ONE = (int | None, None)


def _pair(column: str) -> bytes:
    """The pattern of a column and its value."""
    return re.escape(json.dumps(column, ensure_ascii=False).encode()) + b":" + _VALUE


def with_value(row: bytes, text: bytes, column: str | None = None) -> bytes:
    """The row with another value in this column, or in the first one; unchanged if there is no such column."""
    found = (_PAIR if column is None else re.compile(_pair(column))).search(row)
    return row if found is None else row[: found.start(1)] + text + row[found.end(1) :]


@_row_edit(JSON_ROLES, row=EVERY_OR_ONE)
def drop_column(row: bytes, *, column: str) -> bytes:
    """Rows lack this column."""
    return re.sub(_pair(column) + rb",|,?" + _pair(column), b"", row, count=1)


@_row_edit(JSON_ROLES, row=EVERY_OR_ONE)
def extra_column(row: bytes, *, column: str = "media_delivery_sum", value: Any = "2281") -> bytes:
    """Rows have a column that was not requested."""
    pair = json.dumps(column, ensure_ascii=False) + ":" + json.dumps(value, ensure_ascii=False)
    return row[:-1] + (b"," if len(row) > 2 else b"") + pair.encode() + b"}"


@_row_edit(JSON_ROLES, row=EVERY_OR_ONE)
def null_column(row: bytes, *, column: str) -> bytes:
    """The column is null."""
    return with_value(row, b"null", column)


@_row_edit(JSON_ROLES, row=EVERY_OR_ONE)
def set_value(row: bytes, *, column: str, text: str) -> bytes:
    """The column has this value, which is inserted into the JSON unchanged."""
    return with_value(row, text.encode(), column)


@_row_edit(JSON_ROLES)
def nan(row: bytes) -> bytes:
    """A value of this row is NaN, which JSON does not have."""
    return with_value(row, b"NaN")


@_row_edit(JSON_ROLES)
def deep_row(row: bytes, *, depth: int = 10_000) -> bytes:
    """One value of this row is nested this deep."""
    return with_value(row, b"[" * depth + b"]" * depth)


@_row_edit(ROW_ROLES)
def big_row(row: bytes, *, megabytes: float = 20.0) -> bytes:
    """One value of this row is this many megabytes long."""
    padding = b"x" * int(megabytes * 1_000_000)
    return with_value(row, b'"' + padding + b'"') if row[:1] == b"{" else padding + row


@_row_edit(JSON_ROLES)
def invalid_json(row: bytes) -> bytes:
    """This row is not valid JSON."""
    # Lines and brackets stay intact, so that only a parser notices it.
    return row.replace(b":", b"=", 1)


@_row_edit(ROW_ROLES)
def invalid_utf8(row: bytes) -> bytes:
    """This row contains bytes that are not valid UTF-8."""
    return with_value(row, b'"\xff\xfe"') if row[:1] == b"{" else b"\xff\xfe" + row


@_row_edit(JSON_ROLES, row=EVERY_OR_ONE)
def pretty_rows(row: bytes) -> bytes:
    """Rows are spread over several lines."""
    body = _PAIR.sub(lambda pair: b"\n  " + pair[0].replace(b'":', b'": ', 1), row)
    return body[:-1] + b"\n" + body[-1:] if row[-1:] == b"}" else body


@_row_edit(ROW_ROLES, row=int)
def replace_row(_row: bytes, *, text: str) -> bytes:
    """Sends this text in place of the row."""
    return text.encode()


@_row_edit(ROW_ROLES, row=int)
def drop_row(_row: bytes) -> bytes:
    """Leaves out this row; counts still include it."""
    return Gone()


@_row_edit(ROW_ROLES, row=int)
def cut_in_row(row: bytes, *, clean: bool = False) -> bytes:
    """Ends the body in the middle of this row. `clean` ends it as if it were complete."""
    return (CleanCut if clean else Cut)(row[: len(row) // 2])


@ROWS.edit(ROW_ROLES)
def cut_after_row(blocks: Iterator[Block], _exchange: Exchange, *, row: int, clean: bool = False) -> Iterator[Block]:
    """Ends the body right after this row, between two rows. `clean` ends it as if it were complete."""
    end = (CleanCut if clean else Cut)(b"")
    last_sent = None
    for block in blocks:
        left = row - block.first + 1
        if block.first and 0 <= left < len(block.rows):
            yield Block(block.first, [*block.rows[:left], end])
            return
        yield block
        if block.first:
            last_sent = block.first + len(block.rows) - 1
    # If this was the last row of the body, what follows the rows is still missing.
    if last_sent == row:
        yield Block(row + 1, [end])


ROWS.switch(
    "numbers",
    JSON_ROLES,
    "How numbers are written: as `numbers`, as `strings`, `mixed` from row to row, some of them `null` or `empty`, "
    "ids `unquoted` (Rokt), or decimals so `long` that a double cannot hold them.",
    style=Literal["numbers", "strings", "mixed", "null", "empty", "unquoted", "long"],
)
