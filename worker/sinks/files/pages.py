"""The parts of a job's pages: takes parts, gives their files their names, lists them for the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from worker.errors import FailJob, RetryLater
from worker.model import Checkpoint, Json
from worker.sinks.files.part import KeptFile, Part
from worker.sinks.files.record import FileRecord, KeptPart

NOTHING = KeptPart(0, Checkpoint(), ())


class FilePages:
    """The parts of one job's pages. Their numbers have no gaps, and a part that was taken never changes."""

    def __init__(self, record: FileRecord) -> None:
        self._record = record
        self._last: dict[tuple[int, int], KeptPart] = {}

    def last(self, generation: int, page: int) -> KeptPart:
        """The last part taken of a page, with its files in place; part 0 if there is none."""
        known = self._last.get((generation, page), NOTHING)
        last = known
        while not last.after.is_closed and (part := self._record.part(generation, page, last.number + 1)):
            last = part
        if last is not known:
            self._put_in_place(generation, last)
            self._last[generation, page] = last
        return last

    def parts(self, generation: int, page: int) -> Iterator[KeptPart]:
        """The parts taken of a page, in order."""
        part: KeptPart | None = NOTHING
        while part and not part.after.is_closed:
            if part := self._record.part(generation, page, part.number + 1):
                yield part

    def rows(self, generation: int, *, after: int = 0) -> int:
        """How many rows were taken, dead ones included, in the pages after page `after`."""
        pages = (page for page in self._record.pages(generation) if page > after)
        return sum(max(part.after.rows for part in self.parts(generation, page)) for page in pages)

    def take(self, generation: int, page: int, part: Part, *, is_last: bool) -> KeptPart | None:
        """Make a part durable, take its number, and put its files in place; None if another writer took the number."""
        kept = KeptPart(part.number, replace(part.at, is_closed=is_last), part.seal(is_last=is_last))
        if not self._record.take(generation, page, kept):
            for file in kept.files:
                self._record.store.remove(self._record.rows_directory(generation) / file.temporary)
            return None
        self._put_in_place(generation, kept)
        self._last[generation, page] = kept
        return kept

    def list_files(self, generation: int, pages: int) -> dict[str, list[Json]]:
        """The files of closed pages as a receipt lists them, with paths relative to the job's directory.

        Raises FailJob if a file is gone, RetryLater if the record of one is: a network file system may show it again.
        The columns of a table are listed if they differ from those of the file before.
        """
        lists: dict[str, list[Json]] = {"files": [], "dead_files": []}
        columns: list[tuple[str, str]] = []
        taken = [[*self.parts(generation, page)] for page in range(1, pages + 1)]
        for page, parts in enumerate(taken, 1):
            if not parts or not parts[-1].after.is_closed:
                number = len(parts) + 1
                raise RetryLater(f"{self._record.job_directory}: part {number} of page {page} is no longer on record")
        for part in chain.from_iterable(taken):
            for file in part.files:
                path = self._record.rows_directory(generation) / file.name
                size = self._record.store.size(path)
                if size is None:
                    # After a power failure the name may be lost; then the file still has its temporary name.
                    self._put_in_place(generation, part)
                    size = self._record.store.size(path)
                if size != file.bytes:
                    raise FailJob(f"{path} is gone or was changed: it had {file.rows} rows")
                listed = _describe(generation, file)
                if file.columns and columns != list(file.columns.items()):
                    columns = list(file.columns.items())
                    listed["columns"] = file.columns
                lists["dead_files" if file.is_dead else "files"].append(listed)
        return lists if lists["dead_files"] else {"files": lists["files"]}

    def dead_files(self, generation: int) -> list[Json]:
        """The files of dead rows, as a receipt lists them."""
        parts = (part for page in self._record.pages(generation) for part in self.parts(generation, page))
        return [_describe(generation, file) for part in parts for file in part.files if file.is_dead]

    def _put_in_place(self, generation: int, part: KeptPart) -> None:
        """Give a part's files their names; the writer that took the part may have died before it did."""
        directory = self._record.rows_directory(generation)
        for file in part.files:
            if self._record.store.size(directory / file.name) is not None:
                continue
            try:
                self._record.store.publish(directory, file.temporary, file.name)
            except FileNotFoundError:
                raise FailJob(f"{directory / file.name} is gone: it had {file.rows} rows") from None


def _describe(generation: int, file: KeptFile) -> Json:
    """A file as a receipt lists it."""
    below = "" if generation == 1 else f"g{generation}/"
    return {"path": f"{below}{file.name}", "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
