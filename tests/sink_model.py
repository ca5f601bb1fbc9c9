"""A model of sinks in memory, which has only the rules: the answers of real sinks must equal its answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from worker.errors import RecordClosed, StartOver
from worker.model import Batch, Checkpoint, Json, OpenPages, Totals, VoidReason
from worker.sinks.sink import totals


@dataclass
class RuleSink:
    """Follows the rules of sinks in memory."""

    state: str = "missing"
    generation: int = 0
    pages: dict[int, Checkpoint] = field(default_factory=dict)
    receipt: Json = field(default_factory=dict)

    def check(self, generation: int) -> None:
        if self.state != "open":
            raise RecordClosed(self.state)
        if generation != self.generation:
            raise RecordClosed("superseded")

    def open(self, generation: int) -> None:
        if self.state == "missing" or (self.state == "void" and self.generation < generation):
            self.state, self.generation, self.pages = "open", generation, {}
        self.check(generation)

    def checkpoint(self, generation: int, page: int) -> Checkpoint:
        self.check(generation)
        return self.pages.get(page, Checkpoint())

    def commit(self, generation: int, page: int, batch: Batch) -> Checkpoint:
        at = self.checkpoint(generation, page)
        if at.is_closed or (at.rows, at.digest) != (batch.before.rows, batch.before.digest):
            return at
        self.pages[page] = batch.after
        return batch.after

    def close(self, generation: int, page: int, at: Checkpoint) -> Checkpoint:
        stands = self.checkpoint(generation, page)
        if (at.rows, at.digest) != (stands.rows, stands.digest):
            return stands
        self.pages[page] = replace(stands, is_closed=True)
        return self.pages[page]

    def tally(self, generation: int, pages: int) -> Totals | OpenPages:
        self.check(generation)
        held = [self.pages.get(page, Checkpoint()) for page in range(1, pages + 1)]
        unclosed = tuple(number for number, page in enumerate(held, 1) if not page.is_closed)
        return OpenPages(unclosed) if unclosed else totals(held)

    def finish(self, generation: int, pages: int, receipt: Json) -> Json | OpenPages:
        if self.state == "ended":
            return self.receipt
        tally = self.tally(generation, pages)
        if not isinstance(tally, Totals):
            return tally
        if tally.rows + tally.dead_rows != sum(page.rows for page in self.pages.values()):
            raise StartOver("rows beyond the last page")
        self.state, self.receipt = "ended", receipt
        return receipt

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> None:
        if self.state in {"missing", "ended"}:
            raise RecordClosed(self.state)
        if self.state == "void":
            if next_generation:
                raise RecordClosed("void")
        elif self.generation > generation:
            if self.generation != next_generation:
                raise RecordClosed("superseded")
        elif next_generation:
            self.generation, self.pages = next_generation, {}
        else:
            self.state, self.generation = "void", generation

    def release(self) -> None:
        pass
