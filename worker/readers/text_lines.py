"""The lines of a text as they come, for a CSV parser that goes through many without a call to Python for each."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain

from worker.charsets import LONGEST_MARK_BYTES, codec_by_mark, codec_of
from worker.errors import READ_AT_MOST, FailJob, RetryLater
from worker.readers.limits import LARGEST_ROW_BYTES
from worker.readers.slices import slice_text

_MOST_CHARACTERS = 3 * LARGEST_ROW_BYTES
"""The most that a row of the largest size can take in the file: its quotes are doubled, and stand within quotes."""


class TextLines:
    """Lines with their ends. Iterating gives each line, and an empty text (a mark) where a slice of the response ends.

    A CSV parser takes an empty text for a blank line between two rows, and for nothing within quotes. So reading up to
    the next blank line gives all the rows of a slice at once. `lines_given` counts what was given out, marks included;
    `marks` counts those. `is_tail`: what was given last ends the text without a line end. `is_over`: there is no more.
    """

    def __init__(self, chunks: Iterable[bytes], encoding: str | None = None, end: str = "\n") -> None:
        """`encoding` is the declared character set or the one the vendor states; a byte order mark goes before it.

        Raises FailJob, now or while iterating, where it is not known, and RetryLater where bytes do not belong to it.
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
        self._lists = self._cut_lines(self._decode(chunks, encoding))

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._give())

    def peek(self) -> str:
        """The next line, which still comes next; empty at the end. Before iterating only, as `drop` and `start`."""
        if not self._ahead:
            self._ahead = next(self._lists, [])
        return self._ahead[0] if self._ahead else ""

    def drop(self) -> None:
        """Leave the line peeked at out of what iterating gives."""
        self._ahead.pop(0)
        self.lines_dropped += 1

    def start(self, characters: int) -> str:
        """The beginning of the lines still to come."""
        while sum(map(len, self._ahead)) < characters and (lines := next(self._lists, None)) is not None:
            self._ahead += lines
        return "".join(self._ahead)[:characters]

    def begin_row(self) -> None:
        """A row begins with what is given next; iterating raises FailJob where it takes too much."""
        self._row_start = self.characters

    def count(self, fields: Iterable[str]) -> int:
        """How many lines a row of these values takes: within quotes a value may hold line ends."""
        return 1 + sum(field.count(self._end) for field in fields)

    def _give(self) -> Iterator[list[str]]:
        """The lines of each slice, with a mark behind them, counted as they are given."""
        for lines in chain([self._ahead] if self._ahead else [], self._lists):
            self.is_tail = not lines[-1].endswith(self._end)
            if not self.is_tail:
                lines.append("")
                self.marks += 1
            self.lines_given += len(lines)
            self.characters += sum(map(len, lines))
            self._refuse_too_long(self.characters - self._row_start)
            yield lines
        self.is_over = True

    def _cut_lines(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """The lines that are whole with each slice; the very last may have no line end."""
        held: list[str] = []
        held_characters = 0
        for text in texts:
            *lines, rest = text.split(self._end)
            if lines:
                lines[0] = "".join((*held, lines[0]))
                held, held_characters = [], 0
                self._lines_cut += len(lines)
                yield [line + self._end for line in lines]
            held.append(rest)
            held_characters += len(rest)
            self._refuse_too_long(held_characters)
        if last := "".join(held):
            yield [last]

    def _decode(self, chunks: Iterable[bytes], encoding: str | None) -> Iterator[str]:
        """The text without its byte order mark. What stands before a wrong byte is given before the error is raised."""
        start, rest = b"", iter(chunks)
        for chunk in rest:
            start += chunk
            if len(start) >= LONGEST_MARK_BYTES:
                break
        codec = codec_by_mark(start) or codec_of(encoding or "utf-8")
        if codec is None:
            raise FailJob(f"the text is in {encoding!r}, which is not known here; `encoding` declares another")
        decoder = codecs.getincrementaldecoder(codec)()
        is_first = True
        for piece in chain(chain.from_iterable(map(slice_text, chain((start,), rest))), (b"",)):
            error = None
            try:
                text = decoder.decode(piece, not piece)
            except UnicodeDecodeError as caught:
                text, error = caught.object[: caught.start].decode(codec, "replace"), caught
            if text:
                yield text.removeprefix("\ufeff") if is_first else text
                is_first = False
            if error is not None:
                reason = f"line {self._lines_cut + 1}: not valid {codec.upper()}"
                raise RetryLater(reason, at_most=READ_AT_MOST) from None

    def _refuse_too_long(self, characters: int) -> None:
        """Raise FailJob where a row of so many characters is too large, quoted or not."""
        if characters > _MOST_CHARACTERS:
            size = f"{LARGEST_ROW_BYTES // 1024 // 1024} MiB"
            raise FailJob(f"line {self.lines_given - self.marks + self.lines_dropped + 1}: a row is larger than {size}")
