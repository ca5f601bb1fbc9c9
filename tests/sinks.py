"""Sinks for tests: places of every kind, positions in a reading, and a writer that behaves as workers do."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from worker.model import Batch, Checkpoint, DeadRow, Ended, Finished, Full, Kept, Refused, Row, Totals
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.audit import Audit
from worker.sinks.audit_files import audit_files
from worker.sinks.audit_stream import audit
from worker.sinks.sink import Sink

READING: tuple[Row, ...] = tuple(b'{"row":%d}' % number for number in range(1, 10))
RESTATED: tuple[Row, ...] = tuple(b'{"row":%d,"restated":1}' % number for number in range(1, 10))

JOB = "job-1"


def make(
    to: str,
    redis: Redis | None = None,
    *,
    job: str = JOB,
    bound: int = 0,
    part_rows: int = 4,
    keep_seconds: float = 3600,
) -> Sink:
    """The sink of one job at an address; `redis` is Millrace's own."""
    return open_sink(
        parse_address(to),
        job=job,
        connection="kargo",
        report="report",
        default_redis=redis or Redis(port=1),
        stream_bound=bound,
        part_rows=part_rows,
        keep_seconds=keep_seconds,
    )


def job_directory(directory: Path, job: str = JOB) -> Path:
    """Where a job's files lie."""
    return directory / "kargo" / "report" / job


def file_names(directory: Path) -> list[str]:
    """The files in a job's directory but its record."""
    files = (path for path in directory.rglob("*") if path.is_file() and ".sink" not in path.parts)
    return sorted(str(path.relative_to(directory)) for path in files)


def position(reading: Sequence[Row], rows: int | None = None, *, is_closed: bool = False) -> Checkpoint:
    """The checkpoint behind so many rows of a reading, or behind all."""
    held = reading[:rows]
    texts = [(row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in held]
    dead_rows = sum(isinstance(row, DeadRow) for row in held)
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    return Checkpoint(len(held), digest, dead_rows, sum(map(len, texts)), "ijson" if held else "", is_closed)


def batch(reading: Sequence[Row], first: int, last: int) -> Batch:
    """Rows `first` to `last`, counted from 1."""
    return Batch(tuple(reading[first - 1 : last]), position(reading, last))


def commit(
    sink: Sink, first: int, last: int, reading: Sequence[Row] = READING, *, generation: int = 1, page: int = 1
) -> Kept | Refused | Full | Ended:
    """Commit rows `first` to `last` of a reading whose rows before them are kept."""
    return sink.commit(generation, page, position(reading, first - 1), batch(reading, first, last))


def publish(sink: Sink, reading: Sequence[Row], *, generation: int = 1, page: int = 1, stride: int = 2) -> None:
    """Commit a page from its first row on, and close it."""
    for first in range(1, len(reading) + 1, stride):
        last = min(first + stride - 1, len(reading))
        assert isinstance(commit(sink, first, last, reading, generation=generation, page=page), Kept)
    assert isinstance(sink.close(generation, page, position(reading)), Kept)


def finish(sink: Sink, pages: int = 1, generation: int = 1) -> None:
    """Write the end with a receipt that says what the sink counted."""
    totals = sink.tally(generation, pages)
    assert isinstance(totals, Totals), totals
    receipt = {"rows": totals.rows, "dead_rows": totals.dead_rows, "pages": pages, "digest": totals.digest}
    assert isinstance(sink.finish(generation, pages, receipt), Finished)


@dataclass
class Place:
    """Somewhere rows are kept: makes sinks, as many workers as wanted, and says what consumers see."""

    make: Callable[[str], Sink]
    seen: Callable[[str], Audit]
    made: list[Sink] = field(default_factory=list)

    def sink(self, job: str = JOB) -> Sink:
        self.made.append(self.make(job))
        return self.made[-1]

    def audit(self) -> Audit:
        return self.seen(JOB)

    def finish(self, pages: int = 1, generation: int = 1) -> Audit:
        """Write the end: what consumers see then."""
        finish(self.sink(), pages, generation)
        return self.audit()


@pytest.fixture(params=["stream", "files", "files-gzip", "files-zstd"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place of each kind; files take two rows a part, so that each further batch makes the one before it durable."""
    if request.param == "stream":
        redis = request.getfixturevalue("redis")
        held = Place(lambda job: make("stream:rows", redis, job=job), lambda job: audit(redis, "rows", job))
    else:
        to = f"file:{tmp_path}?compression={request.param.partition('-')[2] or 'none'}"
        held = Place(lambda job: make(to, job=job, part_rows=2), lambda job: audit_files(job_directory(tmp_path, job)))
    yield held
    for sink in held.made:
        sink.release()


class Writer:
    """A worker on a page: begins where the sink stands, goes on as the sink's answers say."""

    def __init__(self, place: Place, reading: Sequence[Row] = READING, *, generation: int = 1, page: int = 1) -> None:
        self.sink = place.sink()
        self.reading = reading
        self.where = (generation, page)
        at = self.sink.checkpoint(*self.where)
        assert isinstance(at, Checkpoint)
        self.at = at

    def step(self, rows: int = 2) -> bool:
        """Commit the next rows, or learn where the sink stands; False at the page's end."""
        last = min(self.at.rows + rows, len(self.reading))
        if self.at.rows == last:
            return False
        outcome = self.sink.commit(*self.where, self.at, batch(self.reading, self.at.rows + 1, last))
        assert isinstance(outcome, Kept | Refused), outcome
        self.at = outcome.checkpoint
        assert self.at.digest == position(self.reading, self.at.rows).digest, "what is kept is another reading"
        return True

    def run(self, rows: int = 2) -> None:
        """Publish the page to its end and close it, reading again from wherever the sink turns out to stand."""
        while True:
            while self.step(rows):
                pass
            outcome = self.sink.close(*self.where, self.at)
            if isinstance(outcome, Kept):
                return
            assert isinstance(outcome, Refused)
            self.at = outcome.checkpoint
