"""Faults that only rows of a CSV file can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sandbox.faults.kind import Arg, Args, Kinds, choice, roles
from sandbox.faults.rows import each
from sandbox.rows import Block

FILES = Kinds()
_CSV = roles("csv")
_DECIMAL = re.compile(rb"(?<![^,;\t|])(\d+)\.(\d+)(?![^,;\t|])")
_COUNT = re.compile(rb"(?<![^,;\t|])(\d{1,3})(\d{3})(?![^,;\t|])")

_AS_PEOPLE_WRITE: dict[str, Callable[[bytes], bytes]] = {
    "thousands": lambda row: _COUNT.sub(rb'"\1,\2"', row),
    "comma": lambda row: _DECIMAL.sub(rb'"\1,\2"', row),
    "percent": lambda row: _DECIMAL.sub(rb"\1.\2%", row),
}


@FILES.edit(_CSV, style=choice("thousands", "comma", "percent"))
def csv_numbers(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """Numbers as people write them: `thousands` marks, decimal `comma`, `percent` signs in rates."""
    return each(blocks, None, _AS_PEOPLE_WRITE[args["style"]])


@FILES.edit(_CSV, row=Arg(int, 1))
def csv_newlines(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """A quoted value of this row holds newlines."""
    mark = args["delimiter"]
    value = re.compile(rb'"((?:[^"]|"")*)"|([^%b]*)' % re.escape(mark))

    def change(row: bytes) -> bytes:
        found = value.match(row)
        end = found.end() if found else 0
        plain = (found[1] or found[2] or b"") if found else b""
        return b'"' + plain + b'\nsecond line\r\nthird line"' + row[end:]

    return each(blocks, args["row"], change)


@FILES.edit(_CSV, row=Arg(int, 1), by=Arg(int, 1))
def csv_width(blocks: Iterator[Block], args: Args) -> Iterator[Block]:
    """This row is wider than the header by so many values, or narrower if negative."""
    mark, by = args["delimiter"], args["by"]
    if by >= 0:
        return each(blocks, args["row"], lambda row: row + (mark + b"extra") * by)
    return each(blocks, args["row"], lambda row: mark.join(row.split(mark)[:by]))


FILES.switch(
    "csv_delimiter", _CSV, "Another delimiter stands between values.", text=choice(";", "\t", "|", default=";")
)
FILES.switch("csv_header", _CSV, "There is a header, or none, whatever was asked for.", present=Arg(bool, False))
FILES.switch("csv_empty", _CSV, "The file has no rows, with a header or without.", header=Arg(bool, True))
FILES.switch("csv_bom", _CSV, "The file begins with a byte order mark.")
