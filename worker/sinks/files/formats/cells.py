"""Parses rows into the cells of a table, without rounding a digit or losing any part of a value."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.errors import FailJob

MOST_COLUMNS = 10_000


class Number(str):
    """A number that is not an integer, in the vendor's own digits."""

    __slots__ = ()


class Nested(str):
    """The JSON of an object or a list, byte for byte."""

    __slots__ = ()


Cell = str | int | bool | None
CellRow = dict[str, Cell]

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Number)
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def cell_rows(text: bytes) -> list[CellRow]:
    """The rows of a text, one per line: each cell is a str, int, bool, None, `Number` or `Nested`.

    Of several members with one name the last counts. Raises FailJob for a row that cannot be parsed.
    """
    try:
        rows: list[dict[str, Any]] = _decoder.decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FailJob(f"a row cannot be divided into columns: {error}; format=ndjson keeps it as it is") from error
    if text.count(b"{") > len(rows) or b"[" in text:
        _keep_nested_as_text(rows, text)
    return rows


def _keep_nested_as_text(rows: list[dict[str, Any]], text: bytes) -> None:
    """Replace nested values by their JSON, byte for byte."""
    for row, line in zip(rows, text.split(b"\n"), strict=False):
        nested = [name for name, value in row.items() if type(value) in {dict, list}]
        if nested:
            raw = _raw_decoder.decode(line)
            row.update((name, Nested(bytes(raw[name]).decode())) for name in nested)


def text_of(value: Cell) -> str | None:
    """A cell as text, a number in its digits; None for null."""
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return str(value)


def check_columns(columns: dict[str, str]) -> None:
    """Raise FailJob for rows that do not make a table: without columns, or with values in place of column names."""
    if not columns:
        raise FailJob("rows without members have no columns; format=ndjson keeps them")
    if len(columns) > MOST_COLUMNS:
        raise FailJob(f"rows with more than {MOST_COLUMNS:,} columns do not make a table; format=ndjson keeps them")
