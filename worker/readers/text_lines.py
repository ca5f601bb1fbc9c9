"""The lines of a text, as they come."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from worker.errors import READ_AT_MOST, FailJob, RetryLater
from worker.readers.limits import LARGEST_ROW_BYTES
from worker.readers.slices import slices


class TextLines:
    """Lines of UTF-8 text with their newlines; a byte order mark is dropped.

    `is_over`: the text has ended, or the line given last, which has no newline, is its end. `mark` says that a row
    begins: one longer than 16 MiB, or a line that is, raises FailJob. Bytes that are no UTF-8 raise RetryLater.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.number = 0
        self.characters = 0
        self.is_over = False
        self._marked = 0
        self._first: list[str] = []
        self._lines = self._split(chunks)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._first.pop() if self._first else next(self._lines, "")
        if not line:
            self.is_over = True
            raise StopIteration
        self.number += 1
        self.characters += len(line)
        self.is_over = not line.endswith("\n")
        self._bound(self.characters - self._marked)
        return line

    def peek(self) -> str:
        """The next line, which still comes next; empty at the end."""
        if not self._first and (line := next(self._lines, "")):
            self._first.append(line)
        return self._first[-1] if self._first else ""

    def mark(self) -> None:
        self._marked = self.characters

    def _split(self, chunks: Iterable[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        held: list[str] = []
        held_characters = 0
        for chunk in slices(chunks):
            *lines, rest = self._decoded(decoder, chunk).split("\n")
            for line in lines:
                yield "".join((*held, line, "\n"))
                held, held_characters = [], 0
            held.append(rest)
            held_characters += len(rest)
            self._bound(held_characters)
        held.append(self._decoded(decoder, b""))
        if last := "".join(held):
            yield last

    def _decoded(self, decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
        try:
            return decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            line = self.number + error.object.count(b"\n", 0, error.start) + 1
            raise RetryLater(f"line {line}: not valid UTF-8", at_most=READ_AT_MOST) from None

    def _bound(self, characters: int) -> None:
        if characters > LARGEST_ROW_BYTES:
            size = f"{LARGEST_ROW_BYTES // 1024 // 1024} MiB"
            raise FailJob(f"line {self.number + 1}: a row is larger than {size}")
