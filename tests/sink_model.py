"""A sink that is nothing but the rules, in memory: what every answer of a real one is held against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from worker.errors import StartOver
from worker.model import Batch, Checkpoint, Ended, Finished, Json, Kept, OpenPages, Refused, Totals, VoidReason
from worker.sinks.totals import totals


@dataclass
class RuleSink:
    """The rules alone, in memory."""

    state: str = "missing"
    generation: int = 0
    pages: dict[int, Checkpoint] = field(default_factory=dict)
    receipt: Json = field(default_factory=dict)

    def refusal(self, generation: int) -> Ended | None:
        if self.state != "open":
            return Ended(self.state)  # type: ignore[arg-type]
        return None if generation == self.generation else Ended("superseded")

    def open(self, generation: int) -> Kept | Ended:
        if self.state == "missing" or (self.state == "void" and self.generation < generation):
            self.state, self.generation, self.pages = "open", generation, {}
        return self.refusal(generation) or Kept(Checkpoint())

    def checkpoint(self, generation: int, page: int) -> Checkpoint | Ended:
        return self.refusal(generation) or self.pages.get(page, Checkpoint())

    def commit(self, generation: int, page: int, before: Checkpoint, batch: Batch) -> Kept | Refused | Ended:
        at = self.checkpoint(generation, page)
        if isinstance(at, Ended):
            return at
        if at.is_closed or (at.rows, at.digest) != (before.rows, before.digest):
            return Refused(at)
        self.pages[page] = batch.after
        return Kept(batch.after)

    def close(self, generation: int, page: int, at: Checkpoint) -> Kept | Refused | Ended:
        stands = self.checkpoint(generation, page)
        if isinstance(stands, Ended):
            return stands
        if (at.rows, at.digest) != (stands.rows, stands.digest):
            return Refused(stands)
        self.pages[page] = replace(stands, is_closed=True)
        return Kept(self.pages[page])

    def tally(self, generation: int, pages: int) -> Totals | OpenPages | Ended:
        if refusal := self.refusal(generation):
            return refusal
        held = [self.pages.get(page, Checkpoint()) for page in range(1, pages + 1)]
        unclosed = tuple(number for number, page in enumerate(held, 1) if not page.is_closed)
        return OpenPages(unclosed) if unclosed else totals(held)

    def finish(self, generation: int, pages: int, receipt: Json) -> Finished | OpenPages | Ended:
        if self.state == "ended":
            return Finished(self.receipt)
        tally = self.tally(generation, pages)
        if not isinstance(tally, Totals):
            return tally
        if tally.rows + tally.dead_rows != sum(page.rows for page in self.pages.values()):
            raise StartOver("rows beyond the last page")
        self.state, self.receipt = "ended", receipt
        return Finished(receipt)

    def void(self, generation: int, reason: VoidReason, next_generation: int | None = None) -> Kept | Ended:
        if self.state in {"missing", "ended"}:
            return Ended(self.state)  # type: ignore[arg-type]
        if self.state == "void":
            return Ended("void") if next_generation else Kept(Checkpoint())
        if self.generation > generation:
            return Kept(Checkpoint()) if self.generation == next_generation else Ended("superseded")
        if next_generation:
            self.generation, self.pages = next_generation, {}
        else:
            self.state, self.generation = "void", generation
        return Kept(Checkpoint())
