"""Audits a job in a sink: compares the rows that its consumers see with the receipt. None may be lost or come twice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import orjson
from redis import Redis

from worker import keys
from worker.model import Checkpoint, Json
from worker.sinks.sink import totals

ENTRIES_AT_ONCE = 2_000

Fields = dict[bytes, bytes]


class AuditedPage:
    """Counts the rows of one page by their numbers. Memory: one bit per row, and the dead rows not reached yet."""

    def __init__(self) -> None:
        self.rows = 0
        self.dead_rows = 0
        self.doubled = 0
        self.out_of_order = 0
        self.bytes = 0
        self._seen = bytearray()
        self._last_living = 0
        self._position = 0
        self._dead: dict[int, bytes] = {}
        self._running = hashlib.sha256()
        self._is_sound = True

    @property
    def last(self) -> int:
        """The greatest row number seen."""
        return max(self._last_living, self._position, *self._dead, 0)

    def add_row(self, number: int, row: bytes) -> None:
        """Count a row of the stream or file."""
        if not self._note_number(number):
            return
        self.rows += 1
        if number < self._last_living:
            self.out_of_order += 1
            self._is_sound = False
        self._last_living = max(number, self._last_living)
        self._pass_dead_rows(number)
        self._feed(number, row)

    def add_dead_row(self, number: int, raw: bytes) -> None:
        """Count a dead letter; the dead letters of a page must be added before the rows that follow them."""
        if self._note_number(number):
            self.dead_rows += 1
            self._dead[number] = raw

    def digest(self) -> str | None:
        """The digest over all rows; None if one is missing or out of order."""
        self._pass_dead_rows(self.last + 1)
        return self._running.hexdigest() if self._is_sound and not self._dead else None

    def _note_number(self, number: int) -> bool:
        """Is this row new? If it was seen before, it is counted as doubled."""
        byte, bit = divmod(number, 8)
        if byte >= len(self._seen):
            self._seen.extend(bytes(max(byte + 1 - len(self._seen), len(self._seen))))
        is_new = not self._seen[byte] >> bit & 1
        self._seen[byte] |= 1 << bit
        self.doubled += not is_new
        return is_new

    def _pass_dead_rows(self, before: int) -> None:
        while self._position + 1 < before and (raw := self._dead.pop(self._position + 1, None)) is not None:
            self._feed(self._position + 1, raw)

    def _feed(self, number: int, row: bytes) -> None:
        if number != self._position + 1:
            self._is_sound = False
        self._position = number
        self._running.update(row)
        self._running.update(b"\n")
        self.bytes += len(row) + 1


@dataclass(frozen=True, slots=True)
class Audit:
    """One job as its consumers see it. `rows`, `dead_rows`, `lost` and `digest` are those of the current generation.

    `lost` counts rows missing before the last one seen and, once there is a receipt, after it; `doubled`,
    `out_of_order` and `late` (after the end, or after the void of their generation) count rows of every generation.
    `digest` is computed from the rows, None if some are missing. `changed` names files that are missing or changed.
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
        """Are the rows so far correct? `is_whole` says whether they are all."""
        return not (self.lost or self.doubled or self.out_of_order or self.late or self.changed or self.ends > 1)

    @property
    def is_whole(self) -> bool:
        """Are exactly the rows of the receipt there, each once and in order, by their digest?"""
        if self.receipt is None or self.digest is None or not self.is_clean:
            return False
        stored = {"rows": self.rows, "dead_rows": self.dead_rows, "digest": self.digest}
        return all(self.receipt.get(name, value) == value for name, value in stored.items())


