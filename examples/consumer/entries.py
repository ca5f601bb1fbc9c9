"""Parses the entries of a Millrace stream: rows, ends and voids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGEST_NUMBER = 2**53
"""Every warehouse can store numbers up to this, and JSON too."""

Receipt = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows of one page, the first with the number `row`: one row, or all rows of a packed entry.

    A row is identified by job and address (`generation.page.row`), not by the id of its entry.
    """

    id: str
    job: str
    generation: int
    page: int
    row: int
    contents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """The job is done: this generation has exactly `rows` rows, without dead rows, on `pages` pages."""

    id: str
    job: str
    generation: int
    pages: int
    rows: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Void:
    """All rows of this generation of the job must be discarded."""

    id: str
    job: str
    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The entry was removed from the stream before the group applied it."""

    id: str


@dataclass(frozen=True, slots=True)
class Strange:
    """An entry of an unknown form: another program writes to this stream, or a later version of Millrace."""

    id: str
    why: str


Entry = Rows | End | Void | Lost | Strange


def parse(entry_id: str, fields: Mapping[str, str]) -> Entry:
    """Parse an entry. Never raises: an entry that cannot be parsed is Strange."""
    if not fields:
        return Lost(entry_id)
    try:
        return _parse(entry_id, fields)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        return Strange(entry_id, f"{type(error).__name__}: {error}")


def _parse(entry_id: str, fields: Mapping[str, str]) -> Entry:
    _check_text("".join(fields.values()))
    job = fields["job"]
    if "end" in fields:
        receipt = json.loads(fields["end"])
        _check_text(json.dumps(receipt, ensure_ascii=False))
        generation, pages, rows = (_number(receipt[name]) for name in ("generation", "pages", "rows"))
        return End(entry_id, job, generation, pages, rows, receipt)
    if "void" in fields:
        void = json.loads(fields["void"])
        return Void(entry_id, job, _number(void["generation"]), str(void["reason"]))
    generation, page, row = map(_number, fields["at"].split("."))
    if "rows" not in fields:
        return Rows(entry_id, job, generation, page, row, (fields["row"],))
    # Each row ends with a newline. It contains none, because JSON escapes newlines.
    *contents, rest = fields["rows"].split("\n")
    if rest or len(contents) != int(fields["count"]):
        raise ValueError(f"the entry has {len(contents)} rows, but its count is {fields['count']}")
    return Rows(entry_id, job, generation, page, row, tuple(contents))


def _check_text(text: str) -> None:
    """Raise ValueError for text that warehouses do not store: it is not UTF-8, or contains a NUL."""
    text.encode()
    if "\0" in text:
        raise ValueError("it contains a NUL")


def _number(value: Any) -> int:
    if not 0 <= (number := int(value)) <= LARGEST_NUMBER:
        raise ValueError(f"{number} is not the number of a generation, page or row")
    return number


def position(entry_id: str) -> tuple[int, int]:
    """The two numbers of an entry's id, by which entries are ordered; ids do not sort as text."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
