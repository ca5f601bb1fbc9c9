"""The part of a page that is being written: rows flow into temporary files, as their format writes them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from worker.model import Batch, Checkpoint, DeadRow
from worker.sinks.files.compression import COMPRESSIONS
from worker.sinks.files.exclusive import sync_directory, temporary_name
from worker.sinks.files.formats.kinds import FORMATS, suffix
from worker.sinks.files.formats.row_format import Columns

BUFFER_BYTES = 256 * 1024
ROWS = re.compile(r"page-\d{5,}(\.part-\d{4,})?(\.file-\d{4,})?(\.dead)?\.(ndjson|csv|parquet)(\.gz|\.zst)?")
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of a job are written; `declared` are the types of columns the source file knows."""

    format: str = "ndjson"
    compression: str = "none"
    declared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a part, by its name and the temporary one before; `bytes` and `sha256` are of the file as it lies.

    `columns` are those of a table.
    """

    name: str
    temporary: str
    rows: int
    bytes: int
    sha256: str
    is_dead: bool = False
    columns: Columns | None = None


class GrowingFile:
    """A temporary file and what is known of it so far."""

    def __init__(
        self, directory: Path, stem: str, compression: str, *, columns: Columns | None = None, is_hashed: bool = True
    ) -> None:
        """`is_hashed`: its SHA-256 runs along; else it is told, or found out, at the end."""
        self.columns = columns
        self.path = directory / temporary_name(stem)
        self.rows = 0
        self.bytes = 0
        self.sha256 = ""
        self._running = hashlib.sha256() if is_hashed else None
        self._compressor = COMPRESSIONS[compression].compressor()
        self._file = self.path.open("xb", buffering=BUFFER_BYTES)

    def write(self, data: bytes) -> None:
        """Add what the format has made of rows; it counts them itself, in `rows`."""
        self._put(self._compressor.compress(data) if self._compressor else data)

    def seal(self, digest: str | None = None) -> None:
        """Make everything durable, still under the temporary name. `digest` is its SHA-256 where that is known."""
        if self.sha256:
            return
        if self._compressor:
            self._put(self._compressor.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._running is not None:
            digest = self._running.hexdigest()
        elif digest is None:
            with self.path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.sha256 = digest

    def discard(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        if self._running is not None:
            self._running.update(data)
        self.bytes += len(data)


class Part:
    """Rows of one page from `start` on, on their way into the part with this number.

    `known` are the columns of the page's files before it, so that a table's header stays the same from part to part.
    """

    def __init__(
        self,
        directory: Path,
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
        self._stem = f"page-{page:05}"
        self._directory = directory
        self._format = FORMATS[layout.format]
        self._compression = layout.compression
        self._files: list[GrowingFile] = []
        self._dead: GrowingFile | None = None
        # The page's digest runs over the very bytes of such a file, unless rows of it turn out to be dead.
        self._is_page = start.rows == 0 and self._format.rows is not None and self._compression == "none"
        self._writer = self._format.writer(self._begin, known or {}, layout.declared, layout.compression)

    def has_room(self, rows: int, most_rows: int) -> bool:
        """Whether a batch of so many rows still fits; an empty part takes any."""
        held = self.at.rows - self._start.rows
        return not held or held + rows <= most_rows

    def append(self, batch: Batch) -> None:
        """Write a batch behind the rows that are here."""
        rows, text = batch.rows, batch.text
        if batch.dead_rows:
            dead = [self._dead_line(number, row) for number, row in enumerate(rows, 1) if isinstance(row, DeadRow)]
            if self._dead is None:
                self._dead = GrowingFile(self._directory, self._stem, self._dead_compression)
            self._dead.write(b"".join(dead))
            self._dead.rows += len(dead)
            rows = [row for row in rows if not isinstance(row, DeadRow)]
            text = b"".join(row + b"\n" for row in rows)
        if rows:
            self._writer.write(rows, text)
        self.at = batch.after

    def seal(self, *, is_last: bool) -> tuple[KeptFile, ...]:
        """Make the part durable under its temporary names, and say which names it is to have.

        A page of one part needs no part number; whether it is one is known when it closes or goes on. Sealed files are
        not discarded with the part: they may belong to a record already.
        """
        self._writer.finish()
        stem = self._stem if is_last and self.number == 1 else f"{self._stem}.part-{self.number:04}"
        ending = suffix(self._format, self._compression)
        several = len(self._files) > 1
        digest = self.at.digest if self._is_page and not self.at.dead_rows else None
        sealed = [
            _sealed(file, f"{stem}.file-{number:04}{ending}" if several else f"{stem}{ending}", digest)
            for number, file in enumerate(self._files, 1)
        ]
        if self._dead:
            name = f"{stem}.dead.ndjson{COMPRESSIONS[self._dead_compression].suffix}"
            sealed.append(_sealed(self._dead, name, is_dead=True))
        if sealed:
            sync_directory(self._directory)
        self._files, self._dead = [], None
        return tuple(sealed)

    def discard(self) -> None:
        """Take the unfinished part away."""
        self._writer.discard()
        for file in [*self._files, *([self._dead] if self._dead else [])]:
            file.discard()
        self._files, self._dead = [], None

    @property
    def _dead_compression(self) -> str:
        return self._compression if self._compression in COMPRESSIONS else "none"

    def _begin(self, columns: Columns | None) -> GrowingFile:
        """The next file of this part, for the format to write to; the one before it is complete."""
        if self._files:
            self._files[-1].seal()
        packing = "none" if self._format.packs_itself else self._compression
        file = GrowingFile(self._directory, self._stem, packing, columns=columns, is_hashed=not self._is_page)
        self._files.append(file)
        return self._files[-1]

    def _dead_line(self, place: int, row: DeadRow) -> bytes:
        line = {
            "at": f"{self._address}{self.at.rows + place}",
            "reason": row.reason,
            "row": row.decode(errors="backslashreplace"),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _sealed(file: GrowingFile, name: str, digest: str | None = None, *, is_dead: bool = False) -> KeptFile:
    file.seal(digest)
    return KeptFile(name, file.path.name, file.rows, file.bytes, file.sha256, is_dead, file.columns)


def remove_leftovers(directory: Path, keep: Collection[str] = ()) -> None:
    """Remove rows and temporary files in a directory but those to keep; whatever else is there stays.

    A writer that is still at it loses nothing by it: its part's number is taken, or its generation void.
    """
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        is_ours = ROWS.fullmatch(path.name) or TEMPORARY.fullmatch(path.name)
        if is_ours and path.name not in keep:
            path.unlink(missing_ok=True)
