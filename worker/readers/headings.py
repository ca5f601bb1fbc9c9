"""Reads the start of a delimited file: skips lines before the header, finds the delimiter and the column names."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

from worker.errors import FailJob
from worker.readers.footers import Footer
from worker.readers.text_lines import TextLines
from worker.sources.schema import Delimited
from worker.vendor_errors import excerpt

MOST_LINES_BEFORE = 100
"""How many lines may come before a header that has to be searched for."""

_FALSE_WORDS = ("false", "0", "no", "")
_USUAL_DELIMITERS = ",;\t|"
"""What separates values in most files. If a header was not split and has one of these, the declaration is wrong."""
_WORD = re.compile(r"[\w.-]+")


def dialect_of(shape: Delimited, delimiter: str) -> dict[str, Any]:
    """The options with which `csv.reader` reads the file."""
    dialect = {"delimiter": delimiter, "escapechar": shape.escape, "strict": True}
    return {**dialect, "quoting": csv.QUOTE_NONE} if shape.quote == "none" else {**dialect, "quotechar": shape.quote}


def skip_preamble(lines: TextLines, shape: Delimited, required: Collection[str]) -> int | None:
    """Drop the declared lines before the header, and blank lines; returns the number of rows they state, if declared.

    Raises FailJob if no header is found, or if a count is declared but none of these lines states it.
    """
    stated = Footer(filter(None, [shape.preamble_count]))

    def drop() -> None:
        if fields := _split(lines.peek(), shape, _delimiters(shape)[0]):
            stated.is_line(fields, width=0)
        lines.drop()

    for _ in range(shape.preamble if isinstance(shape.preamble, int) else 0):
        if lines.peek():
            drop()
    while (line := lines.peek()) and not line.strip():
        lines.drop()
    if shape.preamble == "any" and lines.peek():
        _skip_to_header(lines, shape, required, drop)
    if stated and stated.count is None and lines.peek():
        raise FailJob(f"none of the {lines.lines_dropped} lines before the header says {shape.preamble_count!r}")
    return stated.count


def _skip_to_header(lines: TextLines, shape: Delimited, required: Collection[str], drop: Callable[[], None]) -> None:
    """Drop the lines before the first one that holds every required column."""
    start = excerpt(lines.peek().encode())
    wanted = set(map(_fold, required))
    for _ in range(MOST_LINES_BEFORE):
        line = lines.peek()
        if not line:
            break
        if any(wanted <= set(map(_fold, _split(line, shape, delimiter))) for delimiter in _delimiters(shape)):
            return
        drop()
    named = ", ".join(required)
    raise FailJob(f"none of the first {lines.lines_dropped} lines names the columns {named}; the file begins: {start}")


def delimiter_of(first: str, shape: Delimited, required: Collection[str]) -> str:
    """The declared delimiter that splits the first line best: into most declared names, then into most values."""
    known = {_fold(name) for name in (*shape.columns, *required)}

    def fitness(delimiter: str) -> tuple[int, bool, int]:
        fields = _split(first, shape, delimiter)
        named = len(known & {_fold(field) for field in fields})
        return named, bool(fields) and len(fields) == len(shape.columns), len(fields)

    # `max` returns the first of equals, so a file of one column gets the delimiter declared first.
    return max(_delimiters(shape), key=fitness)


def has_header(first: list[str], shape: Delimited) -> bool:
    """Does the first row name the columns? If it has exactly the declared names, it does whatever `header` says."""
    known = {_fold(name) for name in shape.columns}
    named = {_fold(field) for field in first}
    if known and known == named:
        return True
    if expects_header(shape):
        return not (known and not known & named and len(first) == len(shape.columns))
    return False


def expects_header(shape: Delimited) -> bool:
    """Does the source file, or the parameter it refers to, say that the first line names the columns?"""
    return shape.header.strip().lower() not in _FALSE_WORDS if isinstance(shape.header, str) else shape.header


def names_of(first: list[str], shape: Delimited, required: Collection[str], typed: Iterable[str]) -> list[str]:
    """The column names: declared ones as declared, whatever their case in the file; others as in the file, stripped.

    Where surplus fields are dropped, so are empty names at the end of the header. Raises FailJob if a required column
    is missing, two columns have the same name and the source file does not allow it, or nothing shows that this is a
    header.
    """
    if first[0].strip().lower().startswith("sep="):
        raise FailJob(f"this line tells Excel the delimiter: {first[0]}; declare it by `preamble: 1`")
    if not has_header(first, shape):
        if not shape.columns:
            raise FailJob("the file has no header, and the source file declares no columns")
        return list(shape.columns)
    declared = {_fold(name): name for name in (*typed, *required, *shape.columns)}
    names = [declared.get(_fold(field), field.strip()) for field in first]
    while shape.extra_fields == "drop" and names[-1:] == [""]:
        names.pop()
    if not names:
        raise FailJob(f"the header has no names: {excerpt(','.join(first).encode())}")
    _refuse_unsplit(names, _delimiters(shape))
    known = set(names)
    missing = [name for name in required if name not in known]
    if missing:
        hint = (
            " (if lines come before the header, declare them by `preamble`; if this says that there are no rows,"
            " declare it under `errors` with `then: end`)"
        )
        reason = f"no column {', '.join(missing)} in the header: {excerpt(', '.join(first).encode())}"
        raise FailJob(reason if len(missing) < len(required) else reason + hint)
    if not declared and len(names) == 1 and not _WORD.fullmatch(names[0]):
        reason = "the first line has one column, which is not declared and does not look like a name"
        raise FailJob(f"{reason}: {excerpt(names[0].encode())}")
    return _make_unique(names, shape)


def _make_unique(names: list[str], shape: Delimited) -> list[str]:
    """Number names that come again: the second `Clicks` becomes `Clicks_2`. Raises FailJob if that is not declared."""
    given, unique, numbers = set(names), dict[str, None](), dict[str, int]()
    for name in names:
        new, number = name, numbers.get(name, 1)
        while new in unique or (number > 1 and new in given):
            if shape.same_names == "fail":
                raise FailJob(f"two columns are called {name!r}; `same_names: number` would number them")
            number += 1
            new = f"{name}_{number}"
        unique[new], numbers[name] = None, number
    return list(unique)


def _refuse_unsplit(names: list[str], declared: list[str]) -> None:
    """Raise FailJob if the only column looks like several, separated by a character that is not declared."""
    others = [mark for mark in _USUAL_DELIMITERS if mark not in declared and mark in "".join(names[:1])]
    if len(names) == 1 and others:
        known = ", ".join(map(repr, declared))
        raise FailJob(f"values seem to be separated by {others[0]!r}, which is not among {known}: {names[0][:200]}")


def _delimiters(shape: Delimited) -> list[str]:
    return shape.delimiters or [shape.delimiter]


def _split(line: str, shape: Delimited, delimiter: str) -> list[str]:
    # Not strict: a quoted value may go on in the next line.
    try:
        return next(csv.reader([line], **{**dialect_of(shape, delimiter), "strict": False}), [])
    except csv.Error:
        return []


def _fold(name: str) -> str:
    return name.strip().casefold()
