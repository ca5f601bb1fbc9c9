"""What stands in a Millrace stream: rows, ends and voids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Receipt = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Its address, `generation.page.row` within the job, is its identity; the entry's id is not."""

    id: str
    job: str
    generation: int
    page: int
    row: int
    content: str


@dataclass(frozen=True, slots=True)
class End:
    """The job is done: `rows` rows on `pages` pages of this generation are all there are, dead rows left out."""

    id: str
    job: str
    generation: int
    pages: int
    rows: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Void:
    """Whatever this generation of the job published is to be discarded."""

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
    """Not an entry of Millrace's: somebody else writes to this stream, or a later version does."""

    id: str
    why: str


Entry = Row | End | Void | Lost | Strange


def parse(entry_id: str, fields: Mapping[str, str]) -> Entry:
    """Tell an entry by its fields; never raises."""
    if not fields:
        return Lost(entry_id)
    try:
        return _parse(entry_id, fields)
    except (KeyError, TypeError, ValueError) as error:
        return Strange(entry_id, f"{type(error).__name__}: {error}")


def _parse(entry_id: str, fields: Mapping[str, str]) -> Entry:
    job = fields["job"]
    if "end" in fields:
        receipt = json.loads(fields["end"])
        generation, pages, rows = (int(receipt[name]) for name in ("generation", "pages", "rows"))
        return End(entry_id, job, generation, pages, rows, receipt)
    if "void" in fields:
        void = json.loads(fields["void"])
        return Void(entry_id, job, int(void["generation"]), str(void["reason"]))
    generation, page, row = map(int, fields["at"].split("."))
    return Row(entry_id, job, generation, page, row, fields["row"])


def position(entry_id: str) -> tuple[int, int]:
    """The two numbers of an entry's id: by them, not as text, entries compare."""
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
