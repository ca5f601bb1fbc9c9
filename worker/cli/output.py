"""Data on stdout, talk on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

PROSE_WIDTH = 30
GAP = 2

talk = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(orjson.dumps(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, wrapped: str | None = None) -> None:
    """A table on stdout; numbers stand to the right, nothing is cut.

    `wrapped` names a column of prose, which a terminal shows on several lines.
    """
    lines = [[_text(cell) for cell in row] for row in rows]
    cells = list(zip(columns, *lines, strict=True))
    widths = [max(map(cell_len, column)) for column in cells]
    is_right = [bool(column[1:]) and all(map(_is_number, column[1:])) for column in cells]
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        for line in (columns, *lines):
            click.echo((GAP * " ").join(map(_aligned, line, widths, is_right)).rstrip())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in zip(columns, is_right, strict=True):
        table.add_column(name, no_wrap=name != wrapped, overflow="fold", justify="right" if right else "left")
    for line in lines:
        table.add_row(*line)
    shown = [min(width, PROSE_WIDTH) if name == wrapped else width for name, width in zip(columns, widths, strict=True)]
    console.width = max(console.width, sum(shown) + GAP * len(shown))
    console.print(table, crop=False, soft_wrap=True)


def _aligned(cell: str, width: int, is_right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if is_right else cell + space


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(",", "").replace(".", "").removeprefix("-").isdecimal()


def _text(cell: object) -> str:
    """One line of text; whole numbers with commas, which tables of ids give as text."""
    if cell is None:
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return " ".join(str(cell).splitlines())
