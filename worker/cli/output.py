"""Prints data on stdout and messages to people on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
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
    """One line of JSON on stdout, in UTF-8 whatever the locale is."""
    click.echo(orjson.dumps(value))


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


def print_rows(rows: Iterable[bytes]) -> None:
    """Each row on a line, its bytes unchanged."""
    for row in rows:
        click.echo(row)


def print_rows_as_table(rows: Iterable[bytes], columns: Sequence[str] = ()) -> None:
    """The rows under these columns, or under all columns there are; numbers keep all their digits."""
    read = [json.loads(row, parse_float=Decimal) for row in rows]
    named = [row if isinstance(row, dict) else {"row": row} for row in read]
    shown = list(columns) or list(dict.fromkeys(name for row in named for name in row))
    if named and shown:
        values = [[row.get(name) for name in shown] for row in named]
        print_table(shown, [[cell if isinstance(cell, str | None) else _json(cell) for cell in row] for row in values])


def _json(value: Any) -> str:
    """A value as JSON; decimals keep their digits, which the json module would not write."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(name)}: {_json(part)}' for name, part in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
