"""One exchange: its request, what rules can match in it, the faults that fall on it, and the state of the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from sandbox.columns import Style
from sandbox.dial import EDITS, Dial, Place
from sandbox.faults.kind import Args
from sandbox.http.message import Hangup, Request, as_lines
from sandbox.journal import Journal
from sandbox.rows import Block, Rendering, RowPlan
from sandbox.settings import Settings

if TYPE_CHECKING:
    from sandbox.vendors.vendor import Vendor

# Faults that make a file longer or shorter than planned.
_OTHER_LENGTH = {*EDITS, "csv_bom", "no_final_newline"}


class World:
    """What all vendors share: settings, dial, journal, addresses, and the signal to stop."""

    def __init__(self, settings: Settings, dial: Dial) -> None:
        self.settings = settings
        self.dial = dial
        self.journal = Journal(settings.journal_requests)
        self.stopping = threading.Event()
        self.base = ""
        self.storage_base = ""

    def revision(self, report: str, *, is_start: bool) -> int:
        """The revision of a report: the setting, plus one for every `restate_after_reads` readings so far."""
        readings = self.journal.readings_before(report, is_start=is_start)
        every = self.settings.restate_after_reads
        return self.settings.revision + (readings // every if every else 0)

    def wait(self, seconds: float) -> None:
        """Wait. Raises Hangup as soon as the sandbox is stopped."""
        if self.stopping.wait(seconds):
            raise Hangup


@dataclass(slots=True)
class Exchange:
    """The argument of a vendor's functions, which return an Answer, or raise Refusal or BadRequest."""

    world: World
    vendor: Vendor
    request: Request
    place: Place
    faults: Mapping[str, Args]
    parts: dict[str, str]

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.world.settings

    def has(self, kind: str) -> bool:
        """Does a fault of this kind fall on this exchange?"""
        return kind in self.faults

    def fault(self, kind: str) -> Args | None:
        """The arguments of a fault that falls on this exchange; None if it does not."""
        return self.faults.get(kind)

    def value(self, kind: str, arg: str, usual: Any) -> Any:
        """An argument of a fault that falls on this exchange; `usual` if the fault does not."""
        return self.faults[kind][arg] if kind in self.faults else usual

    def rendering(self, report: str, rows: int, *, usual: Style = "numbers", is_start: bool = True) -> Rendering:
        """How the rows of a report are made now; `is_start` counts one more reading of it."""
        settings = self.settings
        revision = self.world.revision(report, is_start=is_start)
        return Rendering(rows, settings.seed, revision, settings.restate, self.value("numbers", "style", usual))

    @property
    def changes_length(self) -> bool:
        """Will a fault make the rows longer or shorter than planned?"""
        cuts = [self.faults[kind] for kind in ("cut_in_row", "cut_after_row") if kind in self.faults]
        if cuts:
            # A cut file still states its full length, unless it is to look complete.
            return any(cut["clean"] for cut in cuts)
        return bool(_OTHER_LENGTH & self.faults.keys())

    @property
    def delimiter(self) -> str:
        """The delimiter of a CSV file."""
        return str(self.value("csv_delimiter", "text", ","))

    def blocks(
        self, plan: RowPlan, start: int = 0, stop: int | None = None, *, header: bytes | None = None
    ) -> Iterator[Block]:
        """Rows of a plan, counted, with all faults of rows applied; a header comes first, as block 0."""
        blocks = self.world.journal.count_served(plan.report, plan.blocks(start, stop))
        if header is not None:
            blocks = chain((Block(0, [header]),), blocks)
        # Generators around generators, so that a whole report is never in memory.
        for kind, edit in EDITS.items():
            if kind in self.faults:
                blocks = edit(blocks, self, **self.faults[kind])
        return blocks

    def lines(self, blocks: Iterator[Block]) -> Iterator[bytes]:
        """Rows as lines, each with a newline; a fault may leave out the last one."""
        return as_lines(blocks, is_last_ended=not self.has("no_final_newline"))
