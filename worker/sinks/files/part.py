"""The part of a page that is being written: rows flow into temporary files, memory holds none of them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from worker.model import Batch, Checkpoint, DeadRow
from worker.sinks.files.compression import COMPRESSIONS
from worker.sinks.files.exclusive import sync_directory, temporary_name

BUFFER_BYTES = 256 * 1024
ROWS = re.compile(r"page-\d{5,}(\.part-\d{4,})?(\.dead)?\.ndjson(\.gz|\.zst)?")
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a part, by its name and the temporary one before; `bytes` and `sha256` are of the file as it lies."""

    name: str
    temporary: str
    rows: int
    bytes: int
    sha256: str
    is_dead: bool = False


class GrowingFile:
    """A temporary file and what is known of it so far."""

    def __init__(self, directory: Path, stem: str, compression: str, *, is_hashed: bool) -> None:
        """`is_hashed`: its SHA-256 runs along; else it is told, or found out, at the end."""
        self.path = directory / temporary_name(stem)
        self.rows = 0
        self.bytes = 0
        self._sha256 = hashlib.sha256() if is_hashed else None
        self._compressor = COMPRESSIONS[compression].compressor()
        self._file = self.path.open("xb", buffering=BUFFER_BYTES)

    def write(self, lines: bytes, rows: int) -> None:
        """Add so many rows, each with its newline."""
        self._put(self._compressor.compress(lines) if self._compressor else lines)
        self.rows += rows

    def seal(self, sha256: str | None) -> str:
        """Make everything durable, still under the temporary name: its SHA-256, which `sha256` is where it is known."""
        if self._compressor:
            self._put(self._compressor.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._sha256 is not None:
            return self._sha256.hexdigest()
        if sha256 is None:
            with self.path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256

    def discard(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        self.bytes += len(data)


class Part:
    """Rows of one page from `start` on, on their way into the part with this number."""

    def __init__(
        self, directory: Path, generation: int, page: int, number: int, start: Checkpoint, compression: str
    ) -> None:
        self.number = number
        self.at = start
        self._start = start
        self._address = f"{generation}.{page}."
        self._stem = f"page-{page:05}"
        self._directory = directory
        self._compression = compression
        self._files: dict[bool, GrowingFile] = {}
        # The page's digest runs over the very bytes of such a file, unless rows of it turn out to be dead.
        self._is_page = start.rows == 0 and compression == "none"

    def has_room(self, rows: int, most_rows: int) -> bool:
        """Whether a batch of so many rows still fits; an empty part takes any."""
        held = self.at.rows - self._start.rows
        return not held or held + rows <= most_rows

    def append(self, batch: Batch) -> None:
        """Write a batch behind the rows that are here."""
        living, text = len(batch.rows) - batch.dead_rows, batch.text
        if batch.dead_rows:
            dead = [
                self._dead_line(number, row) for number, row in enumerate(batch.rows, 1) if isinstance(row, DeadRow)
            ]
            self._file(is_dead=True).write(b"".join(dead), len(dead))
            text = b"".join(row + b"\n" for row in batch.rows if not isinstance(row, DeadRow))
        if living:
            self._file(is_dead=False).write(text, living)
        self.at = batch.after

    def seal(self, *, is_last: bool) -> tuple[KeptFile, ...]:
        """Make the part durable under its temporary names, and say which names it is to have.

        A page of one part needs no part number; whether it is one is known when it closes or goes on. Sealed files are
        not discarded with the part: they may belong to a record already.
        """
        stem = self._stem if is_last and self.number == 1 else f"{self._stem}.part-{self.number:04}"
        sealed = []
        for is_dead, file in sorted(self._files.items()):
            name = f"{stem}{'.dead' if is_dead else ''}.ndjson{COMPRESSIONS[self._compression].suffix}"
            sha256 = file.seal(self.at.digest if self._is_page and not self.at.dead_rows else None)
            sealed.append(KeptFile(name, file.path.name, file.rows, file.bytes, sha256, is_dead))
        if sealed:
            sync_directory(self._directory)
        self._files.clear()
        return tuple(sealed)

    def discard(self) -> None:
        """Take the unfinished part away."""
        for file in self._files.values():
            file.discard()
        self._files.clear()

    def _file(self, *, is_dead: bool) -> GrowingFile:
        if is_dead not in self._files:
            is_hashed = is_dead or not self._is_page
            self._files[is_dead] = GrowingFile(self._directory, self._stem, self._compression, is_hashed=is_hashed)
        return self._files[is_dead]

    def _dead_line(self, place: int, row: DeadRow) -> bytes:
        line = {
            "at": f"{self._address}{self.at.rows + place}",
            "reason": row.reason,
            "row": row.decode(errors="backslashreplace"),
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


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
