"""Reads JSON pages of any size: the rows, and the totals and next link that come before or after them.

The list of rows goes to the row cutter. Everything around it goes to `EnvelopeWalker`, which looks at each event of the
parser: that would be too slow for rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from itertools import chain
from types import UnionType
from typing import Any

from worker.errors import READ_AT_MOST, FailJob, RetryLater
from worker.json_path import LAST, count, find, first_rows, flag, is_value, link, split
from worker.model import Facts, Rows
from worker.readers.columns import Columns
from worker.readers.cutter import BETWEEN_ROWS
from worker.readers.envelope import STEP_BYTES, EnvelopeWalker, NotJsonError, Path, TooLarge, path_of
from worker.readers.exact import dumps
from worker.readers.fast_cutter import FastCutter, Members
from worker.readers.faults import Fault, too_large_error
from worker.readers.named_lists import NamedLists
from worker.readers.row_errors import RowErrors
from worker.readers.slices import slices
from worker.readers.wrapped_rows import WrappedRows
from worker.sources.schema import ColumnType, JsonRows
from worker.vendor_errors import error_in, excerpt, one_line, paths_of

# The walker is fed up to a bracket at a time, since a list of rows may begin there, and rows must not be walked.
_TO_BRACKET = re.compile(rb"[^\[]*\[?")
_TO_ANY_BRACKET = re.compile(rb"[^\[}]*[\[}]?")
_NOT_FINITE = re.compile(rb"[:,\[]\s*-?(?:NaN|Infinity)")
_IS_NDJSON = re.compile(rb"\{[^\n]*\}\s*\n\s*\{")
_START_BYTES = 400
"""How much of a page's beginning is kept for messages."""


def read(chunks: Iterable[bytes], shape: JsonRows, columns: Mapping[str, ColumnType], facts: Facts) -> Iterator[Rows]:
    """Yield the rows of one page; total, pages and next link are in `facts` then. See `worker.readers.read_blocks`.

    If the source file names several places, the rows are at the only one that is not empty; a place with `*` may hold
    several lists or, with `object_is_row`, several rows. A declared error raises what it declares, whether it is in the
    page, in a batch of rows or in place of a row.
    """
    page = _Page(chunks, shape, columns, facts)
    before, latest = 0, Rows()
    try:
        for rows in page.rows():
            page.refuse_errors_in(rows, before)
            before += len(rows)
            latest = rows or latest
            yield rows
        if latest:
            page.find_next_in(latest.last)
    finally:
        page.close()


