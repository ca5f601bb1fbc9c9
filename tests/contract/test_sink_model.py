"""Workers, stale ones too, in any order: what consumers see is one complete reading, or is voided.

A stream's every answer is compared with that of a sink that is nothing but the rules. A file's answers may come later
than its rows are durable; there what is seen in the end is compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from redis import Redis

from tests.sink_model import RuleSink
from tests.sinks import DONE, AnsweringSink, Closed, Place, batch, job_directory, make, position
from worker.keys import dead_rows, sink_record
from worker.model import Checkpoint, DeadRow, Json, Totals
from worker.sinks.audit import Audit, audit
from worker.sinks.files.audit import audit_files
from worker.sinks.sink import totals

PAGES = 2
VARIANTS = ("first", "restated", "longer")
NUMBERS = itertools.count(1)


def reading(page: int, variant: str) -> tuple[bytes, ...]:
    """A page as the vendor sends it: its second row is dead; restated it differs from the first row on."""
    mark = b"restated" if variant == "restated" else b"first"
    rows: list[bytes] = [b'{"page":%d,"row":%d,"reading":"%s"}' % (page, number, mark) for number in (1, 2, 3)]
    rows[1] = DeadRow(b'{"row":"two"}', "row: not an integer")
    return (*rows, b'{"row":4}') if variant == "longer" else tuple(rows)


COMPLETE = {
    totals(position(reading(page, variant)) for page, variant in enumerate(variants, 1)).digest
    for variants in itertools.product(VARIANTS, repeat=PAGES)
}


@dataclass
class Worker:
    """A worker's page and what it believes."""

    sink: AnsweringSink
    generation: int
    page: int
    rows: tuple[bytes, ...]
    at: Checkpoint = field(default_factory=Checkpoint)
    is_through: bool = False

    def reads_the_same(self, at: Checkpoint) -> bool:
        """Whether what the sink holds is the beginning of this reading, or all of it where the page is closed."""
        if at.rows > len(self.rows) or (at.is_closed and at.rows < len(self.rows)):
            return False
        return position(self.rows, at.rows).digest == at.digest


