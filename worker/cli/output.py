"""Prints data on stdout and messages to people on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

PROSE_WIDTH = 30
GAP = 2
NUMBER = re.compile(r"(-?[\d,.]*\d[\d,.]*)?")

talk = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(orjson.dumps(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, wrapped: str | None = None) -> None:
    """A table on stdout; numbers are right-aligned, nothing is cut off.

    `wrapped` names a column of prose, which a terminal shows on several lines.
    """
    lines = [[_format_cell(cell) for cell in row] for row in rows]
    cells = list(zip(columns, *lines, strict=True))
    widths = [max(map(cell_len, column)) for column in cells]
    # A column of numbers and empty cells is right-aligned.
    is_right = [bool(lines) and all(NUMBER.fullmatch(cell) for cell in column[1:]) for column in cells]
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        for line in (columns, *lines):
            padded = [
                " " * (width - cell_len(cell)) + cell if right else cell + " " * (width - cell_len(cell))
                for cell, width, right in zip(line, widths, is_right, strict=True)
            ]
            click.echo((GAP * " ").join(padded).rstrip())
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in zip(columns, is_right, strict=True):
        table.add_column(name, no_wrap=name != wrapped, overflow="fold", justify="right" if right else "left")
    for line in lines:
        table.add_row(*line)
    shown = [min(width, PROSE_WIDTH) if name == wrapped else width for name, width in zip(columns, widths, strict=True)]
    console.width = max(console.width, sum(shown) + GAP * len(shown))
    console.print(table, crop=False, soft_wrap=True)


def _format_cell(cell: object) -> str:
    """A cell as one line of text; integers get commas, so ids must be given as text. What is nested is JSON."""
    if cell is None:
        return ""
    if isinstance(cell, dict | list):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return " ".join(str(cell).splitlines())
