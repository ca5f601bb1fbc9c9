"""Writes one part of a page to temporary files, in the format of the sink."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import orjson

from worker.model import Batch, Checkpoint, DeadRow, Rows
from worker.sinks.files.compression import COMPRESSIONS
from worker.sinks.files.formats.kinds import FORMATS, suffix
from worker.sinks.files.formats.row_format import Columns
from worker.sinks.files.store import Key, NewFile, Store

ROWS = re.compile(
    r"page-\d{5,}(\.part-\d{4,})?(\.file-\d{4,})?(\.dead)?(\.[0-9a-f]{32})?\.(ndjson|csv|parquet)(\.gz|\.zst)?"
)
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a job are written; `declared` are the types of the columns that the source file declares."""

    format: str = "ndjson"
    compression: str = "none"
    declared: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Are rows written byte for byte as they come?"""
        return FORMATS[self.format].rows is not None and self.compression == "none"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a part: its name and its temporary name; `bytes` and `sha256` of the file, compressed if it is.

    `columns` are set for a table.
    """

    name: str
    temporary: str
    rows: int
    bytes: int
    sha256: str
    is_dead: bool = False
    columns: Columns | None = None


def page_stem(page: int) -> str:
    """The beginning of the names of a page's files."""
    return f"page-{page:05}"


class GrowingFile:
    """A file that is being written and that readers do not see yet; counts its rows and bytes."""

    def __init__(
        self, file: NewFile, compression: str, *, columns: Columns | None = None, is_hashed: bool = True
    ) -> None:
        """`is_hashed`: the SHA-256 is computed while writing; otherwise `seal` is given it or reads the file again."""
        self.columns = columns
        self.rows = 0
        self.bytes = 0
        self.sha256 = ""
        self._running = hashlib.sha256() if is_hashed else None
        self._compressor = COMPRESSIONS[compression].compressor()
        self._file = file

    def write(self, data: bytes) -> None:
        """Add bytes. The format that writes them must add the number of rows to `rows`."""
        self._put(self._compressor.compress(data) if self._compressor else data)

    def seal(self, digest: str | None = None) -> None:
        """Complete the file. `digest` is its SHA-256, if the caller knows it."""
        if self.sha256:
            return
        if self._compressor:
            self._put(self._compressor.flush())
        self._drop_compressor()
        self._file.complete()
        if self._running is not None:
            digest = self._running.hexdigest()
        self.sha256 = digest or self._file.sha256()

    def discard(self) -> None:
        """Remove the file."""
        self._drop_compressor()
        self._file.discard()

    def release(self) -> None:
        """Close a file that was kept."""
        self._file.release()

    def keep(self, name: str, digest: str | None = None, *, is_dead: bool = False) -> KeptFile:
        """Complete the file and make it durable, under a temporary name until it gets this one."""
        self.seal(digest)
        temporary, final = self._file.keep_as(name)
        return KeptFile(final, temporary, self.rows, self.bytes, self.sha256, is_dead, self.columns)

    def _drop_compressor(self) -> None:
        # A compressor has megabytes that Python's garbage collector does not see, so it might keep them for long.
        self._compressor = None

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        if self._running is not None:
            self._running.update(data)
        self.bytes += len(data)


class Part:
    """The part with this number, which has the rows of a page from `start` on.

    `known` are the columns of the page's files before it, so that a table's header stays the same from part to part.
    """

    def __init__(
        self,
        store: Store,
        directory: Key,
        generation: int,
        page: int,
        number: int,
        start: Checkpoint,
        layout: Layout,
        known: Columns | None = None,
    ) -> None:
        self.number = number
        self.at = start
        self._start = start
        self._address = f"{generation}.{page}."
        self._stem = page_stem(page)
        self._begin_file = partial(store.begin, directory, self._stem)
        self._format = FORMATS[layout.format]
        self._compression = layout.compression
        self._files: list[GrowingFile] = []
        self._dead: GrowingFile | None = None
        self._sealed: list[GrowingFile] = []
        # The SHA-256 of such a file is the page's digest, unless it turns out to have dead rows.
        self._is_page = start.rows == 0 and layout.is_plain
        self._writer = self._format.writer(self._begin_next, known or {}, layout.declared, layout.compression)

    def has_room(self, rows: int, most_rows: int, most_bytes: float) -> bool:
        """Is there room for a batch with this many rows?"""
        held = self.at.rows - self._start.rows
        return held + rows <= most_rows and sum(file.bytes for file in self._open_files()) < most_bytes

    def append(self, batch: Batch) -> None:
        """Write a batch after the rows so far."""
        rows = batch.rows
        if rows.dead:
            dead = [self._dead_line(number, row) for number, row in enumerate(rows, 1) if isinstance(row, DeadRow)]
            if self._dead is None:
                self._dead = GrowingFile(self._begin_file(), self._dead_compression)
            self._dead.write(b"".join(dead))
            self._dead.rows += len(dead)
            rows = Rows.of(row for row in rows if not isinstance(row, DeadRow))
        if rows:
            self._writer.write(rows)
        self.at = batch.after

    def seal(self, *, is_last: bool) -> tuple[KeptFile, ...]:
        """Make the part durable under temporary names; returns its files with the names they will have.

        The files of a page with only one part have no part number. Sealed files are not removed by `discard`: the sink
        record may name them already.
        """
        self._writer.finish()
        stem = self._stem if is_last and self.number == 1 else f"{self._stem}.part-{self.number:04}"
        ending = suffix(self._format, self._compression)
        several = len(self._files) > 1
        digest = self.at.digest if self._is_page and not self.at.dead_rows else None
        sealed = [
            file.keep(f"{stem}.file-{number:04}{ending}" if several else f"{stem}{ending}", digest)
            for number, file in enumerate(self._files, 1)
        ]
        if self._dead:
            name = f"{stem}.dead.ndjson{COMPRESSIONS[self._dead_compression].suffix}"
            sealed.append(self._dead.keep(name, is_dead=True))
        self._sealed = self._open_files()
        self._files, self._dead = [], None
        return tuple(sealed)

    def discard(self) -> None:
        """Close the part, and remove its files unless they were sealed."""
        self._writer.discard()
        for file in self._sealed:
            file.release()
        for file in self._open_files():
            file.discard()
        self._files, self._dead = [], None

    def _open_files(self) -> list[GrowingFile]:
        return [*self._files, self._dead] if self._dead else self._files

    @property
    def _dead_compression(self) -> str:
        return self._compression if self._compression in COMPRESSIONS else "none"

    def _begin_next(self, columns: Columns | None) -> GrowingFile:
        """Begin the next file of this part, for the format to write to; the file before it is completed."""
        if self._files:
            self._files[-1].seal()
        packing = "none" if self._format.packs_itself else self._compression
        file = GrowingFile(self._begin_file(), packing, columns=columns, is_hashed=not self._is_page)
        self._files.append(file)
        return file

    def _dead_line(self, place: int, row: DeadRow) -> bytes:
        line = {
            "at": f"{self._address}{self.at.rows + place}",
            "reason": row.reason,
            "row": row.decode(errors="backslashreplace"),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def remove_leftovers(store: Store, directory: Key, keep: Collection[str] = ()) -> None:
    """Remove files of rows and temporary files in a directory, except those in `keep`. Other files stay.

    A writer that still writes one of them loses nothing: the number of its part is taken, or its generation is void.
    """
    for name in store.names(directory):
        if name not in keep and (ROWS.fullmatch(name) or TEMPORARY.fullmatch(name)):
            store.remove(directory / name)
