"""Faults that only rows of a CSV file can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sandbox.faults import Args
from sandbox.row_edits import Edit, each
from sandbox.rows import Block

_DECIMAL = re.compile(rb"(?<![^,;\t|])(\d+)\.(\d+)(?![^,;\t|])")
_COUNT = re.compile(rb"(?<![^,;\t|])(\d{1,3})(\d{3})(?![^,;\t|])")

_AS_PEOPLE_WRITE: dict[str, Callable[[bytes], bytes]] = {
    "thousands": lambda row: _COUNT.sub(rb'"\1,\2"', row),
    "comma": lambda row: _DECIMAL.sub(rb'"\1,\2"', row),
    "percent": lambda row: _DECIMAL.sub(rb"\1.\2%", row),
}


def csv_numbers(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Numbers with marks in them."""
    return each(blocks, None, _AS_PEOPLE_WRITE[args["style"]])


def csv_newlines(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """The first value of a row gets newlines, inside quotes."""
    mark = args["delimiter"]
    value = re.compile(rb'"((?:[^"]|"")*)"|([^%b]*)' % re.escape(mark))

    def change(row: bytes) -> bytes:
        found = value.match(row)
        end = found.end() if found else 0
        plain = (found[1] or found[2] or b"") if found else b""
        return b'"' + plain + b'\nsecond line\r\nthird line"' + row[end:]

    return each(blocks, args["row"], change)


def csv_width(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """A row too wide, or too narrow."""
    mark, by = args["delimiter"], args["by"]
    if by >= 0:
        return each(blocks, args["row"], lambda row: row + (mark + b"extra") * by)
    return each(blocks, args["row"], lambda row: mark.join(row.split(mark)[:by]))


CSV_EDITS: dict[str, Edit] = {"csv_numbers": csv_numbers, "csv_newlines": csv_newlines, "csv_width": csv_width}
