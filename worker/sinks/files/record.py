"""The sink record of a job that goes to files: small files, each made once and never changed.

JOB/.sink/first.json                          the record exists: its first generation, and the place it was made in
JOB/.sink/g1.outcome.json                     generation 1 is over: ended with its receipt, or void and what follows
JOB/.sink/g1.next.json                        the generation that was opened after a final void
JOB/.sink/g1/page-00001.part-0001.json        a part: the checkpoint after it, and its files

Whoever makes such a file first has decided; everybody else reads what it says.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Literal

import orjson

from worker.errors import RecordClosed
from worker.model import Checkpoint, Json
from worker.sinks.files.formats.row_format import Columns
from worker.sinks.files.part import KeptFile, page_stem
from worker.sinks.files.store import Key, Store

RECORD = ".sink"
OUTCOME_ENDING = ".outcome.json"
FIRST_PART = re.compile(r"page-(\d+)\.part-0001\.json")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the record says: its generation, and whether that is open; `outcome` where it is over."""

    state: Literal["open", "ended", "void", "missing"]
    generation: int = 0
    outcome: Json | None = None

    @property
    def through(self) -> int:
        """The last generation a void spoke of; only a later one may be opened."""
        return int((self.outcome or {}).get("through", self.generation))

    def check(self, generation: int) -> None:
        """Raise RecordClosed to whoever writes in a generation that is not open."""
        if self.state != "open":
            raise RecordClosed(self.state)
        if generation != self.generation:
            raise RecordClosed("superseded")


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part that was taken: `after` is the durable position behind it."""

    number: int
    after: Checkpoint
    files: tuple[KeptFile, ...]

    @property
    def columns(self) -> Columns | None:
        """Those of the part's last table."""
        return next((file.columns for file in reversed(self.files) if not file.is_dead), None)


class FileRecord:
    """Reads and makes the files of one job's record."""

    def __init__(self, store: Store, job_directory: Key) -> None:
        self.store = store
        self.job_directory = job_directory
        self.directory = job_directory / RECORD

    def rows_directory(self, generation: int) -> Key:
        """Where a generation's rows lie."""
        return self.job_directory if generation == 1 else self.job_directory / f"g{generation}"

    def parts_directory(self, generation: int) -> Key:
        """Where a generation's parts are written down."""
        return self.directory / f"g{generation}"

    def begin(self, generation: int, place: str) -> None:
        """Make the record unless there is one."""
        self.store.create(self.directory / "first.json", orjson.dumps({"generation": generation, "place": place}))

    def place(self) -> str | None:
        """The token of the directory the record was made in; None where there is no record."""
        first = self._read(self.directory / "first.json")
        return None if first is None else str(first["place"])

    def standing(self) -> Standing:
        """Follow the generations from the first to the one that stands now."""
        first = self._read(self.directory / "first.json")
        if first is None:
            return Standing("missing")
        generation = int(first["generation"])
        while outcome := self.outcome(generation):
            following = outcome.get("next") or (self._read(self._path(generation, "next")) or {}).get("generation")
            if following is None:
                return Standing(outcome["state"], generation, outcome)
            generation = int(following)
        return Standing("open", generation)

    def outcome(self, generation: int) -> Json | None:
        """How a generation ended; None while it is open."""
        return self._read(self._path(generation, "outcome"))

    def decide(self, generation: int, outcome: Json) -> bool:
        """End a generation like this; False where somebody was first."""
        return self.store.create(self._path(generation, "outcome"), orjson.dumps(outcome))

    def reopen(self, generation: int, following: int) -> bool:
        """Open another generation after one that is void for good; False where somebody was first."""
        return self.store.create(self._path(generation, "next"), orjson.dumps({"generation": following}))

    def take(self, generation: int, page: int, part: KeptPart) -> bool:
        """Make a part ours: from now on its rows are kept. False where somebody was first."""
        path = self._part_path(generation, page, part.number)
        content = {"after": asdict(part.after), "files": [asdict(file) for file in part.files]}
        return self.store.create(path, orjson.dumps(content))

    def part(self, generation: int, page: int, number: int) -> KeptPart | None:
        """A part that was taken."""
        content = self._read(self._part_path(generation, page, number))
        if content is None:
            return None
        # Parts of an earlier version say one thing more, which means nothing any more.
        after = {field.name: content["after"][field.name] for field in fields(Checkpoint)}
        return KeptPart(number, Checkpoint(**after), tuple(KeptFile(**file) for file in content["files"]))

    def pages(self, generation: int) -> list[int]:
        """The pages of which parts were taken, in their order."""
        names = self.store.names(self.parts_directory(generation))
        return sorted(int(found[1]) for name in names if (found := FIRST_PART.fullmatch(name)))

    def _path(self, generation: int, name: str) -> Key:
        return self.directory / f"g{generation}.{name}.json"

    def _part_path(self, generation: int, page: int, number: int) -> Key:
        return self.parts_directory(generation) / f"{page_stem(page)}.part-{number:04}.json"

    def _read(self, path: Key) -> Json | None:
        content = self.store.read(path)
        return None if content is None else orjson.loads(content)
