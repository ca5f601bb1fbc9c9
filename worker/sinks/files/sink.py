"""The sink for files: each part of a page is a file, and small files beside them are the sink record.

docs/sinks.md describes the layout, and why each row is in the receipt's files exactly once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from math import inf
from typing import TypeVar

from worker.errors import FailJob, MillraceError, RecordClosed
from worker.model import Batch, Checkpoint, Json, OpenPages, Totals, VoidReason
from worker.sinks.files.generations import FileGenerations
from worker.sinks.files.manifest import note_latest
from worker.sinks.files.pages import FilePages
from worker.sinks.files.part import Layout, Part, page_stem
from worker.sinks.files.record import FileRecord
from worker.sinks.files.store import Key, Store
from worker.sinks.files.store_errors import file_error
from worker.sinks.sink import BatchSize, BeginCommit

Answer = TypeVar("Answer")

_BATCH = BatchSize(4_000, 1024 * 1024)
"""To hand a batch to another thread costs the same for a small one as for a large one, so they are large."""


class FileSink:
    """One job's rows in DIR/CONNECTION/REPORT/JOB. Used by one thread at a time.

    Committed rows are in an unfinished part, which no one else sees and which is lost if this process dies; a worker
    that takes over begins after the last part that was taken. Raises FailJob if the directory cannot hold the rows.
    """

    is_local = True

    def __init__(self, store: Store, names: Sequence[str], *, layout: Callable[[], Layout], part_rows: int) -> None:
        """`names` are the directories from DIR to that of the job. `layout` is called when the first row is written.

        A part consists of whole batches, has at most `part_rows` rows, and not many more bytes than the store's limit.
        """
        self._store = store
        self._report_directory = Key(*names[:2])
        self._directory = Key(*names)
        self._layout = cache(layout)
        self._part_rows = part_rows
        self._record = FileRecord(store, self._directory)
        self._pages = FilePages(self._record)
        self._generations = FileGenerations(self._record, self._pages)
        self._looked_at = -inf
        self._parts: dict[tuple[int, int], Part] = {}

    @property
    def batch_size(self) -> BatchSize:
        return BatchSize(min(self._part_rows, _BATCH.rows), _BATCH.bytes)

    def open(self, generation: int) -> None:
        self._attempt(lambda: self._generations.open(generation))

    def checkpoint(self, generation: int, page: int) -> Checkpoint:
        self._discard(generation, page)
        return self._while_open(generation, lambda: self._pages.last(generation, page).after)

    def remove_abandoned(self, generation: int, page: int) -> None:
        directory = self._record.rows_directory(generation)
        put_in_place = partial(self._pages.last, generation, page)
        self._attempt(lambda: self._store.remove_abandoned(directory, page_stem(page), put_in_place))

    def commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        return self._while_open(generation, lambda: self._commit(generation, page, batch))

    def prepare_commit(self, generation: int, page: int, batch: Batch) -> BeginCommit:
        return lambda: partial(self.commit, generation, page, batch)

    def close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        return self._while_open(generation, lambda: self._close(generation, page, at))

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        return self._while_open(generation, lambda: self._generations.tally(generation, pages))

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        def end() -> Json | OpenPages:
            written = self._generations.finish(generation, pages, receipt)
            if not isinstance(written, OpenPages):
                note_latest(self._store, self._report_directory, self._directory, written)
            return written

        return self._attempt(end)

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> None:
        self._attempt(lambda: self._generations.void(generation, reason, next_generation))

    def release(self) -> None:
        self._discard_all()

    def _commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        at = self._at(generation, page)
        if not at.is_at(batch.before):
            return at
        part = self._parts.get((generation, page))
        if part and not part.has_room(len(batch.rows), self._part_rows, self._store.part_bytes):
            self._take(generation, page, is_last=False)
        if batch.rows:
            begun = self._part(generation, page, batch.before)
            if isinstance(begun, Checkpoint):
                return begun
            begun.append(batch)
        return batch.after

    def _close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        position = self._at(generation, page)
        if not position.is_at(at):
            return position
        begun = self._part(generation, page, at)
        return begun if isinstance(begun, Checkpoint) else self._take(generation, page, is_last=True)

    def _at(self, generation: int, page: int) -> Checkpoint:
        """The position of the next row: after the rows written here, unless another writer was faster."""
        part = self._parts.get((generation, page))
        if part and time.monotonic() - self._looked_at < self._store.look_seconds:
            return part.at
        last = self._pages.last(generation, page)
        self._looked_at = time.monotonic()
        if part and part.number > last.number:
            return part.at
        self._discard(generation, page)
        return last.after

    def _part(self, generation: int, page: int, at: Checkpoint) -> Part | Checkpoint:
        """The part being written, begun at `at` if there is none; or the page's position, if that is not `at`."""
        if (generation, page) not in self._parts:
            directory = self._record.rows_directory(generation)
            last = self._pages.last(generation, page)
            if last.after.is_closed or not last.after.is_at(at):
                return last.after
            part = Part(
                self._store, directory, generation, page, last.number + 1, last.after, self._layout(), last.columns
            )
            self._parts[generation, page] = part
        return self._parts[generation, page]

    def _take(self, generation: int, page: int, *, is_last: bool) -> Checkpoint:
        """Make the part being written durable and take its number; returns the page's position then.

        If another writer was faster, that is the end of its part.
        """
        part = self._parts[generation, page]
        kept = self._pages.take(generation, page, part, is_last=is_last)
        self._discard(generation, page)
        if kept is None:
            return self._pages.last(generation, page).after
        if self._generations.is_void(generation):
            # The worker that voided the generation may have removed its files before these had their names.
            self._generations.clear(generation)
            raise RecordClosed("void")
        return kept.after

    def _discard(self, generation: int, page: int) -> None:
        """Drop the part that is being written, with its files."""
        if part := self._parts.pop((generation, page), None):
            part.discard()

    def _discard_all(self) -> None:
        for generation, page in list(self._parts):
            self._discard(generation, page)

    def _while_open(self, generation: int, act: Callable[[], Answer]) -> Answer:
        """Call `act` in an open generation. Raises RecordClosed if the generation ends meanwhile and `act` fails."""

        def guarded() -> Answer:
            self._generations.check(generation)
            try:
                return act()
            except (OSError, FailJob):
                self._generations.check(generation)
                raise

        return self._attempt(guarded)

    def _attempt(self, act: Callable[[], Answer]) -> Answer:
        """Call `act`. Errors of the file system become RetryLater or FailJob, and leave no unfinished file behind."""
        try:
            return act()
        except (OSError, MillraceError) as error:
            self._discard_all()
            if isinstance(error, OSError):
                raise file_error(error, f"{self._store.display_name}/{self._directory}") from error
            raise
