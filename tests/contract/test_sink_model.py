"""Workers, stale ones too, in any order: what consumers see is one complete reading, or is voided.

A stream's every answer is compared with that of a sink that is nothing but the rules. A file's answers may come later
than its rows are durable; there what is seen in the end is compared.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from redis import Redis

from worker.errors import StartOver
from worker.model import (
    Batch,
    Checkpoint,
    DeadRow,
    Ended,
    Finished,
    Json,
    Kept,
    OpenPages,
    Refused,
    Row,
    Totals,
    VoidReason,
)
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.audit import Audit
from worker.sinks.audit_files import audit_files
from worker.sinks.audit_stream import audit
from worker.sinks.sink import Sink
from worker.sinks.totals import totals

PAGES = 2
LENGTHS = {1: 5, 2: 3}
VARIANTS = ("first", "restated")


def reading(page: int, variant: str) -> tuple[Row, ...]:
    """A page as the vendor sends it; restated it differs in its third row, the second is dead."""
    rows: list[Row] = [b'{"page":%d,"row":%d}' % (page, number) for number in range(1, LENGTHS[page] + 1)]
    rows[1] = DeadRow(b'{"row":"two"}', "row: not an integer")
    if variant == "restated":
        rows[2] = b'{"page":%d,"row":3,"restated":true}' % page
    return tuple(rows)


def position(rows: tuple[Row, ...], count: int) -> Checkpoint:
    texts = [(row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in rows[:count]]
    dead_rows = sum(isinstance(row, DeadRow) for row in rows[:count])
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    return Checkpoint(count, digest, dead_rows, sum(map(len, texts)), "ijson" if count else "")


COMPLETE = {
    totals(position(reading(page, variant), LENGTHS[page]) for page, variant in enumerate(variants, 1)).digest
    for variants in itertools.product(VARIANTS, repeat=PAGES)
}


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


@dataclass
class Worker:
    """A worker's page and what it believes."""

    sink: Sink
    generation: int
    page: int
    rows: tuple[Row, ...]
    at: Checkpoint = field(default_factory=Checkpoint)

    def reads_the_same(self, at: Checkpoint) -> bool:
        return at.rows <= len(self.rows) and position(self.rows, at.rows).digest == at.digest


@dataclass(frozen=True)
class Place:
    make: Callable[[str], Sink]
    seen: Callable[[str], Audit]
    is_exact: bool


NUMBERS = itertools.count(1)


