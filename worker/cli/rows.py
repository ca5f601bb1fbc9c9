"""Prints rows of a report: a table for people, one row on each line as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import click

from worker.cli.output import print_table


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
        lines = [[row.get(name) for name in shown] for row in named]
        print_table(
            shown,
            [[value if value is None or isinstance(value, str) else _json(value) for value in line] for line in lines],
        )


def _json(value: Any) -> str:
    """A value as JSON; decimals keep their digits, which the json module would not write."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(name)}: {_json(part)}' for name, part in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)
