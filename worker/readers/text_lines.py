"""Decodes a response to lines of text for `csv.reader`, so that it can parse many without a Python call for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from worker.charsets import UndecodableError, codec_of, decode, find_mark
from worker.errors import READ_AT_MOST, FailJob, RetryLater
from worker.readers.limits import LARGEST_ROW_BYTES
from worker.readers.slices import slice_text

_MARK = "\ufeff"
_MOST_CHARACTERS = 3 * LARGEST_ROW_BYTES
"""The most a row of the largest size can take in the file: every quote is doubled, and values are quoted."""


def refuse_escaped_letters(lines: TextLines, escape: str) -> Iterator[str]:
    r"""Pass on the lines. Raises FailJob if the escape character stands before a letter or a digit.

    There it does more than make the next character plain (`\N` is null, `\n` a line end), or it is a plain character.
    """
    mark = re.escape(escape)
    letter = re.compile(rf"(?<!{mark})(?:{mark}{mark})*({mark}[0-9A-Za-z])")
    number = lines.lines_dropped
    for line in lines:
        number += bool(line)
        if escape in line and (found := letter.search(line)):
            raise FailJob(f"line {number}: {found[1]!r} may mean something else than {found[1][1:]!r}")
        yield line


class TextLines:
    """Iterates over lines, with their line ends, and gives an empty string (a mark) at the end of each slice.

    Between two rows `csv.reader` takes the mark for a blank line; inside quotes it ignores it. So reading up to the
    next blank row gives all rows of a slice at once.
    `lines_given` counts lines and marks given, `marks` the marks alone, `lines_dropped` the lines left out.
    `is_tail`: the last line given ends the text and has no line end. `is_over`: no more lines will come.
    """

    def __init__(
        self, chunks: Iterable[bytes], declared: str | None = None, stated: str | None = None, *, end: str = "\n"
    ) -> None:
        """`declared` is the character set in the source file, `stated` that of the response.

        Reading raises RetryLater if bytes are not valid in the character set.
        """
        self.lines_given = 0
        self.marks = 0
        self.lines_dropped = 0
        self.is_tail = False
        self.is_over = False
        self.characters = 0
        self._row_start = 0
        self._lines_cut = 0
        self._end = end
        self._ahead: list[str] = []
        self._given: list[str] = []
        self._lists = self._cut_lines(self._decode(chunks, declared, stated))

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._give())

    def peek(self) -> str:
        """The next line, without taking it; empty at the end. Like `drop` and `start`, only before iterating."""
        if not self._ahead:
            self._ahead = next(self._lists, [])
        return self._ahead[0] if self._ahead else ""

    def drop(self) -> None:
        """Skip the line that `peek` returned."""
        self._ahead.pop(0)
        self.lines_dropped += 1

    def start(self, characters: int) -> str:
        """The first characters of the lines still to come, without taking them."""
        while sum(map(len, self._ahead)) < characters and (lines := next(self._lists, None)) is not None:
            self._ahead += lines
        return "".join(self._ahead)[:characters]

    def begin_row(self) -> None:
        """Note that a row begins with the next line; iterating raises FailJob if the row becomes too large."""
        self._row_start = self.characters

    def line(self, number: int) -> str:
        """A line of the slice given last, by its number among the lines and marks given."""
        return self._given[number - self.lines_given - 1]

    def count(self, fields: Iterable[str]) -> int:
        """How many lines a row with these values takes: a quoted value may hold line ends."""
        return 1 + sum(field.count(self._end) for field in fields)

    def _give(self) -> Iterator[list[str]]:
        """Yield the lines of each slice, followed by a mark, and count them."""
        for lines in chain([self._ahead] if self._ahead else [], self._lists):
            self.is_tail = not lines[-1].endswith(self._end)
            if not self.is_tail:
                lines.append("")
                self.marks += 1
            self.lines_given += len(lines)
            self._given = lines
            self.characters += sum(map(len, lines))
            self._refuse_too_long(self.characters - self._row_start)
            yield lines
        self.is_over = True

    def _cut_lines(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the lines that each slice completes; only the very last may have no line end.

        No line begins with a byte order mark: where files were joined, each may have had one.
        """
        held: list[str] = []
        held_characters = 0
        has_marks = False
        for text in texts:
            has_marks = has_marks or _MARK in text
            *lines, rest = text.split(self._end)
            if lines:
                lines[0] = "".join((*held, lines[0]))
                held, held_characters = [], 0
                self._lines_cut += len(lines)
                if has_marks:
                    lines = [line.lstrip(_MARK) for line in lines]
                yield [line + self._end for line in lines]
            held.append(rest)
            held_characters += len(rest)
            self._refuse_too_long(held_characters)
        if last := "".join(held).lstrip(_MARK):
            yield [last]

    def _decode(self, chunks: Iterable[bytes], declared: str | None, stated: str | None) -> Iterator[str]:
        """Yield the text; what comes before an invalid byte is yielded before the error is raised.

        The mark decides on the character set, then what is declared, then what is stated, then it is UTF-8. But many
        servers state a wrong one: iso-8859-1, the default in Java, or what describes the file before it was packed
        (`binary`). So one that Python does not know is ignored, and a text that is stated to be in iso-8859-1 is in
        UTF-8 if the first character beyond ASCII is.
        """
        marked, chunks = find_mark(chunks)
        codec = marked or codec_of(declared or stated or "utf-8") or "utf-8"
        slices = chain.from_iterable(map(slice_text, chunks))
        try:
            yield from decode(slices, codec, is_doubtful=codec == "cp1252" and declared is None)
        except UndecodableError as error:
            hint = "" if declared or not stated else f"; the vendor states {stated!r}, and `encoding` overrides that"
            raise RetryLater(f"line {self._lines_cut + 1}: {error}{hint}", at_most=READ_AT_MOST) from None

    def _refuse_too_long(self, characters: int) -> None:
        """Raise FailJob if a row with this many characters in the file must be too large."""
        if characters > _MOST_CHARACTERS:
            size = f"{LARGEST_ROW_BYTES // 1024 // 1024} MiB"
            raise FailJob(f"line {self.lines_given - self.marks + self.lines_dropped + 1}: a row is larger than {size}")
