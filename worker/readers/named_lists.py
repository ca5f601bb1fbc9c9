"""Rows that are lists, with the names of their columns beside them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from tempfile import TemporaryFile
from typing import Any

import msgspec

from worker.errors import FailJob
from worker.model import Rows

_ROWS_AT_ONCE = 1_000
_LISTS = msgspec.json.Decoder(list[msgspec.Raw])


class NamedLists:
    """Makes objects of lists, each value as it came.

    Lists that come before the names are kept in a file without a name, so that memory does not grow with them, and are
    given as objects once the names are known.
    """

    def __init__(self, name_in: str) -> None:
        """`name_in` is the key of a column's name, where columns are objects."""
        self._name_in = name_in
        self._keys: list[bytes] = []
        self._kept = TemporaryFile()  # noqa: SIM115 - closed by `close`

    def close(self) -> None:
        """Give the file back; it is gone then."""
        self._kept.close()

    @property
    def is_known(self) -> bool:
        """Are the names known?"""
        return bool(self._keys)

    def learn(self, columns: Any) -> None:
        """These are the columns, as the page gives them. Raises FailJob where they are no names."""
        stated = columns if isinstance(columns, list) else []
        names = [column.get(self._name_in) if isinstance(column, dict) else column for column in stated]
        if not names or not all(isinstance(name, str) for name in names):
            raise FailJob(f"the columns are no list of names: {str(columns)[:200]}")
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise FailJob(f"two columns are called {twice!r}")
        keys = [msgspec.json.encode(name) + b":" for name in names]
        self._keys = [b"{" + keys[0], *(b"," + key for key in keys[1:])]

    def to_objects(self, lists: Rows, first_row: int) -> Rows:
        """The lists as objects; no rows where the names are not known, and the lists are kept until they are.

        Raises FailJob for a list of another width, by its row's number.
        """
        if not self._keys:
            self._kept.write(lists.text)
            return Rows()
        rows = []
        for number, values in enumerate(_LISTS.decode_lines(lists.text), first_row):
            if len(values) != len(self._keys):
                raise FailJob(f"row {number}: {len(values)} values for {len(self._keys)} columns")
            rows.append(b"".join(chain.from_iterable(zip(self._keys, values, strict=True))) + b"}")
        return Rows.of(rows)

    def take_waiting(self, first_row: int) -> Iterator[Rows]:
        """The lists that had to wait for the names, as objects, many at a time; none waits any longer then."""
        self._kept.seek(0)
        while lines := self._kept.readlines(_ROWS_AT_ONCE * 256):
            yield self.to_objects(Rows(b"".join(lines), len(lines)), first_row)
            first_row += len(lines)
        self._kept.seek(0)
        self._kept.truncate()
