"""One exchange: the request, its place among all exchanges, the faults that fall on it, and the world it happens in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from sandbox.columns import Style
from sandbox.faults.dial import Dial, Place
from sandbox.faults.kind import Args
from sandbox.http.body import lines, listed
from sandbox.http.message import Request
from sandbox.journal import Journal
from sandbox.kinds import EDITS
from sandbox.rows import Block, Rendering, Rows
from sandbox.settings import Settings

_OTHER_LENGTH = {*EDITS, "csv_bom", "no_final_newline"}


class World:
    """What all vendors share: settings, dial, journal, addresses, and the order to stop."""

    def __init__(self, settings: Settings, dial: Dial) -> None:
        self.settings = settings
        self.dial = dial
        self.journal = Journal(settings.journal_requests)
        self.stopping = threading.Event()
        self.base = ""
        self.storage_base = ""

    def revision(self, report: str, *, is_start: bool) -> int:
        """The revision that a report shows: the setting, raised by one after every `restate_after_reads` readings."""
        readings = self.journal.begun(report) if is_start else self.journal.readings(report) - 1
        every = self.settings.restate_after_reads
        return self.settings.revision + (max(readings, 0) // every if every else 0)


@dataclass(slots=True)
class Exchange:
    """What a vendor's function is given; it returns an Answer or raises Refusal."""

    world: World
    request: Request
    place: Place
    faults: Mapping[str, Args]
    parts: dict[str, str]

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.world.settings

    def fault(self, kind: str) -> Args | None:
        """The arguments of a fault that falls on this exchange; None if it does not."""
        return self.faults.get(kind)

    def rendering(self, report: str, rows: int, *, usual: Style = "numbers", is_start: bool = True) -> Rendering:
        """How the rows of a report are made now; `is_start` begins one more reading of it."""
        settings = self.settings
        fault = self.fault("numbers")
        style: Style = fault["style"] if fault else usual
        revision = self.world.revision(report, is_start=is_start)
        return Rendering(rows, settings.seed, revision, settings.restate, style)

    @property
    def changes_length(self) -> bool:
        """Will a fault make the rows longer or shorter than planned?"""
        cuts = [cut for kind in ("cut_in_row", "cut_after_row") if (cut := self.faults.get(kind))]
        if cuts:
            # A file that is cut still states its whole length, unless it pretends to be whole.
            return any(cut["clean"] for cut in cuts)
        return bool(_OTHER_LENGTH & self.faults.keys())

    @property
    def delimiter(self) -> str:
        """The delimiter of a CSV file."""
        fault = self.faults.get("csv_delimiter")
        return str(fault["text"]) if fault else ","

    def blocks(
        self, report: str, plan: Rows, start: int = 0, stop: int | None = None, *, header: bytes | None = None
    ) -> Iterator[Block]:
        """Rows of a plan, counted, with every fault of rows applied; a header comes first, as block 0."""
        blocks: Iterator[Block] = self._count_served(report, plan.blocks(start, stop))
        if header is not None:
            blocks = chain((Block(0, [header]),), blocks)
        # Lazily, a generator around a generator: a report is never in memory as a whole.
        for kind, edit in EDITS.items():
            if (args := self.faults.get(kind)) is not None:
                blocks = edit(blocks, {**args, "delimiter": self.delimiter.encode()})
        return blocks

    def _count_served(self, report: str, blocks: Iterator[Block]) -> Iterator[Block]:
        for block in blocks:
            self.world.journal.served(report, len(block.rows))
            yield block

    def as_lines(self, blocks: Iterator[Block]) -> Iterator[bytes]:
        """Rows as lines, each ended, the last one too unless a fault takes its newline."""
        return lines(blocks, is_last_ended="no_final_newline" not in self.faults)

    def as_list(self, before: bytes, blocks: Iterator[Block], after: bytes) -> Iterator[bytes]:
        """Rows as a JSON list without its brackets, between `before` and `after`."""
        return listed(before, blocks, after)
