"""Finds errors among the rows of a JSON page: a declared path such as `0.error` or `items.[status=ERROR].reason`.

The walker never sees the rows, so a path that leads into their list has to be followed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from worker.json_path import find, is_choice
from worker.model import Rows
from worker.sources.schema import ErrorShape
from worker.vendor_errors import Finder, error_in


class RowErrors:
    """The error shapes whose `when` leads to one member of the list at `list_at`: by position, or by `[name=value]`."""

    def __init__(self, list_at: str, errors: Iterable[ErrorShape]) -> None:
        # In a batch, paths are relative to the batch.
        self._above = list_at, list_at.rpartition("*.")[2]
        steps = [(self._below(shape.when).partition(".")[0], shape) for shape in errors]
        is_batch = "*" in list_at
        self._by_position = [(int(step), shape) for step, shape in steps if step.isdecimal() and not is_batch]
        self._of_any = [shape for step, shape in steps if is_choice(step)]
        values = [step.rstrip("]").partition("=")[2].strip() for step, _ in steps if is_choice(step)]
        # Numbers have many spellings.
        self._words = [value.lower().encode() for value in values] if all(map(_is_word, values)) else None

    def check(self, rows: Rows, before: int, around: Finder) -> None:
        """Raise the error if a row is one; `before` is how many rows came before these.

        `around` finds the values that are not in the list.
        """
        numbered = [(at - before, shape) for at, shape in self._by_position if before <= at < before + len(rows)]
        of_any = self._of_any if self._of_any and self._may_be_in(rows) else []
        if not of_any and not numbered:
            return
        for index, row in enumerate(rows):
            shapes = [*of_any, *(shape for at, shape in numbered if at == index)]
            if shapes and (error := error_in(self._finder(json.loads(row), around), shapes)):
                words = f"the vendor answered with an error in place of row {before + index + 1}: {error.words}"
                raise error.failure(words)

    def _may_be_in(self, rows: Rows) -> bool:
        """Can one of these rows have a declared value? To parse each row would take longer than all else."""
        text = rows.text.lower()
        return self._words is None or b"\\u" in text or any(word in text for word in self._words)

    def _finder(self, row: Any, around: Finder) -> Finder:
        def find_in(path: str) -> Any:
            step, _, rest = self._below(path).partition(".")
            if step.isdecimal():
                return find(row, rest)
            return find([row], f"{step}.{rest}".removesuffix(".")) if is_choice(step) else around(path)

        return find_in

    def _below(self, path: str) -> str:
        """The part of a path that leads on from the list; empty if it leads elsewhere."""
        return next(
            (path.removeprefix(f"{above}.") for above in self._above if above and path.startswith(f"{above}.")),
            "" if all(self._above) else path,
        )


def _is_word(value: str) -> bool:
    return value.isascii() and not any(character.isdigit() or character in '"\\/' for character in value)
