"""Scenarios: the report that is requested, what the vendors do, and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.requests import CSV, EXPORT, MEDIAMATH_PAGES, PAGES, SINGLE, STREAM
from worker.model import Json

if TYPE_CHECKING:
    from tests.scenarios.outcome import Outcome
    from tests.scenarios.runner import VendorSet

# Two and a half batches, so that after a break in the middle some rows are published and others are not.
ROWS = 2500


@dataclass(frozen=True)
class Scenario:
    """The report that is requested, and what the vendors do.

    `is_impatient`: the source waits for seconds instead of minutes. `is_alone`: the vendors have had no request before.
    `before` runs after the settings of the vendors have been changed, but before the faults are in force.
    """

    report: str
    faults: tuple[Json, ...] = ()
    params: Json | None = None
    rows: int = ROWS
    settings: Json = field(default_factory=dict)
    ready_within: str | None = None
    finish_within: str | None = None
    is_impatient: bool = False
    is_alone: bool = False
    before: Callable[[VendorSet], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must be true of an outcome. `asked`: requests to endpoints (`POST reports`, `task`); `also`: a check."""

    asked: Mapping[str, int] = field(default_factory=dict)
    also: Callable[[Outcome], None] | None = None

    def check(self, outcome: Outcome) -> None:
        """Raise AssertionError if the outcome is another."""
        self.check_end(outcome)
        for named, times in self.asked.items():
            method, _, endpoint = named.rpartition(" ")
            assert len(outcome.asked(endpoint, method or None)) == times, (named, outcome.heard)
        if self.also:
            self.also(outcome)

    def check_end(self, outcome: Outcome) -> None:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Done(Expectation):
    """The job is done, with this many rows, each once. `is_as_served`: they are exactly the vendor's rows.

    `rows` includes the `dead_rows` that are set aside; `receipt` has fields that the receipt must have; `attempts` is
    the number of failures that the job counts in the end.
    """

    rows: int = ROWS
    dead_rows: int = 0
    generation: int = 1
    is_as_served: bool = True
    receipt: Json = field(default_factory=dict)
    attempts: int | None = None

    def check_end(self, outcome: Outcome) -> None:
        if self.is_as_served:
            outcome.assert_whole(self.rows)
        else:
            outcome.assert_done(self.rows - self.dead_rows, generation=self.generation)
        assert {name: outcome.receipt[name] for name in self.receipt} == self.receipt
        assert self.attempts in (None, outcome.job.attempts)


@dataclass(frozen=True, kw_only=True)
class Failed(Expectation):
    """The job failed, with these words in the error. `published`: had rows been published, now void? None: either."""

    words: tuple[str, ...]
    published: bool | None = None

    def check_end(self, outcome: Outcome) -> None:
        outcome.assert_failed(*self.words, published=self.published)


def whole(rows: int = ROWS, **more: Any) -> Done:
    """The job is done, with exactly the vendor's rows."""
    return Done(rows=rows, **more)


def done(rows: int = ROWS, **more: Any) -> Done:
    """The job is done, with this many rows, which the fault has changed."""
    return Done(rows=rows, is_as_served=False, **more)


def failed(*words: str, **more: Any) -> Failed:
    """The job failed, with these words in the error."""
    return Failed(words=words, **more)


Case = Scenario | tuple[Scenario, Expectation]


@dataclass(frozen=True)
class Behaviour:
    """One line of the table: what a vendor does, what Millrace does then, and the cases that show it.

    A case has the line's expectation unless it has its own.
    """

    vendor: str
    millrace: str
    expected: Expectation
    cases: Mapping[str, Case]

    def scenarios(self) -> dict[str, tuple[Scenario, Expectation]]:
        """All cases, each with its expectation."""
        return {name: case if isinstance(case, tuple) else (case, self.expected) for name, case in self.cases.items()}


def fault(kind: str, *, times: int | None = None, match: Json | None = None, **args: Any) -> Json:
    """A rule for a fault."""
    return {"kind": kind, "args": args, "times": times, "match": match or {}}


def at(role: str, **more: Any) -> Json:
    """A rule's `match` for the exchanges of one role."""
    return {"role": role, **more}


def kargo(*faults: Json, **how: Any) -> Scenario:
    return Scenario(PAGES, faults, **how)


def kargo_csv(*faults: Json, **how: Any) -> Scenario:
    return Scenario(PAGES, faults, **{"params": CSV, **how})


def mediamath(*faults: Json, **how: Any) -> Scenario:
    return Scenario(STREAM, faults, **how)


def mediamath_pages(*faults: Json, **how: Any) -> Scenario:
    return Scenario(STREAM, faults, **{"params": MEDIAMATH_PAGES, **how})


def rokt(*faults: Json, report: str = SINGLE, **how: Any) -> Scenario:
    return Scenario(report, faults, **how)


def instal(*faults: Json, **how: Any) -> Scenario:
    return Scenario(EXPORT, faults, **how)


def played(report: str, *faults: Json, **how: Any) -> pytest.MarkDecorator:
    """Mark a test with the scenario that is played for it."""
    return pytest.mark.played(Scenario(report, faults, **how))
