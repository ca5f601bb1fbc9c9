"""Proves many rows to be JSON and converts their declared columns, both in one pass over their text.

For rows with the same keys in the same order a regular expression is made, and PCRE2 compiles it to machine code. It
matches a row that is whole and valid JSON in UTF-8, with lists and objects two levels deep at most. Text that it does
not match is not refused: a slower way has to decide.

Quantifiers are possessive (`++`, `*+`) and values atomic (`(?>...)`), so PCRE2 never goes back: the time is linear in
the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, Literal

import msgspec
import pcre2

from worker.model import Rows
from worker.readers.conversions import DATE_IN_JSON, INTEGER
from worker.sources.schema import ColumnType

_MOST_KEYS = 1_000
"""Rows with more have no pattern. A compiled pattern has 64 KB at most; a key takes 20 bytes and twice its length."""
_MOST_PATTERNS = 8
"""How many are made for one response. If keys change more often, making patterns costs more than it saves."""
_PATTERNS_KEPT = _REPORTS_KEPT = 64

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

# ------------------------------------------------------------ what a value may be

_ASCII = rb"[ !#-\[\]-\x7f]"
"""A character that stands for itself; the others are quotes, backslashes and control characters."""
_STRING = b'"' + _ASCII + b'*+(?:"|(?&rest))'
_FLAT = _STRING + b"|(?&number)|true|false|null"


def _list_of(item: bytes) -> bytes:
    return rb" *+(?:" + item + rb"(?: *+, *+" + item + rb")*+)?+ *+"


def _nest(value: bytes) -> bytes:
    """Lists and objects of such values."""
    return rb"\[" + _list_of(value) + rb"\]|\{" + _list_of(_STRING + rb" *+: *+" + value) + rb"\}"


_ESCAPE = (
    rb'\\(?:["\\/bfnrt]|u(?:(?!(?i:d))[\da-fA-F]{4}|(?i:d)[0-7][\da-fA-F]{2}'
    # A surrogate pair. Half of one is not matched: no parser accepts it.
    rb"|(?i:d)[89abAB][\da-fA-F]{2}\\u(?i:d)[c-fC-F][\da-fA-F]{2}))"
)
_BEYOND_ASCII = (  # RFC 3629, section 4
    rb"(?:[\xc2-\xdf]|\xe0[\xa0-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]|[\xf1-\xf3][\x80-\xbf]{2}|\xf4[\x80-\x8f][\x80-\xbf])[\x80-\xbf]"
)

# What is called by name is not written out for each key: patterns stay small.
_DEFINITIONS = (
    rb"(?(DEFINE)"
    rb"(?<number>-?(?:0|(?!0)\d++)(?:\.\d++)?+(?:(?i:e)[+-]?\d++)?+)"
    # A string from its first character on that is not ASCII or does not stand for itself.
    rb"(?<rest>(?:(?:" + _ESCAPE + rb"|(?:" + _BEYOND_ASCII + rb")++)" + _ASCII + rb'*+)++")'
    rb"(?<innermost>" + _nest(rb"(?:" + _FLAT + rb")") + rb")"
    rb"(?<nested>" + _nest(rb"(?:" + _FLAT + rb"|(?&innermost))") + rb")"
    rb"(?<text>" + _STRING + rb"|null)"
    rb"(?<value>" + _FLAT + rb"|(?&nested)))"
)

_DATE = b'"' + DATE_IN_JSON + rb"(?:" + _ASCII + rb'++|\\/)*+"'
_UNCHANGED: dict[ColumnType | None, bytes] = {
    None: rb"(?&value)",
    "string": rb"(?&text)",
    "integer": INTEGER + b"|null",
    "number": rb"(?&number)|null",
    "boolean": rb"true|false|null",
    "datetime": _DATE + b"|null",
}
"""Values that stay as they are."""
_NUMBERS: dict[ColumnType | None, bytes] = {
    "integer": b"(" + INTEGER + rb")(?:\.0++)?+",  # `5.0` is the integer 5
    "number": rb"((?&number))",
}


def _convert(kind: ColumnType | None, nulls: bytes, first: int) -> tuple[bytes, bytes, int]:
    """A pattern for all values of a column that it can convert, what replaces them, and how many groups it has.

    `nulls` is a pattern for what becomes null, `first` the number of the first group.
    """
    second = first + 1
    if kind == "integer" or kind == "number":
        # A number outranks the same text among those that mean null, but not with blanks around it.
        number = _NUMBERS[kind]
        pattern = rb'(?|"%b"|%b|%b|" *+%b *+")' % (number, number, nulls, number)
        return pattern, b"${%d:-null}" % first, 1
    if kind == "boolean":
        pattern = rb'%b|(true|1|" *+(?i:true|t|1) *+")|(false|0|" *+(?i:false|f|0) *+")' % nulls
        return pattern, b"${%d:+true:${%d:+false:null}}" % (first, second), 2
    if kind == "datetime":
        return b"(%b)|%b|(%b)" % (_DATE, nulls, INTEGER), b'${%d:-${%d:+"$%d":null}}' % (first, second, second), 2
    if kind == "string":
        return b"((?&text))|((?&number)|true|false)", b'${%d:-"${%d}"}' % (first, second), 2
    return rb"((?&value))", b"${%d}" % first, 1


# ------------------------------------------------------------ the pattern of a row


@dataclass(frozen=True, slots=True)
class Shape:
    """On what a pattern depends: the keys in order, and what a row may do with them.

    `plain`: values are as most vendors write them, and only numbers lose quotes. `any`: a value may be written in any
    way that can be converted. `sparse`: moreover, a row may have some of the keys only.
    """

    names: tuple[str, ...]
    kind: Literal["plain", "any", "sparse"]

    def widen(self, names: Sequence[str]) -> Shape | None:
        """The shape of rows with these keys too; None if they have few in common, or in another order."""
        known = {name: at for at, name in enumerate(self.names)}
        common = [known[name] for name in names if name in known]
        if 2 * len(common) < len(names) or common != sorted(common):
            return None
        all_names: list[str] = []
        begin = 0
        for name in names:
            end = known.get(name, begin - 1) + 1
            all_names += [*self.names[begin:end], *([] if name in known else [name])]
            begin = max(begin, end)
        return Shape((*all_names, *self.names[begin:]), "sparse")


class RowPattern:
    """Matches rows with certain keys in their order, all with a blank after each colon or comma, or all without."""

    def __init__(
        self,
        row: bytes,
        declared: Mapping[str, ColumnType],
        null_values: Iterable[str] = (),
        *,
        shape: Shape | None = None,
    ) -> None:
        """For rows like this one, which is valid JSON. `declared` are the columns to convert.

        Texts in `null_values` mean null there, except in strings. Unless a shape is given, rows may have any values for
        these keys. Raises ValueError if no pattern can be made.
        """
        self.shape = shape or Shape(tuple(names_in(row)), "any")
        keys = list(map(msgspec.json.encode, self.shape.names))
        if not 0 < len(keys) <= _MOST_KEYS or any(b"\\" in key for key in keys):
            raise ValueError("too many keys or none, or one with an escape")
        kinds = [declared.get(name) for name in self.shape.names]
        texts = b"|".join(re.escape(msgspec.json.encode(text)[1:-1]) for text in ("", *null_values))
        columns = _Columns(keys, kinds, rb'null|" *+(?:' + texts + rb') *+"')
        colon, comma = b": " if b'": ' in row else b":", b", " if b', "' in row else b","
        if len(colon + comma) == len(b":,"):
            make = {"plain": columns.plain, "any": columns.any, "sparse": columns.sparse}[self.shape.kind]
            pattern, self._replacement = make()
        elif self.shape.kind == "any":
            pattern, self._replacement = columns.spaced(colon, comma)
        else:
            raise ValueError("rows with blanks have a pattern for any values only")
        self._line = rb"\G" + pattern + rb"\n" + _DEFINITIONS
        self._member = rb"\G,[ \t\r\n]*+" + pattern + _DEFINITIONS
        if _compile(self._line) is None:
            raise ValueError("the pattern is too large")

    def matches(self, row: bytes) -> bool:
        """Is this one of the rows?"""
        return _substitute(self._line, b"", row + b"\n") == (b"", 1)

    def prove_lines(self, text: bytes) -> tuple[Rows, bytes]:
        """Of a text with a row on each line: the rows at its start, as they are, and the text after them."""
        rest, count = _substitute(self._line, b"", text)
        return Rows(text[: len(text) - len(rest)], count), rest

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
        if text.endswith(b"}") and made.endswith(b"\n"):
            return Rows(made, count), b""
        # Not all were matched. A row has no newline but the one after it.
        converted = b"".join(BytesIO(made).readlines()[:count])
        return Rows(converted, count), made[len(converted) :]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a row, from which its pattern is made: their keys in JSON, their types, and what becomes null.

    Each method returns a pattern and its replacement. All text between values that may change is one group.
    """

    keys: Sequence[bytes]
    kinds: Sequence[ColumnType | None]
    nulls: bytes

    def plain(self) -> tuple[bytes, bytes]:
        """Rows in which only numbers change, by losing their quotes."""
        kept, pattern, groups = rb"\{", b"", 1
        for number, (key, kind) in enumerate(zip(self.keys, self.kinds, strict=True)):
            kept += (b"," if number else b"") + re.escape(key) + b":"
            if value := _NUMBERS.get(kind):
                pattern += b"(" + kept + rb')(?>(?|"%b"|%b|(null)))' % (value, value)
                groups += 2
                kept = b""
            else:
                kept += b"(?>" + _UNCHANGED[kind] + b")"
        replacement = b"".join(b"$%d" % group if group < 10 else b"${%d}" % group for group in range(1, groups + 1))
        return pattern + b"(" + kept + rb"\})", replacement + b"\n"

    def any(self) -> tuple[bytes, bytes]:
        """Rows whose values may be written in any way that can be converted."""
        pattern = replacement = b""
        group = 1
        kept = rb"\{"
        for number, (key, kind) in enumerate(zip(self.keys, self.kinds, strict=True)):
            kept += (b"," if number else b"") + re.escape(key) + b":"
            if kind is None:
                kept += b"(?>" + _UNCHANGED[kind] + b")"
                continue
            converted, replaced, groups = _convert(kind, self.nulls, group + 1)
            pattern += b"(" + kept + b")(?>" + converted + b")"
            replacement += b"${%d}" % group + replaced
            group += 1 + groups
            kept = b""
        return pattern + b"(" + kept + rb"\})", replacement + b"${%d}\n" % group

    def sparse(self) -> tuple[bytes, bytes]:
        """As `any`, for rows that have some of the keys, in their order."""
        pattern, replacement = rb"\{(?=\")", rb"{"
        group = 1
        comma = rb"(,(?=\")|(?=\}))"  # no comma after the last member
        for key, kind in zip(self.keys, self.kinds, strict=True):
            converted, replaced, groups = _convert(kind, self.nulls, group + 1)
            last = group + 1 + groups
            pattern += rb"(?:(" + re.escape(key) + rb":)(?>" + converted + rb")" + comma + rb")?+"
            replacement += b"${%d:+${%d}%b${%d}:}" % (group, group, replaced, last)
            group = last + 1
        return pattern + rb"\}", replacement + b"}\n"

    def spaced(self, colon: bytes, comma: bytes) -> tuple[bytes, bytes]:
        """As `any`, for rows with blanks: a row keeps them if no value changes, and has none if one does."""
        same, changed, replacements = [], [], []
        group = 2
        for key, kind in zip(self.keys, self.kinds, strict=True):
            converted, replaced, groups = _convert(kind, self.nulls, group)
            same.append(re.escape(key) + colon + b"(?>" + _UNCHANGED[kind] + b")")
            changed.append(re.escape(key) + colon + b"(?>" + converted + b")")
            # Between \Q and \E nothing has a meaning.
            replacements.append(rb"\Q" + key + rb":\E" + replaced)
            group += groups
        pattern = rb"(?:(\{" + comma.join(same) + rb"\})|\{" + comma.join(changed) + rb"\})"
        return pattern, rb"${1:-\Q{\E" + b",".join(replacements) + rb"\Q}\E}" + b"\n"


class RowPatterns:
    """The patterns made for the rows of one response."""

    def __init__(
        self, declared: Mapping[str, ColumnType], null_values: Collection[str] = (), *, is_page: bool = False
    ) -> None:
        """`is_page`: rows may leave keys out, and the first pattern is the last one of the page before.

        That page may be of another report, if it has the same columns declared.
        """
        self._declared = declared
        self._null_values = null_values
        self._is_page = is_page
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
        names = tuple(names_in(row))
        shapes: list[Shape | None] = [Shape(names, "plain"), Shape(names, "any")]
        if self._is_page and self._made and self._made[0].shape.names != names:
            shapes.insert(0, self._made[0].shape.widen(names))
        known = {pattern.shape for pattern in self._made}
        for shape in filter(None, shapes):
            if shape in known or not self._left:
                continue
            self._left -= 1
            with suppress(ValueError):
                pattern = RowPattern(row, self._declared, self._null_values, shape=shape)
                if pattern.matches(row):
                    return self._put_first(pattern)
                self._made.append(pattern)  # for later rows: this one may have a value that nothing can convert
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
