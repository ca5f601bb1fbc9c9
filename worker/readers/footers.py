"""Recognises the lines after the rows of a delimited file: totals, a copyright notice, how the report was made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from operator import itemgetter

_PARTS = re.compile(r"(\*|\{count\})")
_ANYTHING, _COUNT = ".*", r"(\d[\d,.'\s]{0,30})"


class Footer:
    """Recognises the lines after the rows by their first value, which matches one of the declared texts.

    In a declared text `*` stands for anything, and `{count}` for the number of rows, which is put in `count`. Once the
    footer `has_begun`, lines with fewer values than the header belong to it too.
    """

    def __init__(self, declared: Iterable[str]) -> None:
        self.has_begun = False
        self.count: int | None = None
        patterns = [rf"\s*{_pattern(text)}\s*" for text in declared]
        self._pattern = re.compile("|".join(patterns), re.DOTALL) if patterns else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def may_be_in(self, rows: list[list[str]]) -> bool:
        """May one of these rows belong to the footer?"""
        if self._pattern is None:
            return False
        return self.has_begun or any(map(self._pattern.fullmatch, map(itemgetter(0), rows)))

    def is_line(self, fields: list[str], width: int) -> bool:
        """Does this line belong to the footer? The first one with a declared text begins it."""
        matched = self._pattern.fullmatch(fields[0]) if self._pattern else None
        if matched is None:
            return self.has_begun and len(fields) < width
        self.has_begun = True
        if digits := next(filter(None, matched.groups()), None):
            self.count = int(re.sub(r"\D", "", digits))
        return True


def _pattern(text: str) -> str:
    special = {"*": _ANYTHING, "{count}": _COUNT}
    return "".join(special.get(part, re.escape(part)) for part in _PARTS.split(text.strip()))
