"""Rows that stand in plain sight, one after another with the same bytes between them: parsed by orjson, each alone.

What such a text does not split into is left to ijson's parser, which gives the same rows more slowly.
"""

from __future__ import annotations

from itertools import repeat
from typing import Any

import orjson

from worker.readers.scan import DEEPEST_NESTING
from worker.readers.watch import has_long_number

_DEEP_ROW_BYTES = 5 * DEEPEST_NESTING
"""Without lists, what is nested too deep is longer: a level takes five bytes at least, as in `{"":{}}`."""


def loaded(rows: list[bytes], block: bytes) -> list[dict[str, Any]] | None:
    """The values of rows cut from this block, fractions in binary; None where one is anything but an object.

    None also where a row needs a closer look: long numbers, deep nesting.
    """
    if has_long_number(block) or _may_be_deep(rows, block):
        return None
    try:
        values: list[dict[str, Any]] = list(map(orjson.loads, rows))
    except orjson.JSONDecodeError:
        return None
    return values if set(map(type, values)) <= {dict} else None


def are_on_one_line(rows: list[bytes]) -> bool:
    """Does no row hold a line break?"""
    joined = b"".join(rows)
    return b"\n" not in joined and b"\r" not in joined


def _may_be_deep(rows: list[bytes], block: bytes) -> bool:
    if b"[" not in block and max(map(len, rows), default=0) <= _DEEP_ROW_BYTES:
        return False
    brackets = zip(map(bytes.count, rows, repeat(b"{")), map(bytes.count, rows, repeat(b"[")), strict=True)
    return any(objects + lists > DEEPEST_NESTING for objects, lists in brackets)
