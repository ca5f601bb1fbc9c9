"""Rows as cells of a table: nothing of a value is lost, no digit rounded."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.errors import FailJob

MOST_COLUMNS = 10_000


class Number(str):
    """A number that is no integer, in the vendor's own digits."""

    __slots__ = ()


class Nested(str):
    """The JSON of an object or a list, as it came."""

    __slots__ = ()


Cell = str | int | bool | None
CellRow = dict[str, Cell]

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Number)
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def cell_rows(text: bytes) -> list[CellRow]:
    """The rows of a text, one a line: each cell a str, int, bool, None, `Number` or `Nested`.

    Of members of one name the last stands. Raises FailJob for a row that cannot be read as text and numbers.
    """
    try:
        rows: list[dict[str, Any]] = _decoder.decode_lines(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FailJob(f"a row cannot be cut into columns: {error}; format=ndjson keeps it as it is") from error
    if text.count(b"{") > len(rows) or b"[" in text:
        _keep_nested_as_text(rows, text)
    return rows


def _keep_nested_as_text(rows: list[dict[str, Any]], text: bytes) -> None:
    """Put the JSON of nested values, byte for byte, where they stand."""
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
    """Raise FailJob for rows that are no table: no columns at all, or names that are values."""
    if not columns:
        raise FailJob("rows without members have no columns; format=ndjson keeps them")
    if len(columns) > MOST_COLUMNS:
        raise FailJob(f"rows with more than {MOST_COLUMNS:,} different members are no table; format=ndjson keeps them")
