"""The interface of all formats. A format turns rows into bytes; a store keeps the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from worker.errors import MissingLibrary
from worker.model import Rows

Columns = dict[str, str]
"""The columns of a table in order, each with its type."""


class OutputFile(Protocol):
    """A file that is being written. The format must add the rows it writes to `rows`."""

    rows: int

    def write(self, data: bytes) -> None: ...


BeginFile = Callable[[Columns | None], OutputFile]
"""Begins the next file of a part; the file before it is complete then."""


class RowWriter(Protocol):
    """Writes the rows of one part to one file or, if the columns of a table change, to several.

    A writer that buffers no rows has nothing to do at the end.
    """

    def write(self, rows: Rows) -> None:
        """Write rows, none of them dead. A bounded number of them may be buffered.

        Raises FailJob for rows that the format cannot represent without loss.
        """

    def finish(self) -> None:
        """Complete the last file: all rows are in files then."""

    def discard(self) -> None:
        """Drop buffered rows, and write nothing more to the files, which will be removed."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format. `compressions` are those that an address may name; the first is the default.

    `writer` gets the function that begins a file, the columns of the page's files so far, the declared columns, and the
    compression. If a format `packs_itself`, its bytes are not compressed again. `rows` reads the rows of a file as
    bytes; None for a table, which does not contain the JSON of its rows, so that they can only be counted.
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
        """Raise BadInput if the library that the format needs is not installed."""
        if self.needs and find_spec(self.needs) is None:
            raise MissingLibrary(where, name, f"{self.needs} to be installed: pip install 'millrace[{self.extra}]'")
