"""What a consumer of a sink has in hand, checked against what the receipt says: nothing lost, nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from worker.model import Checkpoint, Json
from worker.sinks.audited_page import AuditedPage
from worker.sinks.totals import totals


@dataclass(frozen=True, slots=True)
class Audit:
    """One job as its consumers see it. `rows`, `dead_rows`, `lost` and `digest` are those of the standing generation.

    `lost` counts rows missing before the last one seen and, once there is a receipt, after it; `doubled`,
    `out_of_order` and `late` (after the end, or after the void of their generation) count rows of every generation.
    `digest` is that of what is there, None where it is not whole. `changed` names files that are not as kept.
    """

    job: str
    generation: int
    rows: int
    dead_rows: int
    lost: int
    doubled: int
    out_of_order: int
    late: int
    generations: tuple[int, ...]
    voided: dict[int, str]
    receipt: Json | None
    ends: int
    digest: str | None
    changed: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing speaks against what is there so far; `is_whole` says whether it is all."""
        return not (self.lost or self.doubled or self.out_of_order or self.late or self.changed or self.ends > 1)

    @property
    def is_whole(self) -> bool:
        """Whether exactly the rows of the receipt are there, each once, in order, by their digest."""
        if self.receipt is None or self.digest is None or not self.is_clean:
            return False
        there = {"rows": self.rows, "dead_rows": self.dead_rows, "digest": self.digest}
        return all(self.receipt.get(name, value) == value for name, value in there.items())


class Auditor:
    """Takes one job's entries as they come."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._pages: dict[int, dict[int, AuditedPage]] = defaultdict(lambda: defaultdict(AuditedPage))
        self._voided: dict[int, str] = {}
        self._receipt: Json | None = None
        self._ends = 0
        self._late = 0

    def entry(self, fields: dict[bytes, bytes]) -> None:
        """An entry of the stream."""
        if b"row" in fields:
            generation, page, number = _address(fields)
            self._late += self._receipt is not None or generation in self._voided
            self._pages[generation][page].row(number, fields[b"row"])
        elif b"void" in fields:
            void = orjson.loads(fields[b"void"])
            self._voided[void["generation"]] = void["reason"]
            self._pages[void["generation"]]
        elif b"end" in fields:
            self._ends += 1
            self._receipt = self._receipt or orjson.loads(fields[b"end"])

    def dead_letter(self, fields: dict[bytes, bytes]) -> None:
        """An entry of the dead letters; they are to come before the stream's entries behind them."""
        generation, page, number = _address(fields)
        self._pages[generation][page].dead_row(number, fields[b"row"])

    def result(self, changed: Sequence[str] = ()) -> Audit:
        """What came so far; `changed` names files that are not as they were kept."""
        standing = max((number for number in self._pages if number not in self._voided), default=0)
        pages = dict(self._pages[standing]) if standing else {}
        every = [page for held in self._pages.values() for page in held.values()]
        rows, dead_rows = sum(page.rows for page in pages.values()), sum(page.dead_rows for page in pages.values())
        return Audit(
            job=self._job,
            generation=standing,
            rows=rows,
            dead_rows=dead_rows,
            lost=max(sum(page.last for page in pages.values()), self._promised()) - rows - dead_rows,
            doubled=sum(page.doubled for page in every),
            out_of_order=sum(page.out_of_order for page in every),
            late=self._late,
            generations=tuple(sorted(self._pages)),
            voided=dict(self._voided),
            receipt=self._receipt,
            ends=self._ends,
            digest=self._digest(pages),
            changed=tuple(changed),
        )

    def _promised(self) -> int:
        receipt = self._receipt or {}
        return int(receipt.get("rows", 0)) + int(receipt.get("dead_rows", 0))

    def _digest(self, pages: dict[int, AuditedPage]) -> str | None:
        last = int((self._receipt or {}).get("pages", max(pages, default=0)))
        digests = [pages[number].digest() if number in pages else Checkpoint().digest for number in range(1, last + 1)]
        if any(digest is None for digest in digests) or any(number > last for number in pages):
            return None
        return totals(Checkpoint(digest=digest) for digest in digests if digest).digest


def _address(fields: dict[bytes, bytes]) -> tuple[int, int, int]:
    generation, page, row = fields[b"at"].split(b".")
    return int(generation), int(page), int(row)
