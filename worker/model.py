"""The data classes that all parts share. Times are seconds since the epoch; digests are SHA-256 in hex."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count as count_up
from typing import Any, Literal, Self

JobState = Literal["queued", "pending", "ready", "streaming", "streamed", "done", "failed", "cancelled"]
UNFINISHED: tuple[JobState, ...] = ("queued", "pending", "ready", "streaming", "streamed")
FINISHED: tuple[JobState, ...] = ("done", "failed", "cancelled")

VoidReason = Literal["replay", "failed", "cancelled"]

WaitsOn = Literal["retry", "vendor", "quota", "pause", "sink", "worker", "redis"]
"""What work waits for: its next attempt, the vendor's preparation, the connection's quota, the end of a pause that the
vendor asked for, room in the sink, a free worker, Redis."""

Json = dict[str, Any]

EMPTY_DIGEST = hashlib.sha256().hexdigest()


class DeadRow(bytes):
    """A row that is set aside: its bytes as the vendor sent them, and the reason. Every other row is plain bytes.

    It equals only another dead row with the same bytes and the same reason.
    """

    reason: str

    def __new__(cls, raw: bytes, reason: str) -> Self:
        row = super().__new__(cls, raw)
        row.reason = reason
        return row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeadRow) and bytes.__eq__(self, other) and self.reason == other.reason

    # Python drops the inherited hash of a class that defines __eq__.
    __hash__ = bytes.__hash__

    def __repr__(self) -> str:
        return f"DeadRow({bytes(self)!r}, {self.reason!r})"


Row = bytes
"""One row as it will be published: JSON bytes, UTF-8, no newline; or a `DeadRow`."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Consecutive rows as one text, each followed by a newline. Iterating yields the rows one by one.

    `dead` has the reason of every dead row, by its index from 0. Almost all code handles rows as one text: it is
    hashed, written and sent for a fraction of the time that a loop over its rows would take.
    """

    text: bytes = field(default=b"", repr=False)
    count: int = 0
    dead: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Rows:
        """These rows, one after another."""
        rows = list(rows)
        dead = {index: row.reason for index, row in enumerate(rows) if isinstance(row, DeadRow)}
        return cls(b"\n".join([*rows, b""]), len(rows), dead)

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        count = 0
        dead: dict[int, str] = {}
        for part in parts:
            dead.update((count + index, reason) for index, reason in part.dead.items())
            count += part.count
        return cls(b"".join(part.text for part in parts), count, dead)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Row]:
        rows = self.text.split(b"\n")[:-1]
        return map(self._row, count_up(), rows) if self.dead else iter(rows)

    @property
    def first(self) -> Row:
        """The first row. Raises ValueError if there is none."""
        return self._row(0, self.text[: self.text.index(b"\n")])

    @property
    def last(self) -> Row:
        """The last row. Raises ValueError if there is none."""
        return self._row(self.count - 1, self.text[self.text.rindex(b"\n", 0, -1) + 1 if self.count > 1 else 0 : -1])

    def cut(self, most_rows: int, most_bytes: int | None = None) -> tuple[Rows, Rows]:
        """Split into the first rows and the others: at most `most_rows` and `most_bytes`, but at least one row."""
        end, count = len(self.text), self.count
        if most_bytes is not None and end > most_bytes:
            end = self.text.rfind(b"\n", 0, most_bytes) + 1 or self.text.find(b"\n") + 1
            count = self.text.count(b"\n", 0, end)
        if (left := count - most_rows) > 0:
            # From the nearer end, because splitting makes an object of every row that it passes.
            if most_rows < left:
                end -= len(self.text[:end].split(b"\n", most_rows)[-1])
            else:
                end = len(self.text[:end].rsplit(b"\n", left + 1)[0]) + 1
            count = most_rows
        first = {index: reason for index, reason in self.dead.items() if index < count}
        others = {index - count: reason for index, reason in self.dead.items() if index >= count}
        return Rows(self.text[:end], count, first), Rows(self.text[end:], self.count - count, others)

    def _row(self, index: int, raw: bytes) -> Row:
        return DeadRow(raw, self.dead[index]) if index in self.dead else raw


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The durable position in one page of one generation.

    `rows` counts rows as the vendor sent them, dead ones included; `digest` runs over exactly those rows. `bytes`
    counts their JSON and newlines.
    """

    rows: int = 0
    digest: str = EMPTY_DIGEST
    dead_rows: int = 0
    bytes: int = 0
    is_closed: bool = False

    def is_at(self, other: Checkpoint) -> bool:
        """Do both follow the same rows? Whether the page is closed does not matter."""
        return self.rows == other.rows and self.digest == other.digest


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive rows of one page, with the positions before and after them."""

    before: Checkpoint
    rows: Rows
    after: Checkpoint


@dataclass(frozen=True, slots=True)
class Totals:
    """What the sink holds of one finished generation; `rows` leaves out the dead rows, `digest` covers both."""

    pages: int
    rows: int
    dead_rows: int
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class OpenPages:
    """The answer of a sink that cannot finish: these pages are not closed."""

    pages: tuple[int, ...]


@dataclass(slots=True)
class Facts:
    """What one response states besides its rows, complete once its rows are read; None for what it does not state.

    `next` is the next page's link or token (an empty string and the word "null" mean that there is none), `has_more`
    what the vendor says about whether there is one. `charset` is the character set in its Content-Type. `first_row` is
    the number of the response's first row within the page, so that errors name the right row. `seen` has the values at
    those paths of `watched` that lead to one.
    """

    total: int | None = None
    total_pages: int | None = None
    next: str | None = None
    has_more: bool | None = None
    charset: str | None = None
    first_row: int = 1
    watched: tuple[str, ...] = ()
    seen: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is known of a page once it was read: how many rows it has, and what it states about the whole report.

    `total` is the vendor's count of rows, `next` the link or token of the next page. `is_last`: the vendor said
    explicitly that nothing follows. `has_end` is False if a body ended merely because its connection did: then only a
    count can prove that it was whole.
    """

    rows: int = 0
    total: int | None = None
    total_pages: int | None = None
    next: str | None = None
    has_more: bool | None = None
    is_last: bool = False
    has_end: bool = True

    @property
    def is_declared_last(self) -> bool:
        """Did the vendor say, in words or by a flag, that nothing follows?"""
        return self.is_last or self.has_more is False


