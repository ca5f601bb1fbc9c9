"""Begins and ends the generations of a job in files. The worker that first creates the outcome's file decides it."""

from __future__ import annotations

import json
import time
from uuid import uuid4

from worker.errors import FailJob, RecordClosed, StartOver
from worker.model import Json, OpenPages, Totals, VoidReason
from worker.sinks.files.pages import FilePages
from worker.sinks.files.part import remove_leftovers
from worker.sinks.files.record import RECEIPT, FileRecord, RecordStatus
from worker.sinks.files.store import Key
from worker.sinks.sink import tally

PLACE = Key(".millrace")


class FileGenerations:
    """The generations of one job, by its sink record."""

    def __init__(self, record: FileRecord, pages: FilePages) -> None:
        self._store = record.store
        self._record = record
        self._pages = pages
        self._looked_at: dict[int, float] = {}

    def open(self, generation: int) -> None:
        """Create the record or accept an open one; a later generation reopens a void record. Leaves a token in DIR."""
        self._store.mark(PLACE, uuid4().hex.encode())
        if (place := self._place()) is not None:
            self._record.begin(generation, place)
        status = self._status()
        if status.state == "void" and status.through < generation:
            self._record.reopen(status.generation, generation)
            status = self._status()
        status.check(generation)

    def check(self, generation: int) -> None:
        """Raise RecordClosed if this generation is not open, FailJob if DIR is not where the record was made.

        If reading the record costs a request, the answer is used for `look_seconds`. No row is lost or doubled by that:
        when a part is taken, the record is always read.
        """
        looked = self._looked_at.get(generation)
        if looked is not None and time.monotonic() - looked < self._store.look_seconds:
            return
        if looked is None or self._record.outcome(generation) is not None:
            self._status().check(generation)
        self._looked_at[generation] = time.monotonic()

    def is_void(self, generation: int) -> bool:
        """Is this generation void, so that its rows are to be discarded?"""
        outcome = self._record.outcome(generation)
        return outcome is not None and outcome["state"] == "void"

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        """Add up an open generation's pages."""
        return tally(self._pages.last(generation, page).after for page in range(1, pages + 1))

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        """Write the end and the receipt, or complete an end that was begun; returns the receipt that counts."""
        status = self._status()
        if status.state == "open" and status.generation == generation:
            held = self.tally(generation, pages)
            if isinstance(held, OpenPages):
                return held
            if rows := self._pages.rows(generation, after=pages):
                raise StartOver(f"{rows} rows are published after page {pages}, the report's last")
            ended = receipt | self._pages.list_files(generation, pages)
            # One sync for all files: if a name was lost before, `list_files` has just given it again.
            self._store.sync(self._record.rows_directory(generation))
            self._record.decide(generation, {"state": "ended", "receipt": ended})
            status = self._status()
        if status.state != "ended" or status.outcome is None:
            status.check(generation)
            raise RecordClosed("superseded")
        written: Json = status.outcome["receipt"]
        self._clear(status.generation)
        text = json.dumps(written, ensure_ascii=False, indent=2)
        self._store.create(self._record.job_directory / RECEIPT, f"{text}\n".encode())
        return written

    def void(self, generation: int, reason: VoidReason, following: int | None) -> None:
        """Void the open generation and open the following one, or none."""
        status = self._record.status()
        if status.state == "missing" or status.state == "ended":
            raise RecordClosed(status.state)
        if status.state == "open" and status.generation <= generation:
            outcome = {
                "state": "void",
                "reason": reason,
                "rows": self._pages.rows(status.generation),
                "through": generation,
                "next": following,
                # The reasons of dead rows matter most for a job that failed.
                "dead_files": self._pages.dead_files(status.generation) if reason == "failed" else [],
            }
            if not self._record.decide(status.generation, outcome):
                self.void(generation, reason, following)
                return
        elif status.state == "void" and following is not None:
            raise RecordClosed("void")
        elif status.state == "open" and status.generation != following:
            raise RecordClosed("superseded")
        self._clear(generation)

    def clear(self, generation: int) -> None:
        """Remove the files of a generation that no reader needs; nothing if the generation is still open."""
        outcome = self._record.outcome(generation)
        if outcome is not None:
            kept = {Key(file["path"]).name for file in [*_files(outcome.get("receipt", {})), *_files(outcome)]}
            remove_leftovers(self._store, self._record.rows_directory(generation), kept)
            remove_leftovers(self._store, self._record.parts_directory(generation))

    def _clear(self, last: int) -> None:
        for generation in range(1, last + 1):
            self.clear(generation)
        remove_leftovers(self._store, self._record.directory)

    def _status(self) -> RecordStatus:
        """The current state of the record. Raises FailJob if this is not the place it was made in."""
        place = self._place()
        made_in = self._record.place()
        if place is None or (made_in is not None and made_in != place):
            reason = f"its {PLACE} is missing or a different one"
            raise FailJob(f"{self._store.display_name} is not the same place for all workers: {reason}")
        return self._record.status()

    def _place(self) -> str | None:
        """The token that is in the place now; None if there is none."""
        content = self._store.read(PLACE)
        return None if content is None else content.decode(errors="replace")


def _files(receipt: Json) -> list[Json]:
    return [*receipt.get("files", ()), *receipt.get("dead_files", ())]
