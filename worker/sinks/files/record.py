"""The sink record of a job in files: small files, each created once and never changed.

JOB/.sink/first.json                          the record exists: its first generation, and the place it was made in
JOB/.sink/g1.outcome.json                     generation 1 is over: ended with its receipt, or void and what follows
JOB/.sink/g1.next.json                        the generation that was opened after a final void
JOB/.sink/g1/page-00001.part-0001.json        a part: the checkpoint after it, and its files

The worker that creates such a file first has decided; the others read it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Literal

import orjson

from worker.errors import FailJob, RecordClosed
from worker.model import Checkpoint, Json
from worker.sinks.files.formats.row_format import Columns
from worker.sinks.files.part import KeptFile, page_stem
from worker.sinks.files.store import Key, Store

RECORD = ".sink"
RECEIPT = "receipt.json"
OUTCOME_ENDING = ".outcome.json"
FIRST_PART = re.compile(r"page-(\d+)\.part-0001\.json")


@dataclass(frozen=True, slots=True)
class RecordStatus:
    """The current state of the record: its generation, and whether that is open; `outcome` says how it ended."""

    state: Literal["open", "ended", "void", "missing"]
    generation: int = 0
    outcome: Json | None = None

    @property
    def through(self) -> int:
        """The last generation that a void covers; only a later one may be opened."""
        return int((self.outcome or {}).get("through", self.generation))

    def check(self, generation: int) -> None:
        """Raise RecordClosed if this generation is not open."""
        if self.state != "open":
            raise RecordClosed(self.state)
        if generation != self.generation:
            raise RecordClosed("superseded")


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part that was taken; `after` is the durable position at its end."""

    number: int
    after: Checkpoint
    files: tuple[KeptFile, ...]

    @property
    def columns(self) -> Columns | None:
        """The columns of the part's last table; None if it has none."""
        return next((file.columns for file in reversed(self.files) if not file.is_dead), None)


class FileRecord:
    """Reads and creates the files of one job's record."""

    def __init__(self, store: Store, job_directory: Key) -> None:
        self.store = store
        self.job_directory = job_directory
        self.directory = job_directory / RECORD

    def rows_directory(self, generation: int) -> Key:
        """The directory of a generation's rows."""
        return self.job_directory if generation == 1 else self.job_directory / f"g{generation}"

    def parts_directory(self, generation: int) -> Key:
        """The directory of the record's files about a generation's parts."""
        return self.directory / f"g{generation}"

    def begin(self, generation: int, place: str) -> None:
        """Create the record unless it exists."""
        self.store.create(self.directory / "first.json", orjson.dumps({"generation": generation, "place": place}))

    def place(self) -> str | None:
        """The token of the directory in which the record was created; None if there is no record."""
        first = self._read(self.directory / "first.json")
        return None if first is None else str(first["place"])

    def status(self) -> RecordStatus:
        """The current state, found by following the generations from the first one."""
        first = self._read(self.directory / "first.json")
        if first is None:
            return RecordStatus("missing")
        generation = int(first["generation"])
        while outcome := self.outcome(generation):
            following = outcome.get("next") or (self._read(self._path(generation, "next")) or {}).get("generation")
            if following is None:
                return RecordStatus(outcome["state"], generation, outcome)
            generation = int(following)
        return RecordStatus("open", generation)

    def outcome(self, generation: int) -> Json | None:
        """How a generation ended; None while it is open."""
        return self._read(self._path(generation, "outcome"))

    def decide(self, generation: int, outcome: Json) -> bool:
        """End a generation with this outcome; False if another worker was first."""
        return self.store.create(self._path(generation, "outcome"), orjson.dumps(outcome))

    def reopen(self, generation: int, following: int) -> bool:
        """Open another generation after one that is void for good; False if another worker was first."""
        return self.store.create(self._path(generation, "next"), orjson.dumps({"generation": following}))

    def take(self, generation: int, page: int, part: KeptPart) -> bool:
        """Take the number of a part: from now on its rows count. False if another worker was first."""
        path = self._part_path(generation, page, part.number)
        content = {"after": asdict(part.after), "files": [asdict(file) for file in part.files]}
        return self.store.create(path, orjson.dumps(content))

    def part(self, generation: int, page: int, number: int) -> KeptPart | None:
        """A part that was taken; None if none has this number."""
        content = self._read(self._part_path(generation, page, number))
        if content is None:
            return None
        # Parts of an earlier version have one more field, which no longer means anything.
        after = {field.name: content["after"][field.name] for field in fields(Checkpoint)}
        return KeptPart(number, Checkpoint(**after), tuple(KeptFile(**file) for file in content["files"]))

    def pages(self, generation: int) -> list[int]:
        """The pages with parts that were taken, in order."""
        names = self.store.names(self.parts_directory(generation))
        return sorted(int(found[1]) for name in names if (found := FIRST_PART.fullmatch(name)))

    def _path(self, generation: int, name: str) -> Key:
        return self.directory / f"g{generation}.{name}.json"

    def _part_path(self, generation: int, page: int, number: int) -> Key:
        return self.parts_directory(generation) / f"{page_stem(page)}.part-{number:04}.json"

    def _read(self, path: Key) -> Json | None:
        return read_json(self.store, path)


def read_json(store: Store, key: Key) -> Json | None:
    """An object in a store; None if it does not exist. Raises FailJob, naming it, if somebody changed it."""
    content = store.read(key)
    if content is None:
        return None
    try:
        found: Json = orjson.loads(content)
    except ValueError as damage:
        raise FailJob(f"{store.display_name}/{key} was changed: {damage}") from None
    if not isinstance(found, dict):
        raise FailJob(f"{store.display_name}/{key} was changed: it is no longer an object")
    return found