@dataclass(frozen=True, slots=True)
class Job:
    """One report that was requested of us, as the ledger has it.

    `report` is the name within the source; `params` are as resolved when the job was made. `ready_total` is the count
    of rows that the vendor stated when the report was ready, `total` the count that its pages stated. `asked_at` is
    when the vendor was first asked; `ready_within` counts from then. `is_unproven`: a body ended only because its
    connection did. `rows`, `dead_rows` and `bytes` are progress for people; the sink record is what counts. `waits_*`
    describe the last wait that was noted, `held_until` is when the latest lease ends; both are for
    `worker.jobs.waiting`. `request` is the digest of what was asked for, if that had a key. `traceparent` is the span
    that all steps of the job belong to (W3C Trace Context).
    """

    id: str
    state: JobState
    connection: str
    report: str
    source_digest: str
    params: Json
    window: dict[str, str] | None
    sink: str
    webhooks: tuple[str, ...]
    generation: int
    restarts: int
    poll: int
    attempts: int
    reason: str
    created_at: float
    ready_by: float
    finish_by: float
    ready_within: float = 0
    finish_within: float = 0
    request: str | None = None
    asked_at: float | None = None
    submitting_at: float | None = None
    submitted_at: float | None = None
    ready_at: float | None = None
    first_row_at: float | None = None
    finished_at: float | None = None
    vendor_report_id: str | None = None
    vendor_request_id: str | None = None
    poll_link: str | None = None
    possible_orphans: int = 0
    asked_anew: int = 0
    is_unproven: int = 0
    poll_at: float | None = None
    waits_on: WaitsOn | None = None
    waits_said: str = ""
    waits_until: float | None = None
    held_until: float | None = None
    traceparent: str | None = None
    columns_added: tuple[str, ...] = ()
    columns_gone: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    expires_at: float | None = None
    missing_since: float | None = None
    ready_total: int | None = None
    total: int | None = None
    pages: int = 0
    closed: int = 0
    rows: int = 0
    dead_rows: int = 0
    bytes: int = 0
    verdict: Literal["failed", "cancelled"] | None = None
    error: str | None = None
    receipt: Json | None = None

    @property
    def expected(self) -> int | None:
        """The vendor's count of rows, None if it stated none; the count of the pages is preferred to the poll's."""
        return self.ready_total if self.total is None else self.total

    @property
    def trace_id(self) -> str | None:
        """The id of the trace that the job's steps belong to, as OpenTelemetry's tools show it; None without one."""
        return self.traceparent.split("-")[1] if self.traceparent else None

    @property
    def name(self) -> str:
        """CONNECTION.REPORT, as the caller named it."""
        return f"{self.connection}.{self.report}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, or on one of its pages, until a time; `page` is 0 for a step of the job itself.

    `token` is the fencing token. `attempts` and `reason` are those of this piece of work; `link` is the page's address
    if one was registered; `on_record` counts the page's rows that the ledger knows of. `taken_at` is in the ledger's
    time.
    """

    job: Job
    token: int
    taken_at: float
    page: int = 0
    attempts: int = 0
    reason: str = ""
    link: str | None = None
    on_record: Checkpoint = Checkpoint()
