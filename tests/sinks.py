"""Sinks for tests: targets of every kind, positions in a reading, and a writer that behaves like a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.bucket import bucket_of
from worker.errors import RecordClosed, SinkFull
from worker.model import Batch, Checkpoint, DeadRow, Rows, Totals
from worker.sinks.audit import Audit, audit
from worker.sinks.files.audit import audit_files
from worker.sinks.files.bucket_kinds import BUCKET_KINDS
from worker.sinks.files.formats.kinds import FORMATS
from worker.sinks.kinds import SinkJob, audit_sink, open_sink, parse_address
from worker.sinks.sink import Sink

# An odd number, so that with parts and entries of two rows the last one is not full.
READING: tuple[bytes, ...] = tuple(b'{"row":%d}' % number for number in range(1, 10))
RESTATED: tuple[bytes, ...] = tuple(b'{"row":%d,"restated":1}' % number for number in range(1, 10))

JOB = "job-1"

DONE = "done"
"""What an AnsweringSink returns if the sink returns nothing."""


@dataclass(frozen=True)
class Closed:
    """RecordClosed as a return value."""

    state: str


@dataclass(frozen=True)
class Full:
    """SinkFull as a return value."""

    reason: str


class AnsweringSink:
    """Wraps a sink: RecordClosed and SinkFull become return values, so that sinks can be compared."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        act = getattr(self._sink, verb)

        def ask(*arguments: object) -> object:
            try:
                answer = act(*arguments)
            except RecordClosed as closed:
                return Closed(closed.state)
            except SinkFull as full:
                return Full(full.reason)
            return DONE if answer is None else answer

        return ask


def make(
    to: str,
    redis: Redis | None = None,
    *,
    job: str = JOB,
    bound: int = 0,
    part_rows: int = 4,
    keep_seconds: float = 3600,
    window: dict[str, str | None] | None = None,
) -> AnsweringSink:
    """The AnsweringSink of one job at an address; `redis` is Millrace's own."""
    return AnsweringSink(open_sink(parse_address(to), sink_job(job, redis, bound, part_rows, keep_seconds, window)))


def opened(to: str, redis: Redis | None = None, **how: Any) -> AnsweringSink:
    """The same, with its record open in generation 1."""
    sink = make(to, redis, **how)
    sink.open(1)
    return sink


def sink_job(
    job: str = JOB,
    redis: Redis | None = None,
    bound: int = 0,
    part_rows: int = 4,
    keep_seconds: float = 3600,
    window: dict[str, str | None] | None = None,
) -> SinkJob:
    """A job, with the fields that sinks use."""
    return SinkJob(job, "kargo", "report", redis or Redis(port=1), bound, part_rows, keep_seconds, window)


def job_directory(directory: Path, job: str = JOB) -> Path:
    """The directory of a job's files."""
    return directory / "kargo" / "report" / job


def file_names(directory: Path) -> list[str]:
    """The files in a job's directory, except its record."""
    files = (path for path in directory.rglob("*") if path.is_file() and ".sink" not in path.parts)
    return sorted(str(path.relative_to(directory)) for path in files)


def position(reading: Sequence[bytes], rows: int | None = None, *, is_closed: bool = False) -> Checkpoint:
    """The checkpoint after this many rows of a reading, or after all."""
    held = reading[:rows]
    texts = [row + b"\n" for row in held]
    dead_rows = sum(isinstance(row, DeadRow) for row in held)
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    return Checkpoint(len(held), digest, dead_rows, sum(map(len, texts)), is_closed)


def batch(reading: Sequence[bytes], first: int, last: int) -> Batch:
    """Rows `first` to `last`, counted from 1."""
    return Batch(position(reading, first - 1), Rows.of(reading[first - 1 : last]), position(reading, last))


def commit(
    sink: AnsweringSink,
    first: int,
    last: int,
    reading: Sequence[bytes] = READING,
    *,
    generation: int = 1,
    page: int = 1,
) -> Any:
    """Commit rows `first` to `last` of a reading; the rows before them must have been committed."""
    return sink.commit(generation, page, batch(reading, first, last))


