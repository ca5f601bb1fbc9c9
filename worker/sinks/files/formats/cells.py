"""Parses rows into the cells of a table, without rounding a digit or losing any part of a value."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from operator import attrgetter
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

_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Number)
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def cell_columns(text: bytes) -> dict[str, list[Cell]]:
    """The cells of the rows of a text, by column; columns are in the order in which rows first have them.

    Each cell is a str, int, bool, None, `Number` or `Nested`; None also where a row does not have the column. Of
    several members with one name the last counts. Raises FailJob for a row that cannot be parsed.
    """
    try:
        names = tuple(_raw_decoder.decode(text[: text.index(b"\n")]))
        columns = _split_alike(text, names) if names else None
        if columns is None:
            rows: list[dict[str, Any]] = _decoder.decode_lines(text)
            if _may_be_nested(text, len(rows)):
                _keep_nested_as_text(rows, text)
            columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(chain.from_iterable(rows))}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FailJob(f"a row cannot be divided into columns: {error}; format=ndjson keeps it as it is") from error
    return columns


def _split_alike(text: bytes, names: tuple[str, ...]) -> dict[str, list[Cell]] | None:
    """The cells of rows that all have these columns; None for other rows, and for rows with nested values.

    As a rule all rows have the same columns. Then each is parsed to a struct, in half the time of a dict: that is also
    an object that Python's garbage collector has to look at.
    """
    decoder = _struct_decoder(names)
    if decoder is None:
        return None
    try:
        rows = decoder.decode_lines(text)
    except msgspec.ValidationError:
        return None
    columns = {name: list(map(attrgetter(f"f{number}"), rows)) for number, name in enumerate(names)}
    if _may_be_nested(text, len(rows)) and any({dict, list} & set(map(type, cells)) for cells in columns.values()):
        return None
    return columns


@lru_cache(maxsize=16)
def _struct_decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any] | None:
    """A decoder of rows that have exactly these columns; None if msgspec does not accept one of the names."""
    fields = {f"f{number}": name for number, name in enumerate(names)}
    try:
        row = msgspec.defstruct("Row", fields, rename=fields, forbid_unknown_fields=True, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(row, float_hook=Number)


def _may_be_nested(text: bytes, rows: int) -> bool:
    return text.count(b"{") > rows or b"[" in text


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