class Auditor:
    """Audits one job from its rows, voids and end, given in the order in which consumers see them."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._pages: dict[int, dict[int, AuditedPage]] = defaultdict(lambda: defaultdict(AuditedPage))
        self._voided: dict[int, str] = {}
        self._receipt: Json | None = None
        self._ends = 0
        self._late = 0

    def add_row(self, generation: int, page: int, number: int, row: bytes) -> None:
        self._late += self._receipt is not None or generation in self._voided
        self._pages[generation][page].add_row(number, row)

    def add_dead_row(self, generation: int, page: int, number: int, raw: bytes) -> None:
        """Add a dead row; it must be added before the rows of its page that follow it."""
        self._pages[generation][page].add_dead_row(number, raw)

    def add_void(self, generation: int, reason: str) -> None:
        self._voided[generation] = reason
        self._pages[generation]  # is counted as a generation, also without rows

    def add_end(self, receipt: Json) -> None:
        self._ends += 1
        self._receipt = self._receipt or receipt

    def result(self, changed: Sequence[str] = ()) -> Audit:
        """The audit of what was added so far; `changed` names files that are missing or changed."""
        current = max((number for number in self._pages if number not in self._voided), default=0)
        pages = dict(self._pages[current]) if current else {}
        every = [page for held in self._pages.values() for page in held.values()]
        rows, dead_rows = sum(page.rows for page in pages.values()), sum(page.dead_rows for page in pages.values())
        receipt = self._receipt or {}
        stated = int(receipt.get("rows", 0)) + int(receipt.get("dead_rows", 0))
        return Audit(
            job=self._job,
            generation=current,
            rows=rows,
            dead_rows=dead_rows,
            lost=max(sum(page.last for page in pages.values()), stated) - rows - dead_rows,
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

    def _digest(self, pages: dict[int, AuditedPage]) -> str | None:
        """The report's digest over these pages; None if one of them is incomplete, or after the last page."""
        last = int((self._receipt or {}).get("pages", max(pages, default=0)))
        digests = [pages[number].digest() if number in pages else Checkpoint().digest for number in range(1, last + 1)]
        if any(digest is None for digest in digests) or any(number > last for number in pages):
            return None
        return totals(Checkpoint(digest=digest) for digest in digests if digest).digest


def rows_in(fields: Fields) -> Iterator[tuple[int, int, int, bytes]]:
    """The rows of an entry, each after its generation, page and number; none if it is an end or a void.

    Raises ValueError if a packed entry has another number of rows than its `count` says.
    """
    if b"row" not in fields and b"rows" not in fields:
        return
    generation, page, number = map(int, fields[b"at"].split(b"."))
    rows = [fields[b"row"]] if b"row" in fields else fields[b"rows"].split(b"\n")
    if b"rows" in fields and (rows.pop() or len(rows) != int(fields[b"count"])):
        raise ValueError(
            f"the entry at {fields[b'at'].decode()} says {fields[b'count'].decode()} rows, but has {len(rows)}"
        )
    yield from ((generation, page, number + index, row) for index, row in enumerate(rows))


class StreamAudit:
    """Audits the jobs of a stream; each `advance` reads on to the present end of the stream and its dead letters.

    It needs one bit of memory per row. Writers may continue meanwhile, and so may consumers that trim only what this
    has read.
    """

    def __init__(self, redis: Redis, stream: str, job: str | None = None) -> None:
        """`redis` must return bytes; without `job`, every job in the stream is audited."""
        self._redis = redis
        self._stream = stream
        self._dead_letters = keys.dead_rows(stream)
        self._only = job.encode() if job is not None else None
        self._auditors: dict[bytes, Auditor] = {}
        self._read = {self._stream: b"-", self._dead_letters: b"-"}

    def advance(self) -> Self:
        """Read the entries that have come since the last time."""
        # The end of the stream is determined before the dead letters are read. So all dead letters of the rows up to it
        # are read first, even while writers continue.
        newest = self._redis.xrevrange(self._stream, count=1)
        for job, fields in self._entries(self._dead_letters, b"+"):
            for row in rows_in(fields):
                self._auditor(job).add_dead_row(*row)
        for job, fields in self._entries(self._stream, newest[0][0] if newest else b"-"):
            auditor = self._auditor(job)
            for row in rows_in(fields):
                auditor.add_row(*row)
            if b"void" in fields:
                void = orjson.loads(fields[b"void"])
                auditor.add_void(void["generation"], void["reason"])
            elif b"end" in fields:
                auditor.add_end(orjson.loads(fields[b"end"]))
        return self

    def result(self, job: str) -> Audit:
        """The audit of one job, as far as it was read."""
        return self._auditor(job.encode()).result()

    def results(self) -> dict[str, Audit]:
        """The audits by job, as far as they were read."""
        return {job.decode(): auditor.result() for job, auditor in sorted(self._auditors.items())}

    def _auditor(self, job: bytes) -> Auditor:
        return self._auditors.setdefault(job, Auditor(job.decode()))

    def _entries(self, stream: str, last: bytes) -> Iterator[tuple[bytes, Fields]]:
        while entries := self._redis.xrange(stream, self._read[stream], last, count=ENTRIES_AT_ONCE):
            for _, fields in entries:
                job = fields.get(b"job")
                if job is not None and self._only in {None, job}:
                    yield job, fields
            self._read[stream] = b"(" + entries[-1][0]


def audit(redis: Redis, stream: str, job: str) -> Audit:
    """Audit one job of a stream, as its consumers see it now."""
    return StreamAudit(redis, stream, job).advance().result(job)