class Workers(RuleBasedStateMachine):
    """Any number of workers on one job, the ledger's generation among them, and what became of it.

    `copy` gives a way back to the place as it stands, as a server has that lost its last second.
    """

    def __init__(self, place: Place, copy: Callable[[str], Callable[[], None]] | None) -> None:
        super().__init__()
        self.place = place
        self.copy = copy
        self.job = f"job-{next(NUMBERS)}"
        self.rules = RuleSink()
        self.generation = 1
        self.workers: list[Worker] = []
        self.way_back: Callable[[], None] | None = None

    def sink(self) -> AnsweringSink:
        return self.place.sink(self.job)

    def ask(self, sink: AnsweringSink, verb: str, *arguments: object) -> object:
        """Ask the sink; a stream answers as the rules do."""
        outcome = getattr(sink, verb)(*arguments)
        if self.copy:
            assert outcome == getattr(AnsweringSink(self.rules), verb)(*arguments), verb
        return outcome

    @initialize()
    def opened(self) -> None:
        assert self.ask(self.sink(), "open", 1) == DONE

    @rule(page=st.integers(1, PAGES), variant=st.sampled_from(VARIANTS))
    def a_worker_takes_a_page(self, page: int, variant: str) -> None:
        worker = Worker(self.sink(), self.generation, page, reading(page, variant))
        self.workers.append(worker)
        self.settle(worker, self.ask(worker.sink, "checkpoint", worker.generation, page))

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9), rows=st.integers(1, 3), is_answer_lost=st.booleans())
    def a_worker_goes_on(self, who: int, rows: int, is_answer_lost: bool) -> None:
        worker = self.workers[who % len(self.workers)]
        last = min(worker.at.rows + rows, len(worker.rows))
        where = (worker.generation, worker.page)
        request: tuple[object, ...] = ("close", *where, worker.at)
        if last > worker.at.rows:
            request = ("commit", *where, batch(worker.rows, worker.at.rows + 1, last))
        outcome = self.ask(worker.sink, *request)
        # A client that did not hear the answer asks again.
        self.settle(worker, self.ask(worker.sink, *request) if is_answer_lost else outcome)

    @precondition(lambda self: self.workers)
    @rule(who=st.integers(0, 9), is_let_go=st.booleans())
    def a_worker_is_gone(self, who: int, is_let_go: bool) -> None:
        worker = self.workers.pop(who % len(self.workers))
        if is_let_go:
            worker.sink.release()

    @rule(variant=st.sampled_from(VARIANTS))
    def a_worker_goes_through(self, variant: str) -> None:
        """Every page is closed at once, or the job or this generation is over."""
        for page in range(1, PAGES + 1):
            before = self.generation
            self.a_worker_takes_a_page(page, variant)
            worker = self.workers[-1]
            while self.generation == before and not worker.is_through:
                self.a_worker_goes_on(len(self.workers) - 1, 2, is_answer_lost=False)
            if self.generation != before:
                return

    @rule(is_stale=st.booleans())
    def the_report_is_finished(self, is_stale: bool) -> None:
        generation = max(1, self.generation - is_stale)
        sink = self.sink()
        tally = self.ask(sink, "tally", generation, PAGES)
        outcome = self.ask(sink, "finish", generation, PAGES, self.receipt(tally))
        assert isinstance(outcome, dict) == (isinstance(tally, Totals) or tally == Closed("ended"))

    @rule(reason=st.sampled_from(["failed", "cancelled"]), is_stale=st.booleans())
    def the_job_is_stopped(self, reason: str, is_stale: bool) -> None:
        self.ask(self.sink(), "void", max(1, self.generation - is_stale), reason)

    @rule(further=st.integers(0, 1))
    def the_job_is_opened(self, further: int) -> None:
        if self.ask(self.sink(), "open", self.generation + further) == DONE:
            self.generation += further

    @precondition(lambda self: self.copy)
    @rule()
    def the_place_is_durable(self) -> None:
        assert self.copy
        restore, rules, generation = self.copy(self.job), deepcopy(self.rules), self.generation

        def way_back() -> None:
            restore()
            self.rules, self.generation = deepcopy(rules), generation

        self.way_back = way_back

    @precondition(lambda self: self.way_back)
    @rule()
    def the_place_loses_its_last_second(self) -> None:
        assert self.way_back
        self.way_back()

    def settle(self, worker: Worker, outcome: object) -> None:
        """Do what a worker does with an answer: continue, start again, or stop."""
        if isinstance(outcome, Closed):
            worker.is_through = True
            return
        assert isinstance(outcome, Checkpoint), outcome
        if worker.reads_the_same(outcome):
            worker.at, worker.is_through = outcome, outcome.is_closed
            return
        worker.is_through = True
        outcome = self.ask(self.sink(), "void", worker.generation, "replay", worker.generation + 1)
        if outcome == DONE:
            self.generation = max(self.generation, worker.generation + 1)

    def receipt(self, tally: object) -> Json:
        if not isinstance(tally, Totals):
            return {}
        return {"rows": tally.rows, "dead_rows": tally.dead_rows, "pages": tally.pages, "digest": tally.digest}

    def teardown(self) -> None:
        try:
            self.check(self.place.seen(self.job))
            # Whatever happened, the job can still be brought to an end.
            while isinstance(self.sink().checkpoint(self.generation, 1), Checkpoint):
                self.a_worker_goes_through("first")
                self.the_report_is_finished(is_stale=False)
            self.check(self.place.seen(self.job))
        finally:
            while self.place.made:
                self.place.made.pop().release()

    def check(self, seen: Audit) -> None:
        """What consumers may always rely on."""
        assert seen.is_clean, seen
        if seen.receipt is not None:
            assert seen.is_whole, seen
            assert seen.digest in COMPLETE, "two readings are mixed"
            assert seen.generation == self.generation
            assert self.generation not in seen.voided


def run(place: Place, copy: Callable[[str], Callable[[], None]] | None = None) -> None:
    run_state_machine_as_test(
        lambda: Workers(place, copy), settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )


@pytest.mark.parametrize("rows_per_entry", [1, 2])
def test_a_stream_answers_as_the_rules_do_and_holds_one_complete_reading(redis: Redis, rows_per_entry: int) -> None:
    # A stream of its own for each example: an audit reads it whole.
    def copy(job: str) -> Callable[[], None]:
        keys = (f"rows.{job}", dead_rows(f"rows.{job}"), sink_record(f"rows.{job}", job))
        dumps = {key: redis.dump(key) for key in keys}

        def restore() -> None:
            redis.delete(*keys)
            for key, dump in dumps.items():
                if dump is not None:
                    redis.restore(key, 0, dump)

        return restore

    packing = f"?rows_per_entry={rows_per_entry}"
    run(
        Place(
            lambda job: make(f"stream:rows.{job}{packing}", redis, job=job),
            lambda job: audit(redis, f"rows.{job}", job),
        ),
        copy,
    )


@pytest.mark.parametrize("part_rows", [1, 2])
def test_files_hold_one_complete_reading(memory_path: Path, part_rows: int) -> None:
    to = f"file:{memory_path}"
    run(
        Place(
            lambda job: make(to, job=job, part_rows=part_rows), lambda job: audit_files(job_directory(memory_path, job))
        )
    )
