"""The first line of a delimited file: what separates its values, and whether it names the columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from worker.errors import FailJob
from worker.sources.schema import Delimited

_NO = ("false", "0", "no", "")
_USUAL = ",;\t|"
"""What separates values as a rule."""


def delimiter_of(first: str, shape: Delimited) -> str:
    """Of the delimiters declared, the one that best splits the first line: into declared names, else most often."""
    candidates = shape.delimiters or [shape.delimiter]
    known = {_folded(name) for name in shape.columns}

    def fitness(delimiter: str) -> tuple[int, bool, int]:
        fields = _split(first, delimiter)
        named = len(known & {_folded(field) for field in fields})
        return named, len(fields) == len(shape.columns), len(fields)

    # Of equals the first wins, so a file of one column has the first delimiter declared.
    return max(candidates, key=fitness)


def has_header(first: list[str], shape: Delimited) -> bool:
    """Does the first row name the columns? Declared columns tell even where the source file says otherwise."""
    known = {_folded(name) for name in shape.columns}
    named = {_folded(field) for field in first}
    if known and known == named:
        return True
    if _expects_header(shape):
        return not (known and not known & named and len(first) == len(shape.columns))
    return False


def names_of(first: list[str], shape: Delimited, typed: Iterable[str]) -> list[str]:
    """The names of the columns: as declared where they are, whatever their case; else as they stand, without blanks."""
    if not has_header(first, shape):
        if not shape.columns:
            raise FailJob("the file has no header, and the source file declares no columns")
        return list(shape.columns)
    declared = {_folded(name): name for name in (*typed, *shape.columns)}
    names = [declared.get(_folded(field), field.strip()) for field in first]
    _refuse_unsplit(names, shape.delimiters or [shape.delimiter])
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FailJob(f"line 1: two columns are called {twice!r}")
    return names


def _refuse_unsplit(names: list[str], declared: list[str]) -> None:
    """Raise FailJob where the one column there seems to be is many, set apart by what was not declared."""
    other = next((mark for mark in _USUAL if mark not in declared and len(names) == 1 and mark in names[0]), None)
    if other is not None:
        known = ", ".join(map(repr, declared))
        raise FailJob(f"line 1: values seem to be separated by {other!r}, which is not among {known}: {names[0][:200]}")


def _expects_header(shape: Delimited) -> bool:
    return shape.header.strip().lower() not in _NO if isinstance(shape.header, str) else shape.header


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _folded(name: str) -> str:
    return name.strip().casefold()
