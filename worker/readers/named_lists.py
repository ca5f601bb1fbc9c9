"""Turns rows that come as lists of values into objects, by the column names that the page gives once."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any

import msgspec

from worker.errors import FailJob
from worker.model import DeadRow, Rows
from worker.readers.cutter import set_aside_half
from worker.readers.row_maker import RowMaker

_ROWS_AT_ONCE = 1_000
_LISTS = msgspec.json.Decoder(list[msgspec.Raw])


class NamedLists:
    """Makes objects of lists; every value stays byte for byte.

    Lists that come before the column names wait in a temporary file, so that memory does not grow with them.
    """

    def __init__(self, name_in: str) -> None:
        """`name_in` is the key that holds a column's name if the page describes columns by objects."""
        self._name_in = name_in
        self._maker: RowMaker | None = None
        self._kept = TemporaryFile()  # noqa: SIM115 - closed by `close`

    def close(self) -> None:
        """Delete the temporary file."""
        self._kept.close()

    @property
    def is_known(self) -> bool:
        """Are the column names known?"""
        return self._maker is not None

    def learn(self, columns: Any) -> None:
        """Take the column names from what the page gives. Raises FailJob if that is not a list of different names."""
        stated = columns if isinstance(columns, list) else []
        names: list[Any] = [column.get(self._name_in) if isinstance(column, dict) else column for column in stated]
        if not names or not all(isinstance(name, str) for name in names):
            raise FailJob(f"the columns are not a list of names: {str(columns)[:200]}")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise FailJob(f"two columns are called {twice!r}")
        self._maker = RowMaker(names)

    def to_objects(self, lists: Rows, first_row: int) -> Iterator[Rows]:
        """Yield the lists as objects; while the names are not known, keeps the lists and yields nothing.

        A dead row stays a list. If another has more or fewer values than there are columns, yields the rows before it,
        then raises FailJob with the row's number.
        """
        if self._maker is None:
            self._kept.write(lists.text)
            return
        if lists.dead:
            for number, row in enumerate(lists, first_row):
                alone = Rows.of([row])
                yield from [alone] if isinstance(row, DeadRow) else self.to_objects(alone, number)
            return
        values = _LISTS.decode_lines(lists.text)
        width = len(self._maker.names)
        wrong = next((at for at, row in enumerate(values) if len(row) != width), None)
        yield self._maker.make(values[:wrong])
        if wrong is not None:
            raise FailJob(f"row {first_row + wrong}: {len(values[wrong])} values for {width} columns")

    def take_waiting(self, first_row: int) -> Iterator[Rows]:
        """Yield the lists that waited for the column names, as objects, and empty the temporary file."""
        self._kept.seek(0)
        while lines := self._kept.readlines(_ROWS_AT_ONCE * 256):
            yield from self.to_objects(Rows.of(set_aside_half(line[:-1]) for line in lines), first_row)
            first_row += len(lines)
        self._kept.seek(0)
        self._kept.truncate()