class Workers(RuleBasedStateMachine):
    """Any number of workers on one job, the ledger's generation among them, and what became of it."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.job = f"job-{next(NUMBERS)}"
        self.rules = RuleSink()
        self.generation = 1
        self.workers: list[Worker] = []
        self.sinks: list[Sink] = []

    def sink(self) -> Sink:
        self.sinks.append(self.place.make(self.job))
        return self.sinks[-1]

    def ask(self, sink: Sink, verb: str, *arguments: object) -> object:
        """Ask the sink; a stream answers as the rules do."""
        outcome = getattr(sink, verb)(*arguments)
        if self.place.is_exact:
            assert outcome == getattr(self.rules, verb)(*arguments), verb
        return outcome

    @initialize()
    def opened(self) -> None:
        assert self.ask(self.sink(), "open", 1) == Kept(Checkpoint())

    @rule(page=st.sampled_from(range(1, PAGES + 1)), variant=st.sampled_from(VARIANTS))
    def a_worker_takes_a_page(self, page: int, variant: str) -> None:
        worker = Worker(self.sink(), self.generation, page, reading(page, variant))
        self.settle(worker, self.ask(worker.sink, "checkpoint", worker.generation, page))
        self.workers.append(worker)

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9), rows=st.integers(1, 3), is_answer_lost=st.booleans())
    def a_worker_commits(self, who: int, rows: int, is_answer_lost: bool) -> None:
        worker = self.workers[who % len(self.workers)]
        last = min(worker.at.rows + rows, len(worker.rows))
        batch = Batch(worker.rows[worker.at.rows : last], position(worker.rows, last))
        if batch.rows:
            outcome = self.ask(worker.sink, "commit", worker.generation, worker.page, worker.at, batch)
            if is_answer_lost:
                outcome = self.ask(worker.sink, "commit", worker.generation, worker.page, worker.at, batch)
            self.settle(worker, outcome)

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9))
    def a_worker_closes_its_page(self, who: int) -> None:
        worker = self.workers[who % len(self.workers)]
        if worker.at.rows == len(worker.rows):
            self.settle(worker, self.ask(worker.sink, "close", worker.generation, worker.page, worker.at))

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9))
    def a_worker_is_killed(self, who: int) -> None:
        self.workers.pop(who % len(self.workers))

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9))
    def a_worker_gives_its_page_back(self, who: int) -> None:
        self.workers.pop(who % len(self.workers)).sink.release()

    @rule(is_stale=st.booleans())
    def the_report_is_finished(self, is_stale: bool) -> None:
        generation = max(1, self.generation - is_stale)
        sink = self.sink()
        tally = self.ask(sink, "tally", generation, PAGES)
        if isinstance(tally, Totals):
            outcome = self.ask(sink, "finish", generation, PAGES, self.receipt(tally))
            assert isinstance(outcome, Finished)
        elif tally == Ended("ended"):
            assert isinstance(self.ask(sink, "finish", generation, PAGES, {}), Finished)

    @rule(reason=st.sampled_from(["failed", "cancelled"]))
    def the_job_is_stopped(self, reason: str) -> None:
        self.ask(self.sink(), "void", self.generation, reason)

    @rule()
    def the_job_is_tried_again(self) -> None:
        if isinstance(self.ask(self.sink(), "open", self.generation + 1), Kept):
            self.generation += 1

    def settle(self, worker: Worker, outcome: object) -> None:
        """Do what a worker does with an answer: go on, begin anew, or stop."""
        if isinstance(outcome, Ended):
            return
        assert isinstance(outcome, Checkpoint | Kept | Refused), outcome
        at = outcome if isinstance(outcome, Checkpoint) else outcome.checkpoint
        if worker.reads_the_same(at):
            worker.at = replace(at, is_closed=False)
            return
        outcome = self.ask(self.sink(), "void", worker.generation, "replay", worker.generation + 1)
        if isinstance(outcome, Kept):
            self.generation = max(self.generation, worker.generation + 1)

    def receipt(self, tally: Totals) -> Json:
        return {"rows": tally.rows, "dead_rows": tally.dead_rows, "pages": tally.pages, "digest": tally.digest}

    def finish_alone(self) -> None:
        """One worker that is not disturbed brings an open job to its end."""
        for page in range(1, PAGES + 1):
            before = self.generation
            self.a_worker_takes_a_page(page, "first")
            worker = self.workers[-1]
            while self.generation == before and worker.at.rows < len(worker.rows):
                self.a_worker_commits(len(self.workers) - 1, 2, is_answer_lost=False)
            if self.generation != before:
                return self.finish_alone()
            self.settle(worker, self.ask(worker.sink, "close", worker.generation, page, worker.at))
        return self.the_report_is_finished(is_stale=False)

    def teardown(self) -> None:
        try:
            self.check(self.place.seen(self.job))
            sink = self.sink()
            if isinstance(sink.checkpoint(self.generation, 1), Checkpoint):
                self.finish_alone()
                seen = self.place.seen(self.job)
                assert seen.receipt is not None
                self.check(seen)
        finally:
            for sink in self.sinks:
                sink.release()

    def check(self, seen: Audit) -> None:
        """What consumers may rely on, whatever happened."""
        assert seen.is_clean, seen
        if seen.receipt is not None:
            assert seen.is_whole, seen
            assert seen.digest in COMPLETE, "two readings are mixed"
            assert seen.generation == self.generation
            assert self.generation not in seen.voided


def run(place: Place) -> None:
    run_state_machine_as_test(
        lambda: Workers(place),
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_stream_answers_as_the_rules_do_and_holds_one_complete_reading(redis: Redis) -> None:
    def make(job: str) -> Sink:
        return open_sink(
            parse_address(f"stream:rows.{job}"),
            job=job, connection="kargo", report="report", default_redis=redis, stream_bound=0, part_rows=1,
        )  # fmt: skip

    run(Place(make, lambda job: audit(redis, f"rows.{job}", job), is_exact=True))


@pytest.mark.parametrize("part_rows", [1, 2])
def test_files_hold_one_complete_reading(tmp_path: Path, part_rows: int) -> None:
    def make(job: str) -> Sink:
        return open_sink(
            parse_address(f"file:{tmp_path}"),
            job=job, connection="kargo", report="report", default_redis=Redis(), stream_bound=0, part_rows=part_rows,
        )  # fmt: skip

    run(Place(make, lambda job: audit_files(tmp_path / "kargo" / "report" / job), is_exact=False))
