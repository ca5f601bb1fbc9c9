"""Finds errors in place of rows: some vendors answer with a list whose only member is an error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial

from worker.json_path import find
from worker.model import Rows
from worker.sources.schema import ErrorShape, Format, JsonRows
from worker.vendor_errors import error_in


def row_shapes(declared: Format, errors: Iterable[ErrorShape]) -> dict[int, list[ErrorShape]]:
    """The error shapes whose path leads into the list of rows, such as `0.error`, by the position of the row.

    Their paths are made relative to the row. Readers do not apply them: they only look at what is around the rows.
    """
    found: dict[int, list[ErrorShape]] = {}
    for rows_at in declared.rows if isinstance(declared, JsonRows) else ():
        for shape in errors:
            position, dot, _ = _below(rows_at, shape.when).partition(".")
            if dot and position.isdecimal():
                row = f"{rows_at}.{position}" if rows_at else position
                paths = ((name, getattr(shape, name)) for name in ("when", "code", "message", "request_id", "wait"))
                of_row = {name: _below(row, path) or None for name, path in paths if path}
                found.setdefault(int(position), []).append(shape.model_copy(update=of_row))
    return found


def check_rows(blocks: Iterable[Rows], shapes: dict[int, list[ErrorShape]]) -> Iterator[Rows]:
    """Pass on the rows of an answer. Raises the error if there is one in place of a row."""
    number = 0
    for rows in blocks:
        for position in [position for position in shapes if number <= position < number + len(rows)]:
            row = json.loads([*rows][position - number])
            if error := error_in(partial(find, row), shapes[position]):
                raise error.failure(f"the vendor answered with an error in place of row {position + 1}: {error.words}")
        number += len(rows)
        yield rows


def _below(above: str, path: str) -> str:
    """The part of a path that follows another path; empty if it does not begin with that path."""
    if not above:
        return path
    return path.removeprefix(f"{above}.") if path.startswith(f"{above}.") else ""