class _Page:
    def __init__(
        self, chunks: Iterable[bytes], shape: JsonRows, columns: Mapping[str, ColumnType], facts: Facts
    ) -> None:
        self._shape = shape
        self._facts = facts
        self._columns = Columns(columns, shape.null_values)
        self._texts = self._note_start(slices(chunks, facts.charset))
        self._rows = 0
        self._rows_at: Path | None = None
        self._second_at: Path | None = None  # the list being read, if rows were read from another place
        self._has_joined = False
        self._start = b""  # the first bytes of the page
        self._held = b""  # the beginning of the next piece for it
        wrapped = [WrappedRows(path, shape.errors) for path in shape.rows if shape.object_is_row and "*" in path]
        self._wrapped = {path_of(each.list_at): each for each in wrapped}
        self._has_members = False  # of a list whose members each hold a row
        places = [path for path in shape.rows if not (shape.object_is_row and "*" in path)]
        self._row_errors = {path_of(place): RowErrors(place, shape.errors) for place in places}
        # Objects kept whole: each may turn out to be a row, because the page has no list of rows.
        objects = [*(places if shape.object_is_row else ()), *([""] if shape.comma_joined else ())]
        self._lists = NamedLists(shape.column_name) if shape.columns is not None else None
        self._names_come_first = shape.columns in first_rows(shape.rows)
        # The prefixes at which errors are looked for: the page's own, and one for each batch of rows.
        self._frames = ["", *dict.fromkeys(path[: path.rindex("*") + 1] + "." for path in shape.rows if "*" in path)]
        errors = [frame + path for frame in self._frames for path in paths_of(shape.errors)]
        wanted = [*shape.total, *shape.total_pages, *shape.next, *shape.has_more, *shape.is_last, *errors]
        wanted += [*facts.watched, *([] if shape.columns is None else [shape.columns])]
        self._places = [*places, *(each.list_at for each in wrapped)]
        self._walk = EnvelopeWalker(self._places, [split(path)[0] for path in wanted], objects)
        self._to_stop = _TO_ANY_BRACKET if shape.comma_joined else _TO_BRACKET
        self._stops = (b"[", b"}") if shape.comma_joined else (b"[",)

    @property
    def _next_row(self) -> int:
        return self._facts.first_row + self._rows

    def close(self) -> None:
        """Release the temporary file, if there is one."""
        if self._lists is not None:
            self._lists.close()

    def rows(self) -> Iterator[Rows]:
        for text in chain((self._first_text(),), self._texts):
            left: bytes | None = text
            while left is not None:
                left = self._to_rows(left)
                if left is not None:
                    left = yield from self._members(left)
        self._step(self._held, b"", is_last=True)
        if not self._walk.is_whole():
            raise RetryLater(f"row {self._next_row}: the response is cut off after {self._rows} rows")
        yield from self._finish()

    def _note_start(self, texts: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the texts, whoever reads them, and keep the beginning of the page."""
        for text in texts:
            if len(self._start) < _START_BYTES:
                self._start = (self._start + text).lstrip()[:_START_BYTES]
            yield text

    def _first_text(self) -> bytes:
        """The first text that is not blank. Raises FailJob if it does not begin with a bracket or a brace.

        The exception is a body that is null in place of a list, which Go writes for one without members.
        """
        start = b""
        for text in self._texts:
            start = text.lstrip()
            if start:
                break
        if start[:1] not in (b"{", b"["):
            fault = Fault(start)
            fault.read_on(self._texts)
            if fault.left.strip() == b"null" and self._shape.absent_is_empty and "" in self._shape.rows:
                return fault.left
            raise FailJob(f"expected a JSON list or object, got: {excerpt(fault.left)}")
        return start

    # ------------------------------------------------------------ the way to the rows

    def _to_rows(self, text: bytes) -> bytes | None:
        """Walk until a list of rows begins; returns the text after its bracket, None if none begins in this text.

        A piece is walked only once it is whole, so that an error in it has the same message however chunks were cut.
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
            if self._walk.list_at is not None:
                self._take_list(self._walk.list_at)
                return text[at:]
        return None

    def _step(self, piece: bytes, rest: bytes, *, is_last: bool = False) -> None:
        """Give a piece, which `rest` follows, to the walker. Raises FailJob or RetryLater, quoting the broken text."""
        try:
            self._walk.feed(piece, is_last=is_last)
        except NotJsonError as error:
            fault = Fault(error.text + rest)
            fault.read_on(self._texts)
            shown, reason = one_line(fault.left), error.reason
            if reason is None and _NOT_FINITE.search(fault.left):
                reason = "NaN or an infinity where JSON has numbers"
            if reason is not None:
                raise FailJob(f"row {self._next_row}: {reason}: {shown}") from None
            hint = "; objects one after another are `kind: ndjson`" if _IS_NDJSON.match(self._start) else ""
            text = f"row {self._next_row}: not valid JSON in UTF-8: {shown}{hint}"
            raise RetryLater(text, at_most=READ_AT_MOST) from None

    def _take_list(self, path: Path) -> None:
        """Note where a list of rows begins: either all rows so far are from the same place, or it has to be empty."""
        is_second = self._rows and (path != self._rows_at or "*" not in path)
        self._second_at = path if is_second else None
        self._rows_at = self._rows_at if self._rows else path
        self._walk.forget_objects()

    def _refuse_second_place(self) -> None:
        """Raise FailJob if the rows just read are at another place than the rows before them."""
        if self._second_at is not None:
            places = " and ".join(".".join(at) or "the top" for at in (self._rows_at or (), self._second_at))
            raise FailJob(f"row {self._next_row}: there are rows both at {places}")

    def _is_joined(self, text: bytes, at: int) -> bool:
        """Does a comma follow the first object, as in `{...},{...}`, where a list was meant?"""
        is_over = self._shape.comma_joined and self._walk.is_over and self._rows_at is None
        return is_over and () in self._walk.found and text[at:].lstrip()[:1] == b","

    # ------------------------------------------------------------ rows

    def _members(self, text: bytes) -> Generator[Rows, None, bytes | None]:
        """Yield the rows of the list that begins with this text; returns the text after the list, None at the end."""
        is_joined = self._has_joined = self._is_joined(text, 0)
        if is_joined:
            yield from self._dump_rows([self._walk.found[()]])
        skip_empty, of_lists = self._shape.skip_empty, self._lists is not None
        columns = None if of_lists or (self._rows_at or ()) in self._wrapped else self._columns
        members = Members(skip_empty=skip_empty, of_lists=of_lists, columns=columns, has_rows=is_joined)
        if not is_joined and (whole := members.decode_end(text)):
            rows, after = whole
            yield from self._take_rows(rows)
            self._step(b"]", after)
            return after
        cutter = FastCutter(members)
        for part in chain((text,), self._texts, (None,)):
            yield from self._take_rows(cutter.finish() if part is None else cutter.feed(part))
            if cutter.after is not None or cutter.fault is not None:
                break
        if is_joined and cutter.fault == BETWEEN_ROWS:
            return None
        if cutter.fault is not None:
            if cutter.fault.left:
                self._refuse_second_place()
            cutter.fault.read_on(self._texts)
            raise cutter.fault.error(self._next_row)
        if cutter.after is not None:
            self._step(b"]", cutter.after)
        return cutter.after

    def _take_rows(self, rows: Rows) -> Iterator[Rows]:
        """Count rows that were cut from a list, and yield them: as objects, if they are lists whose names are known."""
        if rows:
            self._refuse_second_place()
        if (wrapped := self._wrapped.get(self._rows_at or ())) is not None:
            self._has_members = self._has_members or bool(rows)
            rows = self._columns.convert(wrapped.take(rows, self._rows, self._find))
            yield rows
        elif self._lists is None:
            yield rows
        elif rows:
            if self._names_come_first and not self._lists.is_known:
                names, rows = rows.cut(1)
                self._lists.learn(names.first.decode() if names.dead else json.loads(names.first))
            self._learn_columns()
            if self._lists.is_known:
                yield from map(self._columns.convert, self._lists.take_waiting(self._facts.first_row))
            yield from map(self._columns.convert, self._lists.to_objects(rows, self._next_row))
        self._rows += len(rows)

    def _dump_rows(self, values: list[Any]) -> Iterator[Rows]:
        """Serialize parsed objects to rows: they did not go through the cutter, so their bytes were not kept."""
        for value in values:
            if isinstance(value, TooLarge):
                raise too_large_error(self._next_row)
            if value or not self._shape.skip_empty:
                yield self._columns.convert(Rows.of([dumps(value)]))
                self._rows += 1

    # ------------------------------------------------------------ what the page says

    def _find(self, path: str, frame: str = "") -> Any:
        place, inside = split(frame + path)
        return find(self._walk.found.get(path_of(place)), inside)

    def refuse_errors_in(self, rows: Rows, before: int) -> None:
        """Raise if one of these rows is a declared error; `before` is how many rows came before them."""
        if errors := self._row_errors.get(self._rows_at or ()):
            errors.check(rows, before, self._find)

    def find_next_in(self, row: bytes) -> None:
        """Take the next page's token from the last row if it is declared to be there: `data.-1.id`.

        Raises FailJob if it is not, because without it this page would be taken for the last.
        """
        paths = [path for path in self._shape.next if LAST in path.split(".")]
        if not paths or self._facts.next is not None or self._facts.has_more is False:
            return
        content = json.loads(row, parse_float=Decimal)
        self._facts.next = link(find(content, f".{path}".partition(f".{LAST}.")[2]) for path in paths)
        if self._facts.next is None:
            raise FailJob(f"the last row has no value at {' or '.join(map(repr, paths))}: {excerpt(row)}")

    def _refuse_error(self) -> None:
        """Raise if a declared error was found so far, in the page or in a batch of rows."""
        for frame in self._frames:
            if error := error_in(partial(self._find, frame=frame), self._shape.errors):
                raise error.failure(f"the vendor answered with an error: {error.words}")

    def _take_facts(self) -> int | None:
        """Fill in the facts at the end of a whole page; returns its own count of rows."""
        facts, shape = self._facts, self._shape
        total, total_pages = count(map(self._find, shape.total)), count(map(self._find, shape.total_pages))
        facts.total = facts.total if total is None else total
        facts.total_pages = facts.total_pages if total_pages is None else total_pages
        facts.next = link(map(self._find, shape.next))
        facts.seen = {path: value for path in facts.watched if is_value(value := self._find(path))}
        facts.has_more = flag(map(self._find, shape.has_more))
        if (is_last := flag(map(self._find, shape.is_last))) is not None:
            facts.has_more = not is_last
        if total is None:
            self._refuse_structure(shape.total, "a count of rows")
        if total_pages is None:
            self._refuse_structure(shape.total_pages, "a count of pages")
        if facts.next is None and facts.has_more is not False:
            self._refuse_structure(shape.next, "a link or token")
        if facts.has_more is None:
            self._refuse_structure((*shape.has_more, *shape.is_last), "yes or no", object)
        return total

    def _finish(self) -> Iterator[Rows]:
        """Check a whole page, and yield the rows that had to wait for its end.

        These are lists whose column names came after them, and an object that is the only row if no list was found.
        """
        self._refuse_error()
        total = self._take_facts()
        if self._lists is not None and self._rows:
            self._learn_columns()
            if not self._lists.is_known:
                raise FailJob(f"the names of the columns are not at {self._shape.columns!r}")
            yield from map(self._columns.convert, self._lists.take_waiting(self._facts.first_row))
        is_found = self._rows_at is not None or self._has_joined or self._walk.has_empty_batches
        if is_found and (self._rows or not self._has_members):
            if self._rows_at is not None and self._rows_at in self._walk.misplaced:
                raise FailJob(f"not everything at {'.'.join(self._rows_at)!r} is a list of rows")
            return
        row = next((value for path in self._shape.rows if (value := self._row_at(path)) is not None), None)
        if row is not None:
            yield from self._dump_rows([row])
            return
        self._refuse_missing_rows(total)

    def _refuse_missing_rows(self, total: int | None) -> None:
        """Raise FailJob unless the source file allows a page without rows, or its list is null and its count is 0."""
        shape = self._shape
        is_null = any(self._walk.found.get(path_of(path), 0) is None for path in self._places)
        if not shape.absent_is_empty and not (total == 0 and is_null):
            places = " or ".join(repr(path) if path else "the top" for path in shape.rows)
            raise FailJob(f"found no rows at {places}; the page begins: {excerpt(self._start)}")
        # What is there may be rows (a single one, or an object of them) or an error.
        if self._walk.misplaced:
            place = min(map(".".join, self._walk.misplaced))
            where = repr(place) if place else "the top"
            raise FailJob(f"there is something, but no list, at {where}; the page begins: {excerpt(self._start)}")

    def _refuse_structure(
        self, paths: Iterable[str], wanted: str, kinds: type | UnionType = dict | list | TooLarge
    ) -> None:
        """Raise FailJob if there is one of these kinds of values, or `true`, at one of the paths, where this is wanted.

        To ignore it would end a report at its first page, or leave its count out of account.
        """
        paths = [*paths]
        for path in paths:
            value = self._find(path)
            holds_another = any(other.startswith(f"{path}.") for other in paths)
            if (value is True or isinstance(value, kinds)) and is_value(value) and not holds_another:
                shown = str(value) if isinstance(value, TooLarge) else excerpt(dumps(value))
                raise FailJob(f"the value at {path!r} is not {wanted}: {shown}")

    def _learn_columns(self) -> None:
        """Learn the column names if the page has given them by now. Raises FailJob if it gives them differently."""
        place = self._shape.columns or ""
        if path_of(place) in self._walk.changed:
            raise FailJob("the columns change within the page")
        if self._lists is not None and not self._lists.is_known and (columns := self._find(place)) is not None:
            self._lists.learn(columns)

    def _row_at(self, place: str) -> Any:
        """The object at this place if it is a row: if it holds another place for rows, it is a wrapper instead."""
        path = path_of(place)
        value = self._walk.found.get(path) if self._shape.object_is_row else None
        inner = {other[len(path)] for other in map(path_of, self._shape.rows) if other[: len(path)] == path != other}
        is_row = isinstance(value, TooLarge) or (isinstance(value, dict) and not inner & value.keys())
        return value if is_row else None
