"""The outcome of a scenario, and assertions about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sandbox import expected_rows
from worker.model import Job, Json
from worker.sinks.audit import Audit

if TYPE_CHECKING:
    from tests.scenarios.runner import VendorSet


@dataclass(frozen=True)
class Outcome:
    """The outcome of a scenario: the receipt, what a consumer has, and the requests that the vendors received."""

    receipt: Json
    job: Job
    audit: Audit
    raw: list[bytes]
    dead: list[dict[bytes, bytes]]
    heard: list[Json]
    vendors: VendorSet

    @cached_property
    def rows(self) -> list[Json]:
        """The rows with exact numbers. Parsed only when needed, because most outcomes are compared as bytes."""
        return list(map(exact, self.raw))

    @property
    def state(self) -> str:
        return str(self.receipt["state"])

    @property
    def error(self) -> str:
        return self.receipt["error"] or ""

    def asked(self, endpoint: str, method: str | None = None) -> list[Json]:
        """The requests that one endpoint received, oldest first."""
        return [one for one in self.heard if one["endpoint"] == endpoint and method in (None, one["method"])]

    def assert_done(self, rows: int, *, generation: int = 1) -> None:
        """Assert that the job is done, with this many rows, each once; a failure shows what there is instead."""
        came = (self.state, self.error, self.receipt["rows"], self.receipt["generation"], self.audit.is_whole)
        assert came == ("done", "", rows, generation, True), (came, self.audit)
        assert len(self.raw) == rows
        assert [self.audit.lost, self.audit.doubled, self.audit.late, self.audit.ends] == [0, 0, 0, 1]

    def assert_whole(self, rows: int, **how: Any) -> None:
        """Assert that the job is done, with exactly the vendor's rows; `how` describes them if they are unusual."""
        self.assert_done(rows)
        report = f"{self.job.connection.partition('-')[0]}.{self.job.report}"
        params = {**self.job.params, **how.pop("params", {})}
        served = list(expected_rows(report, params, rows, **{"typed": True, **how}))
        if self.raw == served:
            return
        # Rows may have been served in another form, such as with blanks or another order of keys.
        expected = list(map(exact, served))
        differing = (pair for pair in zip(self.rows, expected, strict=False) if pair[0] != pair[1])
        assert self.rows == expected, next(differing, (len(self.rows), len(expected)))

    def assert_failed(self, *words: str, published: bool | None = None) -> None:
        """Assert that the job failed with these words in the error, that its rows are void, and that it has no end."""
        assert self.state == "failed", self.receipt
        assert [word for word in words if word not in self.error] == [], self.error
        found = self.audit
        assert [found.ends, found.late, found.doubled] == [0, 0, 0], found
        assert found.rows == 0, "rows of a failed job stand unvoided"
        if published is not None:
            assert bool(found.voided) == published, found


def exact(text: bytes) -> Any:
    """Parse JSON; numbers keep their digits and differ from text."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))
