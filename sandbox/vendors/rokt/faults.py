"""Faults of Rokt: the variants on which its documents and working clients disagree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Literal

from sandbox.faults.kind import Kinds, Role
from sandbox.faults.lines import before_every
from sandbox.faults.rows import change_rows, with_value
from sandbox.rows import Block

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

ROKT = Kinds("rokt")
_SINGLE: set[Role] = {"single"}

ROKT.switch(
    "envelope",
    _SINGLE,
    "The envelope of a legacy answer: `data` has a list or one row at data, `bare` is the list or the row itself.",
    shape=(Literal["data.items", "items", "data", "bare", "first_row"], "data.items"),
)
ROKT.switch(
    "comma_joined",
    _SINGLE,
    "Rows are joined by commas, without brackets or envelope, as in the documents' example of the histogram.",
)
ROKT.switch("audiences", _SINGLE, "The spelling of a column in the campaigns breakdown.", name=(str, "audiences"))


@ROKT.edit(_SINGLE)
def null_group(blocks: Iterator[Block], _exchange: Exchange) -> Iterator[Block]:
    """The first row's group (or campaign id) is null."""
    for column in ("groupByValue", "campaign_id"):
        blocks = change_rows(blocks, 1, partial(with_value, text=b"null", column=column))
    return blocks


@ROKT.edit(_SINGLE)
def blank_rows(blocks: Iterator[Block], _exchange: Exchange, *, text: Literal["[]", "{}"] = "[]") -> Iterator[Block]:
    """An empty row comes after every three rows."""
    return before_every(blocks, 3, text.encode())


ROKT.switch("no_rows_key", _SINGLE, "The answer has no `data` at all.")
ROKT.switch("round_cap", _SINGLE, "An answer never has more rows than this, and does not say so.", rows=(int, 100))
