"""Data on stdout, talk on stderr."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

talk = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    click.echo(orjson.dumps(value).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; numbers stand to the right, nothing is cut where stdout is no terminal."""
    console = Console(highlight=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    lines = [[_text(cell) for cell in row] for row in rows]
    for column, cells in zip(table.columns, zip(*lines, strict=True), strict=False):
        column.no_wrap = True
        if all(cell.replace(",", "").replace(".", "").removeprefix("-").isdecimal() for cell in cells if cell):
            column.justify = "right"
    for line in lines:
        table.add_row(*line)
    console.print(table, width=None if console.is_terminal else 10_000, crop=False, soft_wrap=True)


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
