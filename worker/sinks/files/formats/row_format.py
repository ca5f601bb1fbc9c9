"""What every format promises. A format knows rows and bytes; where the bytes lie is the store's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from worker.errors import BadInput
from worker.model import Rows

Columns = dict[str, str]
"""The columns of a table and what each one holds, in their order."""


class OutputFile(Protocol):
    """A file that grows. `rows` is for the format to count up."""

    rows: int

    def write(self, data: bytes) -> None: ...


BeginFile = Callable[[Columns | None], OutputFile]
"""Begins the next file of a part; the one before it takes nothing more."""


class RowWriter(Protocol):
    """Writes the rows of one part, into one file or, where a table's columns change, into several."""

    def write(self, rows: Rows) -> None:
        """Take rows, none of them dead. Memory holds a bounded number of them.

        Raises FailJob for rows the format cannot keep without losing something.
        """

    def finish(self) -> None:
        """Complete the last file: every row taken is in one then."""

    def discard(self) -> None:
        """Let go of what is held; the files are nobody's then, and nothing is written to them any more."""


@dataclass(frozen=True, slots=True)
class Format:
    """`compressions` are those an address may ask for, the first where it does not say.

    `writer` is told how to begin a file, the columns of the page's files so far, the declared ones, and the
    compression. Where a format `packs_itself`, its bytes are not compressed again. `rows` reads a file back, each row
    as bytes; None for a table, which does not hold the JSON of its rows and is only counted.
    """

    suffix: str
    compressions: tuple[str, ...]
    writer: Callable[[BeginFile, Columns, Mapping[str, str], str], RowWriter]
    count: Callable[[Path], int]
    rows: Callable[[Path], Iterator[bytes]] | None = None
    packs_itself: bool = False
    needs: str = ""
    extra: str = ""

    def require(self, where: str, name: str) -> None:
        """Raise BadInput where what the format needs is not installed."""
        if self.needs and find_spec(self.needs) is None:
            raise BadInput(where, name, f"{self.needs} to be installed: pip install 'millrace[{self.extra}]'")
