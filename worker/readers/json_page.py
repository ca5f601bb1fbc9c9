"""JSON pages of any size: rows at any of several places, and what the page says of itself before or after them.

The list of rows goes to the row cutter; all the rest, and none of the rows, goes through a walk from event to event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from worker.errors import READ_AT_MOST, FailJob, MillraceError, RetryLater
from worker.json_path import count, find, flag, link, split
from worker.model import Facts, Rows
from worker.readers.columns import Columns
from worker.readers.cutter import ListCutter
from worker.readers.envelope import STEP_BYTES, NotJsonError, Path, TooLarge, Walk, path_of
from worker.readers.exact import dumps
from worker.readers.fast_cutter import FastCutter, Members
from worker.readers.faults import Fault, too_large
from worker.readers.named_lists import NamedLists
from worker.readers.slices import slices
from worker.sources.schema import ColumnType, JsonRows
from worker.vendor_errors import error_in, excerpt, paths_of

_TO_BRACKET = re.compile(rb"[^\[]*\[?")
_TO_ANY_BRACKET = re.compile(rb"[^\[}]*[\[}]?")
_NOT_FINITE = re.compile(rb"[:,\[]\s*-?(?:NaN|Infinity)")
_BEFORE_BYTES = 32
_START_BYTES = 400


def read(chunks: Iterable[bytes], shape: JsonRows, columns: Mapping[str, ColumnType], facts: Facts) -> Iterator[Rows]:
    """The rows of one page, with total, pages and next link in `facts`. See `worker.readers.read_blocks`.

    Of several places the first in the source file's order has the rows, and every list at a place with `*`. An error
    body fails the job, as does one in a batch of rows.
    """
    page = _Page(chunks, shape, columns, facts)
    try:
        yield from page.rows()
    finally:
        page.close()


class _Page:
    def __init__(
        self, chunks: Iterable[bytes], shape: JsonRows, columns: Mapping[str, ColumnType], facts: Facts
    ) -> None:
        self._shape = shape
        self._facts = facts
        self._typed = Columns(columns)
        self._texts = slices(chunks)
        self._rows = 0
        self._rows_at: Path | None = None
        self._before = b""  # the last bytes walked
        self._held = b""  # the beginning of a piece that is to be walked
        objects = [*(shape.rows if shape.object_is_row else ()), *([""] if shape.comma_joined else ())]
        self._named = NamedLists(shape.column_name) if shape.columns is not None else None
        # What may stand around rows: the page, and a batch of rows.
        self._frames = ["", *dict.fromkeys(path[: path.rindex("*") + 1] + "." for path in shape.rows if "*" in path)]
        errors = [frame + path for frame in self._frames for path in paths_of(shape.errors)]
        wanted = [*shape.total, *shape.total_pages, *shape.next, *shape.has_more, *errors]
        wanted += [] if shape.columns is None else [shape.columns]
        self._walk = Walk(shape.rows, [split(path)[0] for path in wanted], objects)
        self._to_stop = _TO_ANY_BRACKET if shape.comma_joined else _TO_BRACKET
        self._stops = (b"[", b"}") if shape.comma_joined else (b"[",)

    @property
    def _next_row(self) -> int:
        return self._facts.first_row + self._rows

    def close(self) -> None:
        """Give back what the page holds."""
        if self._named is not None:
            self._named.close()

    def rows(self) -> Iterator[Rows]:
        start = b""
        for text in chain((self._beginning(),), self._texts):
            start = start if len(start) >= _START_BYTES else start + text[:_START_BYTES]
            left: bytes | None = text
            while left is not None:
                left = self._to_rows(left)
                if left is not None:
                    left = yield from self._members(left)
        if self._held:
            self._step(self._held, b"")
        if not self._walk.finish():
            raise RetryLater(f"row {self._next_row}: the response is cut before its end, after {self._rows} rows")
        yield from self._told(start)

    def _beginning(self) -> bytes:
        """The first text, which must begin like a list or an object."""
        start = b""
        for text in self._texts:
            start = text.lstrip()
            if start:
                break
        if start.lstrip()[:1] not in (b"{", b"["):
            fault = Fault(start)
            fault.read_on(self._texts)
            raise FailJob(f"no JSON list or object but: {excerpt(fault.left)}")
        return start

    # ------------------------------------------------------------ the way to the rows

    def _to_rows(self, text: bytes) -> bytes | None:
        """Walk until a list of rows begins: the text after its bracket, None where the text has none.

        A piece of text is walked whole, however it was cut, so that what is broken in it reads the same.
        """
        text, self._held = self._held + text, b""
        at = 0
        while at < len(text):
            if self._is_joined(text, at):
                return text[at:]
            piece = self._to_stop.match(text, at).group()[:STEP_BYTES]  # type: ignore[union-attr]  # matches anything
            at += len(piece)
            if at == len(text) and len(piece) < STEP_BYTES and piece[-1:] not in self._stops:
                self._held = piece
                break
            self._step(piece, text[at:])
            if self._walk.list_at is not None and self._chooses(self._walk.list_at):
                return text[at:]
        return None

    def _step(self, piece: bytes, rest: bytes) -> None:
        try:
            self._walk.feed(piece)
        except NotJsonError as error:
            raise self._broken(error.reason, piece + rest) from None
        self._before = (self._before + piece)[-_BEFORE_BYTES:]

    def _broken(self, reason: str | None, text: bytes) -> MillraceError:
        fault = Fault(self._before + text)
        fault.read_on(self._texts)
        if reason is None and _NOT_FINITE.search(fault.left):
            reason = "NaN or an infinity where JSON has numbers"
        if reason is not None:
            return FailJob(f"row {self._next_row}: {reason}: {excerpt(fault.left)}")
        return RetryLater(f"row {self._next_row}: not valid JSON in UTF-8: {excerpt(fault.left)}", at_most=READ_AT_MOST)

    def _chooses(self, path: Path) -> bool:
        """Are the rows in this list? A list at an earlier place in the declared order wins, if nothing was read yet."""
        order = [path_of(place) for place in self._shape.rows]
        if self._rows_at is not None and order.index(self._rows_at) < order.index(path):
            return False
        if self._rows and (path != self._rows_at or "*" not in path):
            places = " and ".join(".".join(at) or "the top" for at in (self._rows_at or (), path))
            raise FailJob(f"row {self._next_row}: rows stand at {places}")
        self._rows_at = path
        self._walk.forget_objects()
        return True

    def _is_joined(self, text: bytes, at: int) -> bool:
        """Do more objects follow the first one, joined by commas where a list was meant?"""
        is_over = self._shape.comma_joined and self._walk.is_over and self._rows_at is None
        return is_over and () in self._walk.found and text[at:].lstrip()[:1] == b","

    # ------------------------------------------------------------ rows

    def _members(self, text: bytes) -> Generator[Rows, None, bytes | None]:
        """The rows of the list that begins with this text; the text after it, None where it ends the response."""
        is_joined = self._is_joined(text, 0)
        if is_joined:
            yield from self._published([self._walk.found[()]])
        skip_empty = self._shape.skip_empty
        cutter: FastCutter | ListCutter = FastCutter(Members(skip_empty=skip_empty, of_lists=self._named is not None))
        if is_joined:
            cutter = ListCutter(skip_empty=skip_empty, has_rows=True, is_joined=True)
        for part in chain((text,), self._texts, (None,)):
            cut = cutter.finish() if part is None else cutter.feed(part)
            rows = cut if isinstance(cut, Rows) else Rows.of(cut)
            self._hear_first(rows)
            if self._named is None:
                yield self._typed.typed(rows)
            elif rows:
                self._learn_columns()
                if self._named.is_known:
                    yield from map(self._typed.typed, self._named.waiting(self._facts.first_row))
                yield self._typed.typed(self._named.named(rows, self._next_row))
            self._rows += len(rows)
            if cutter.after is not None or cutter.fault is not None:
                break
        if cutter.fault is not None:
            cutter.fault.read_on(self._texts)
            raise cutter.fault.error(self._next_row)
        if cutter.after is not None:
            self._step(b"]", cutter.after)
        return cutter.after

    def _published(self, values: list[Any]) -> Iterator[Rows]:
        """Objects that are rows, written anew."""
        for value in values:
            if isinstance(value, TooLarge):
                raise too_large(self._next_row)
            if value or not self._shape.skip_empty:
                yield self._typed.typed(Rows.of([dumps(value)]))
                self._rows += 1

    # ------------------------------------------------------------ what the page says

    def _find(self, path: str, frame: str = "") -> Any:
        place, inside = split(frame + path)
        return find(self._walk.found.get(path_of(place)), inside)

    def _hear_first(self, rows: Rows) -> None:
        """Hear what a path says that leads into the first row, as `0.code` does where errors come in a list."""
        if self._rows or not rows or not self._paths_into_first:
            return
        first = json.loads(rows.first)
        for path in self._paths_into_first:
            self._walk.found[path] = find(first, ".".join(path[len(self._rows_at or ()) + 1 :]))
        self._refuse_error()

    @property
    def _paths_into_first(self) -> list[Path]:
        """Where errors are looked for in the first row."""
        first = (*(self._rows_at or ()), "0")
        return [path for path in map(path_of, paths_of(self._shape.errors)) if path[: len(first)] == first]

    def _refuse_error(self) -> None:
        for frame in self._frames:
            if error := error_in(partial(self._find, frame=frame), self._shape.errors):
                raise error.failure(f"the vendor answered with an error: {error.words}")

    def _told(self, start: bytes) -> Iterator[Rows]:
        """Hear the page's errors and facts; give the object that is the one row, where no list was found."""
        self._refuse_error()
        facts, shape = self._facts, self._shape
        total, total_pages = count(map(self._find, shape.total)), count(map(self._find, shape.total_pages))
        facts.total = facts.total if total is None else total
        facts.total_pages = facts.total_pages if total_pages is None else total_pages
        facts.next = link(map(self._find, shape.next))
        facts.has_more = flag(map(self._find, shape.has_more))
        if self._named is not None and self._rows:
            yield from self._named_late()
        if self._rows_at is not None or self._rows or self._walk.has_empty_batches:
            return
        row = next((value for path in shape.rows if (value := self._row_at(path)) is not None), None)
        if row is not None:
            yield from self._published([row])
            return
        # Some vendors write null for none.
        is_null = any(self._walk.found.get(path_of(path), 0) is None for path in shape.rows)
        if not shape.absent_is_empty and not (total == 0 and is_null):
            places = " or ".join(repr(path) if path else "the top" for path in shape.rows)
            raise FailJob(f"no rows at {places}: {excerpt(start)}")

    def _learn_columns(self) -> None:
        """Hear what the columns are called, where the page has said so."""
        place = self._shape.columns or ""
        if path_of(place) in self._walk.changed:
            raise FailJob("the columns change within the page")
        if self._named is not None and not self._named.is_known and (columns := self._find(place)) is not None:
            self._named.learn(columns)

    def _named_late(self) -> Iterator[Rows]:
        """The rows that came before the names of their columns."""
        self._learn_columns()
        if self._named is None or not self._named.is_known:
            raise FailJob(f"the names of the columns are not at {self._shape.columns!r}")
        yield from map(self._typed.typed, self._named.waiting(self._facts.first_row))

    def _row_at(self, place: str) -> Any:
        """The object that is the one row, unless it wraps another place where rows are looked for."""
        path = path_of(place)
        value = self._walk.found.get(path) if self._shape.object_is_row else None
        inner = {other[len(path)] for other in map(path_of, self._shape.rows) if other[: len(path)] == path != other}
        is_row = isinstance(value, TooLarge) or (isinstance(value, dict) and not inner & value.keys())
        return value if is_row else None
