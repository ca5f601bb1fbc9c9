"""How a scenario turned out, and what can be asserted of it."""

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
    """How a scenario ended: the receipt, what a consumer has in hand, what the vendors were sent."""

    receipt: Json
    job: Job
    audit: Audit
    raw: list[bytes]
    dead: list[dict[bytes, bytes]]
    heard: list[Json]
    vendors: VendorSet

    @cached_property
    def rows(self) -> list[Json]:
        """What the rows say, to the digit. Parsed where it is asked for: most outcomes are compared by their bytes."""
        return list(map(exact, self.raw))

    @property
    def state(self) -> str:
        return str(self.receipt["state"])

    @property
    def error(self) -> str:
        return self.receipt["error"] or ""

    def asked(self, endpoint: str, method: str | None = None) -> list[Json]:
        """The requests one endpoint got, oldest first."""
        return [one for one in self.heard if one["endpoint"] == endpoint and method in (None, one["method"])]

    def assert_done(self, rows: int, *, generation: int = 1) -> None:
        """Done, and as many rows as this, each once; a failure shows what came instead."""
        came = (self.state, self.error, self.receipt["rows"], self.receipt["generation"], self.audit.is_whole)
        assert came == ("done", "", rows, generation, True), (came, self.audit)
        assert len(self.raw) == rows
        assert [self.audit.lost, self.audit.doubled, self.audit.late, self.audit.ends] == [0, 0, 0, 1]

    def assert_whole(self, rows: int, **how: Any) -> None:
        """Done, and row for row what the vendor has; `how` describes its rows where they are not as usual."""
        self.assert_done(rows)
        report = f"{self.job.connection.partition('-')[0]}.{self.job.report}"
        params = {**self.job.params, **how.pop("params", {})}
        served = list(expected_rows(report, params, rows, **{"typed": True, **how}))
        if self.raw == served:
            return
        # What was served otherwise, such as with blanks or keys in another order, says the same.
        said = list(map(exact, served))
        differing = (pair for pair in zip(self.rows, said, strict=False) if pair[0] != pair[1])
        assert self.rows == said, next(differing, (len(self.rows), len(said)))

    def assert_failed(self, *words: str, published: bool | None = None) -> None:
        """Failed, with these words in the error; what was published is voided, and there is no end."""
        assert self.state == "failed", self.receipt
        assert [word for word in words if word not in self.error] == [], self.error
        found = self.audit
        assert [found.ends, found.late, found.doubled] == [0, 0, 0], found
        assert found.rows == 0, "rows of a failed job stand unvoided"
        if published is not None:
            assert bool(found.voided) == published, found


def exact(text: bytes) -> Any:
    """JSON with its numbers as they are written, told apart from text."""
    return json.loads(text, parse_int=lambda digits: ("number", digits), parse_float=lambda digits: ("number", digits))
