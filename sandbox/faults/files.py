"""Faults that only rows of a CSV file can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from sandbox.faults.kind import Kinds, Role
from sandbox.faults.rows import change_rows
from sandbox.rows import Block

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

FILES = Kinds()
CSV: set[Role] = {"csv"}
_DECIMAL = re.compile(rb"(?<![^,;\t|])(\d+)\.(\d+)(?![^,;\t|])")
_COUNT = re.compile(rb"(?<![^,;\t|])(\d{1,3})(\d{3})(?![^,;\t|])")

_AS_PEOPLE_WRITE: dict[str, Callable[[bytes], bytes]] = {
    "thousands": lambda row: _COUNT.sub(rb'"\1,\2"', row),
    "comma": lambda row: _DECIMAL.sub(rb'"\1,\2"', row),
    "percent": lambda row: _DECIMAL.sub(rb"\1.\2%", row),
}


@FILES.edit(CSV)
def csv_numbers(
    blocks: Iterator[Block], _exchange: Exchange, *, style: Literal["thousands", "comma", "percent"]
) -> Iterator[Block]:
    """Numbers as people write them: `thousands` marks, decimal `comma`, `percent` signs in rates."""
    return change_rows(blocks, None, _AS_PEOPLE_WRITE[style])


@FILES.edit(CSV)
def csv_newlines(blocks: Iterator[Block], exchange: Exchange, *, row: int = 1) -> Iterator[Block]:
    """A quoted value of this row holds newlines."""
    first_value = re.compile(rb'"((?:[^"]|"")*)"|([^%b]*)' % re.escape(exchange.delimiter.encode()))

    def spread(found: re.Match[bytes]) -> bytes:
        return b'"' + (found[1] or found[2] or b"") + b'\nsecond line\r\nthird line"'

    return change_rows(blocks, row, lambda text: first_value.sub(spread, text, count=1))


@FILES.edit(CSV)
def csv_width(blocks: Iterator[Block], exchange: Exchange, *, row: int = 1, by: int = 1) -> Iterator[Block]:
    """This row is wider than the header by so many values, or narrower if negative."""
    mark = exchange.delimiter.encode()
    if by >= 0:
        return change_rows(blocks, row, lambda text: text + (mark + b"extra") * by)
    return change_rows(blocks, row, lambda text: mark.join(text.split(mark)[:by]))


FILES.switch("csv_delimiter", CSV, "Another delimiter stands between values.", text=(Literal[";", "\t", "|"], ";"))
FILES.switch("csv_header", CSV, "There is a header, or none, whatever was asked for.", present=(bool, False))
FILES.switch("csv_empty", CSV, "The file has no rows, with a header or without.", header=(bool, True))
FILES.switch("csv_bom", CSV, "The file begins with a byte order mark.")
