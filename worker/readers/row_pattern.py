"""Proves many rows to be JSON and converts their declared columns, both in one pass over their text.

For rows with the same keys in the same order a regular expression is made, and PCRE2 compiles it to machine code. It
matches a row that is whole and valid JSON, with lists and objects two levels deep at most. Text that it does not match
is not refused: a slower way has to decide.

Quantifiers are possessive (`++`, `*+`) and values atomic (`(?>...)`), so PCRE2 never goes back: the time is linear in
the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any

import msgspec
import pcre2

from worker.model import Rows
from worker.readers.conversions import DATE_IN_JSON, INTEGER
from worker.readers.limits import is_utf8
from worker.sources.schema import ColumnType

_MOST_KEYS = 1_000
"""Rows with more have no pattern. A compiled pattern has 64 KB at most; a key takes 20 bytes and twice its length."""
_MOST_PATTERNS = 8
"""How many are made for one response. If keys change more often, making patterns costs more than it saves."""
_PATTERNS_KEPT = _REPORTS_KEPT = 64

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# ------------------------------------------------------------ what a value may be

_CHARACTERS = rb'[^"\\\x00-\x1f]*+'
_STRING = b'"' + _CHARACTERS + b'(?:"|(?&escaped))'
_FLAT = _STRING + b"|(?&number)|true|false|null"


def _list_of(item: bytes) -> bytes:
    return rb" *+(?:" + item + rb"(?: *+, *+" + item + rb")*+)?+ *+"


def _nest(value: bytes) -> bytes:
    """Lists and objects of such values."""
    return rb"\[" + _list_of(value) + rb"\]|\{" + _list_of(_STRING + rb" *+: *+" + value) + rb"\}"


# What is called by name is not written out for each key: patterns stay small.
_DEFINITIONS = (
    rb"(?(DEFINE)"
    rb"(?<number>-?(?:0|(?!0)\d++)(?:\.\d++)?+(?:(?i:e)[+-]?\d++)?+)"
    # A string from its first backslash on. Half a surrogate pair is not matched: no parser accepts it.
    rb'(?<escaped>(?:\\(?:["\\/bfnrt]|u(?:(?!(?i:d))[\da-fA-F]{4}|(?i:d)[0-7][\da-fA-F]{2}'
    rb"|(?i:d)[89abAB][\da-fA-F]{2}\\u(?i:d)[c-fC-F][\da-fA-F]{2}))" + _CHARACTERS + rb')++")'
    rb"(?<innermost>" + _nest(rb"(?:" + _FLAT + rb")") + rb")"
    rb"(?<nested>" + _nest(rb"(?:" + _FLAT + rb"|(?&innermost))") + rb")"
    rb"(?<text>" + _STRING + rb"|null)"
    rb"(?<value>" + _FLAT + rb"|(?&nested)))"
)

_FITTING: dict[ColumnType, bytes] = {
    "integer": INTEGER,
    "number": rb"(?&number)",
    "boolean": b"true|false",
    "datetime": b'"' + DATE_IN_JSON + rb'(?:[^"\\\x00-\x1f]++|\\/)*+"',
}
"""Values that stay as they are. Those of strings are missing here, because nothing but null may replace them."""
_ZEROS = rb"(?:\.0++)?+"
"""`5.0` is the integer 5."""


def _changing(kind: ColumnType, nulls: bytes) -> bytes:
    """Values whose only group is what they become; those that match without a group become null."""
    fitting = b"(" + _FITTING[kind] + b")"
    quoted = b'"' + fitting + b'"'
    if kind == "integer":
        alternatives = [quoted[:-1] + _ZEROS + b'"', fitting + _ZEROS, nulls]
    elif kind == "number":
        alternatives = [quoted, fitting, nulls]
    elif kind == "boolean":
        alternatives = [fitting, nulls, quoted]  # `null_values` may name a value in quotes; a number outranks that
    else:
        alternatives = [fitting, nulls]
    return b"(?>(?|" + b"|".join(alternatives) + b"))"


def _unchanged(kind: ColumnType | None) -> bytes:
    """Values of such a column that stay as they are."""
    if kind is None or kind == "string":
        return b"(?>(?&value))" if kind is None else b"(?>(?&text))"
    return b"(?>" + _FITTING[kind] + b"|null)"


# ------------------------------------------------------------ the pattern of a row


class RowPattern:
    """Matches rows with certain keys in their order, all with a blank after each colon or comma, or all without."""

    def __init__(self, row: bytes, declared: Mapping[str, ColumnType], null_values: Iterable[str] = ()) -> None:
        """For rows like this one, which is valid JSON. `declared` are the columns to convert.

        Texts in `null_values` mean null there, except in strings. Raises ValueError if no pattern can be made.
        """
        self.names = names_in(row)
        keys = list(map(msgspec.json.encode, self.names))
        if not 0 < len(keys) <= _MOST_KEYS or any(b"\\" in key for key in keys):
            raise ValueError("too many keys or none, or one with an escape")
        self._keys = keys
        self._kinds = [declared.get(name) for name in self.names]
        self._nulls = b"|".join([b"null", b'""', *(re.escape(msgspec.json.encode(text)) for text in null_values)])
        self._colon = b": " if b'": ' in row else b":"
        self._comma = b", " if b', "' in row else b","
        is_spaced = len(self._colon + self._comma) > len(b":,")
        pattern, self._replacement = self._make_spaced() if is_spaced else self._make()
        self._line = rb"\G" + pattern + rb"\n" + _DEFINITIONS
        self._member = rb"\G,[ \t\r\n]*+" + pattern + _DEFINITIONS
        if not self.matches(row):
            raise ValueError("the row does not match its own pattern")

    def matches(self, row: bytes) -> bool:
        """Is this one of the rows?"""
        return _substitute(self._line, b"", row + b"\n") == (b"", 1)

    def prove_lines(self, text: bytes) -> tuple[Rows, bytes]:
        """Of a text with a row on each line: the rows at its start, as they are, and the text after them."""
        rest, count = _substitute(self._line, b"", text)
        proven = text[: len(text) - len(rest)]
        return (Rows(proven, count), rest) if is_utf8(proven) else (Rows(), text)

    def convert_lines(self, rows: Rows) -> tuple[Rows, Rows]:
        """Of proven rows: those at the start, converted, and all others from the first one that does not match."""
        text, count = _substitute(self._line, self._replacement, rows.text)
        if count == len(rows):
            return Rows(text, count), Rows()
        others = rows.cut(count)[1] if count else rows
        return Rows(text[: len(text) - len(others.text)], count), others

    def convert_members(self, text: bytes) -> tuple[Rows, bytes]:
        """Of members of a list, with a comma before each: those at the start, converted, and the text after them."""
        made, count = _substitute(self._member, self._replacement, text)
        converted, rest = made, b""
        if not (text.endswith(b"}") and made.endswith(b"\n")):
            # Not all were matched. A row has no newline but the one after it.
            converted = b"".join(BytesIO(made).readlines()[:count])
            rest = made[len(converted) :]
        return (Rows(converted, count), rest) if is_utf8(converted) else (Rows(), text)

    def _make(self) -> tuple[bytes, bytes]:
        """The pattern of rows without blanks, and the replacement: the text between converted values is a group."""
        pattern = replacement = b""
        groups = 0
        kept = rb"\{"
        for number, (key, kind) in enumerate(zip(self._keys, self._kinds, strict=True)):
            kept += (b"," if number else b"") + re.escape(key) + b":"
            if kind is None or kind == "string":
                kept += _unchanged(kind)
                continue
            pattern += b"(" + kept + b")" + _changing(kind, self._nulls)
            replacement += b"${%d}${%d:-null}" % (groups + 1, groups + 2)
            groups += 2
            kept = b""
        return pattern + b"(" + kept + rb"\})", replacement + b"${%d}\n" % (groups + 1)

    def _make_spaced(self) -> tuple[bytes, bytes]:
        """The same for rows with blanks: a row keeps them if no value changes, and has none if one does."""
        same, changed, replacement = [], [], []
        for number, (key, kind) in enumerate(zip(self._keys, self._kinds, strict=True), 2):
            before = re.escape(key) + self._colon
            value = _unchanged(kind)
            same.append(before + value)
            changed.append(
                before + (b"(" + value + b")" if kind is None or kind == "string" else _changing(kind, self._nulls))
            )
            # Between \\Q and \\E nothing has a meaning.
            replacement.append(rb"\Q" + key + rb":\E${%d:-null}" % number)
        pattern = rb"(?:(\{" + self._comma.join(same) + rb"\})|\{" + self._comma.join(changed) + rb"\})"
        return pattern, rb"${1:-\Q{\E" + b",".join(replacement) + rb"\Q}\E}" + b"\n"


class RowPatterns:
    """The patterns made for the rows of one response."""

    def __init__(
        self, declared: Mapping[str, ColumnType], null_values: Collection[str] = (), *, is_page: bool = False
    ) -> None:
        """`is_page`: the first pattern is the last one of the page before, if that had the same columns declared."""
        self._declared = declared
        self._null_values = null_values
        self._last_of_page = _last_of_page(tuple(declared.items()), tuple(null_values)) if is_page else []
        self._made = self._last_of_page[:]
        self._left = _MOST_PATTERNS

    @property
    def last(self) -> RowPattern | None:
        """The pattern that was found last."""
        return self._made[0] if self._made else None

    def find(self, row: bytes) -> RowPattern | None:
        """A pattern that matches this row, as a rule made for an earlier one; None if there is none."""
        for pattern in self._made:
            if pattern.matches(row):
                self._made.remove(pattern)
                return self._put_first(pattern)
        names = names_in(row)
        # A row with the keys of a pattern that does not match it has values that no pattern for these keys matches.
        if not self._left or any(pattern.names == names for pattern in self._made):
            return None
        self._left -= 1
        try:
            return self._put_first(RowPattern(row, self._declared, self._null_values))
        except ValueError:
            return None

    def _put_first(self, pattern: RowPattern) -> RowPattern:
        self._made.insert(0, pattern)
        self._last_of_page[:] = [pattern]
        return pattern


@lru_cache(_REPORTS_KEPT)
def _last_of_page(declared: tuple[tuple[str, ColumnType], ...], null_values: tuple[str, ...]) -> list[RowPattern]:
    """The pattern last found for pages with these columns declared, in a list that is changed; empty at first."""
    return []


def names_in(row: bytes) -> list[str]:
    """The keys of a row, each once, in its order."""
    return list(_MEMBERS.decode(row))


def _substitute(pattern: bytes, replacement: bytes, text: bytes) -> tuple[bytes, int]:
    """The text with as many matches replaced as there are at its start, and their number."""
    compiled = _compile(pattern)
    if compiled is None:
        return text, 0
    try:
        made: tuple[bytes, int] = compiled.subn(replacement, text)
    except pcre2.LibraryError:  # more nesting or memory than PCRE2 allows itself
        return text, 0
    return made


@lru_cache(_PATTERNS_KEPT)
def _compile(pattern: bytes) -> Any:
    """The compiled pattern; None if it is too large."""
    try:
        return pcre2.compile(pattern)
    except pcre2.PatternError:
        return None
    except pcre2.LibraryError:
        # Some systems permit no memory that is both written and executed. Then PCRE2 interprets the pattern.
        return pcre2.compile(pattern, jit=False)