def publish(
    sink: AnsweringSink, reading: Sequence[bytes], *, generation: int = 1, page: int = 1, stride: int = 2
) -> None:
    """Commit a whole page, and close it."""
    for first in range(1, len(reading) + 1, stride):
        last = min(first + stride - 1, len(reading))
        assert commit(sink, first, last, reading, generation=generation, page=page) == position(reading, last)
    assert sink.close(generation, page, position(reading)) == position(reading, is_closed=True)


def finish(sink: AnsweringSink, pages: int = 1, generation: int = 1) -> None:
    """Write the end, with a receipt that contains the sink's counts."""
    totals = sink.tally(generation, pages)
    assert isinstance(totals, Totals), totals
    receipt = {"rows": totals.rows, "dead_rows": totals.dead_rows, "pages": pages, "digest": totals.digest}
    assert isinstance(sink.finish(generation, pages, receipt), dict)


@dataclass
class Place:
    """A target of rows: makes sinks for any number of workers, and returns what consumers see."""

    make: Callable[[str], AnsweringSink]
    seen: Callable[[str], Audit]
    made: list[AnsweringSink] = field(default_factory=list)

    def sink(self, job: str = JOB) -> AnsweringSink:
        self.made.append(self.make(job))
        return self.made[-1]

    def audit(self) -> Audit:
        return self.seen(JOB)

    def finish(self, pages: int = 1, generation: int = 1) -> Audit:
        """Write the end, and return what consumers then see."""
        finish(self.sink(), pages, generation)
        return self.audit()


KINDS = "stream stream-packed files files-parquet s3 gs az".split()
"""Every kind of sink, and a format whose files are more than their rows one after another."""
FORMATS_OF_KINDS = "files-gzip files-zstd files-csv s3-parquet".split()


@pytest.fixture(params=[*KINDS, *FORMATS_OF_KINDS])
def unopened(request: pytest.FixtureRequest, memory_path: Path) -> Iterator[Place]:
    """A target of each kind; parts of files have two rows, so that each batch makes the one before it durable."""
    if request.param.startswith("stream"):
        redis = request.getfixturevalue("redis")
        to = "stream:rows?rows_per_entry=2" if request.param == "stream-packed" else "stream:rows"
        held = Place(lambda job: make(to, redis, job=job), lambda job: audit(redis, "rows", job))
    elif request.param[:2] in BUCKET_KINDS:
        scheme, _, kind = request.param.partition("-")
        to = f"{bucket_of(request, scheme)}&format={kind or 'ndjson'}"
        held = Place(
            lambda job: make(to, job=job, part_rows=2), lambda job: audit_sink(parse_address(to), sink_job(job))
        )
    else:
        kind = request.param.partition("-")[2]
        option = f"format={kind}" if kind in FORMATS else f"compression={kind or 'none'}"
        to = f"file:{memory_path}?{option}"
        held = Place(
            lambda job: make(to, job=job, part_rows=2), lambda job: audit_files(job_directory(memory_path, job))
        )
    yield held
    for sink in held.made:
        sink.release()


@pytest.fixture
def place(unopened: Place) -> Place:
    """The same, with the record of the job open in generation 1."""
    unopened.sink().open(1)
    return unopened


class Writer:
    """A worker that publishes a page: begins at the sink's position, and continues as the sink's answers require."""

    def __init__(self, place: Place, reading: Sequence[bytes] = READING, *, generation: int = 1, page: int = 1) -> None:
        self.sink = place.sink()
        self.reading = reading
        self.where = (generation, page)
        at = self.sink.checkpoint(*self.where)
        assert isinstance(at, Checkpoint)
        self.at = at

    def step(self, rows: int = 2) -> bool:
        """Commit the next rows, or learn the sink's position; False at the end of the page."""
        last = min(self.at.rows + rows, len(self.reading))
        if self.at.rows == last:
            return False
        self.at = self.sink.commit(*self.where, batch(self.reading, self.at.rows + 1, last))
        assert self.at.digest == position(self.reading, self.at.rows).digest, "what is kept is another reading"
        return True

    def run(self, rows: int = 2) -> None:
        """Publish the page to its end and close it; if the sink has another position, read again from there."""
        while True:
            while self.step(rows):
                pass
            reached, self.at = self.at, self.sink.close(*self.where, self.at)
            if self.at.is_at(reached):
                assert self.at.is_closed
                return
