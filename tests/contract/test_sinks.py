"""What every sink promises, over a real Redis server and real files.

A batch here is two rows and a part holds two, so that each further batch makes the one before it durable everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from redis import Redis

from worker.errors import StartOver
from worker.model import (
    Batch,
    Checkpoint,
    DeadRow,
    Ended,
    Finished,
    Kept,
    OpenPages,
    Refused,
    Row,
    Totals,
)
from worker.sinks import open_sink
from worker.sinks.address import parse_address
from worker.sinks.audit import Audit
from worker.sinks.audit_files import audit_files
from worker.sinks.audit_stream import audit
from worker.sinks.sink import Sink

READING: tuple[Row, ...] = tuple(b'{"row":%d}' % number for number in range(1, 10))
RESTATED: tuple[Row, ...] = tuple(b'{"row":%d,"restated":1}' % number for number in range(1, 10))


def position(reading: Sequence[Row], rows: int, *, is_closed: bool = False) -> Checkpoint:
    """The checkpoint behind so many rows of a reading."""
    texts = [(row.raw if isinstance(row, DeadRow) else row) + b"\n" for row in reading[:rows]]
    dead_rows = sum(isinstance(row, DeadRow) for row in reading[:rows])
    reader = "ijson" if rows else ""
    digest = hashlib.sha256(b"".join(texts)).hexdigest()
    return Checkpoint(rows, digest, dead_rows, sum(map(len, texts)), reader, is_closed)


def batch(reading: Sequence[Row], first: int, last: int) -> Batch:
    """Rows `first` to `last`, counted from 1."""
    return Batch(tuple(reading[first - 1 : last]), position(reading, last))


@dataclass
class Place:
    """Somewhere rows are kept: makes sinks, as many workers as wanted, and says what consumers see."""

    make: Callable[[str], Sink]
    seen: Callable[[str], Audit]
    made: list[Sink] = field(default_factory=list)

    def sink(self, job: str = "job-1") -> Sink:
        self.made.append(self.make(job))
        return self.made[-1]

    def audit(self, job: str = "job-1") -> Audit:
        return self.seen(job)


@pytest.fixture(params=["stream", "files", "files-gzip", "files-zstd"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """One place of each kind; a Redis server is started only where it is needed."""
    if request.param == "stream":
        redis: Redis = request.getfixturevalue("redis")
        text = "stream:rows"
    else:
        redis = Redis()
        text = f"file:{tmp_path}/rows?compression={request.param.partition('-')[2] or 'none'}"

    def make(job: str) -> Sink:
        names = {"job": job, "connection": "kargo", "report": "report"}
        return open_sink(parse_address(text), **names, default_redis=redis, stream_bound=0, part_rows=2)

    def seen(job: str) -> Audit:
        if text.startswith("stream"):
            return audit(redis, "rows", job)
        return audit_files(tmp_path / "rows" / "kargo" / "report" / job)

    place = Place(make, seen)
    yield place
    for sink in place.made:
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


def finish(place: Place, pages: int = 1, generation: int = 1) -> Audit:
    """Write the end with a receipt that says what the sink counted."""
    sink = place.sink()
    totals = sink.tally(generation, pages)
    assert isinstance(totals, Totals), totals
    receipt = {"job": "job-1", "rows": totals.rows, "dead_rows": totals.dead_rows, "pages": pages}
    assert isinstance(sink.finish(generation, pages, receipt | {"digest": totals.digest}), Finished)
    return place.audit()


# -- rows


def test_a_page_is_published_in_order_and_proven_by_its_digest(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    seen = finish(place)
    assert seen.is_whole
    assert (seen.rows, seen.generation, seen.ends) == (9, 1, 1)
    pages = hashlib.sha256(position(READING, 9).digest.encode()).hexdigest()
    assert seen.digest == pages


@pytest.mark.parametrize("rows_before_the_crash", range(10))
def test_a_replay_from_the_checkpoint_gives_each_row_once(place: Place, rows_before_the_crash: int) -> None:
    place.sink().open(1)
    lost = Writer(place)
    while lost.at.rows < rows_before_the_crash and lost.step(1):
        pass
    Writer(place).run(3)
    seen = finish(place)
    assert seen.is_whole
    assert seen.rows == 9


@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 3), (4, 1)])
def test_two_writers_interleaving_on_one_page_publish_each_row_once(place: Place, strides: tuple[int, int]) -> None:
    place.sink().open(1)
    one, other = Writer(place), Writer(place)
    while one.step(strides[0]) | other.step(strides[1]):
        pass
    one.run()
    other.run()
    seen = finish(place)
    assert seen.is_whole
    assert seen.rows == 9


def test_the_loser_learns_position_and_digest(place: Place) -> None:
    place.sink().open(1)
    winner, loser = Writer(place), Writer(place)
    loser.sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2))
    winner.run(4)
    outcome = loser.sink.commit(1, 1, position(READING, 2), batch(READING, 3, 4))
    assert outcome == Refused(position(READING, 9, is_closed=True))


def test_a_repeated_commit_learns_that_it_was_kept(place: Place) -> None:
    sink = place.sink()
    sink.open(1)
    assert sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2)) == Kept(position(READING, 2))
    assert sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2)) == Refused(position(READING, 2))


def test_a_wrong_digest_at_the_right_row_is_refused(place: Place) -> None:
    sink = place.sink()
    sink.open(1)
    sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2))
    outcome = sink.commit(1, 1, position(RESTATED, 2), batch(RESTATED, 3, 4))
    assert outcome == Refused(position(READING, 2))


def test_a_wrong_row_with_the_right_digest_is_refused(place: Place) -> None:
    sink = place.sink()
    sink.open(1)
    sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2))
    elsewhere = replace(position(READING, 2), rows=1)
    outcome = sink.commit(1, 1, elsewhere, Batch(READING[2:4], replace(position(READING, 4), rows=3)))
    assert outcome == Refused(position(READING, 2))


def test_a_batch_that_does_not_lead_to_its_checkpoint_is_a_mistake_of_the_caller(place: Place) -> None:
    sink = place.sink()
    sink.open(1)
    with pytest.raises(ValueError, match="2 rows do not lead from row 0 to 3"):
        sink.commit(1, 1, Checkpoint(), Batch(READING[:2], position(READING, 3)))


def test_a_closed_page_refuses_rows(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    more = (*READING, b'{"row":10}')
    outcome = place.sink().commit(1, 1, position(READING, 9), batch(more, 10, 10))
    assert outcome == Refused(position(READING, 9, is_closed=True))


def test_pages_do_not_touch_each_other(place: Place) -> None:
    place.sink().open(1)
    writers = [Writer(place, READING[: 3 * page], page=page) for page in (1, 2, 3)]
    for _ in READING:
        for writer in writers:
            writer.step()
    for writer in reversed(writers):
        writer.run()
    seen = finish(place, pages=3)
    assert seen.is_whole
    assert seen.rows == 3 + 6 + 9


def test_jobs_do_not_touch_each_other(place: Place) -> None:
    place.sink("job-1").open(1)
    place.sink("job-2").open(1)
    Writer(place).run()
    assert place.sink("job-2").checkpoint(1, 1) == Checkpoint()
    assert place.sink("job-2").tally(1, 1) == OpenPages((1,))


def test_a_dead_row_uses_its_number(place: Place) -> None:
    reading = (READING[0], DeadRow(b'{"row": "two"}', "row: not an integer"), *READING[2:8], DeadRow(b"nine", "?"))
    place.sink().open(1)
    Writer(place, reading).run()
    totals = place.sink().tally(1, 1)
    assert isinstance(totals, Totals)
    assert (totals.rows, totals.dead_rows, totals.bytes) == (7, 2, position(reading, 9).bytes)
    seen = finish(place)
    assert seen.is_whole
    assert (seen.rows, seen.dead_rows) == (7, 2)


def test_a_page_of_dead_rows_alone_is_a_page(place: Place) -> None:
    reading = (DeadRow(b"1", "not a row"), DeadRow(b"2", "not a row"))
    place.sink().open(1)
    Writer(place, reading).run()
    seen = finish(place)
    assert seen.is_whole
    assert (seen.rows, seen.dead_rows) == (0, 2)


def test_a_report_without_rows_ends(place: Place) -> None:
    place.sink().open(1)
    Writer(place, ()).run()
    seen = finish(place)
    assert seen.receipt is not None
    assert (seen.rows, seen.receipt["rows"], seen.voided) == (0, 0, {})


def test_the_checkpoint_keeps_the_reader_and_the_counts(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().checkpoint(1, 1) == position(READING, 9, is_closed=True)


# -- closing


def test_a_page_closes_only_where_it_stands(place: Place) -> None:
    sink = place.sink()
    sink.open(1)
    sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2))
    assert sink.close(1, 1, Checkpoint()) == Refused(position(READING, 2))
    assert sink.close(1, 1, position(RESTATED, 2)) == Refused(position(READING, 2))
    assert sink.close(1, 1, position(READING, 2)) == Kept(position(READING, 2, is_closed=True))


def test_closing_again_changes_nothing(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().close(1, 1, position(READING, 9)) == Kept(position(READING, 9, is_closed=True))
    assert place.sink().close(1, 1, position(READING, 8)) == Refused(position(READING, 9, is_closed=True))


# -- the end


def test_finish_names_the_pages_that_are_open(place: Place) -> None:
    place.sink().open(1)
    Writer(place, page=2).run()
    Writer(place, page=3).step()
    assert place.sink().tally(1, 4) == OpenPages((1, 3, 4))
    assert place.sink().finish(1, 4, {}) == OpenPages((1, 3, 4))
    assert place.audit().receipt is None


def test_finish_refuses_rows_beyond_the_last_page(place: Place) -> None:
    place.sink().open(1)
    Writer(place, page=1).run()
    Writer(place, page=2).run()
    with pytest.raises(StartOver, match="9 rows are published beyond page 1"):
        place.sink().finish(1, 1, {})
    assert place.audit().receipt is None


def test_an_empty_page_beyond_the_last_is_no_harm(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    Writer(place, (), page=2).run()
    assert finish(place, pages=1).is_whole


def test_finishing_twice_gives_the_first_receipt(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    first = place.sink().finish(1, 1, {"job": "job-1", "attempt": 1, "name": "Größe"})
    assert isinstance(first, Finished)
    assert (first.receipt["attempt"], first.receipt["name"]) == (1, "Größe")
    assert place.sink().finish(1, 1, {"job": "job-1", "attempt": 2}) == first
    assert place.sink().finish(2, 7, {}) == first
    assert place.audit().ends == 1


def test_after_the_end_nothing_is_taken(place: Place) -> None:
    place.sink().open(1)
    late = Writer(place)
    late.step()
    Writer(place).run()
    seen = finish(place)
    sink = place.sink()
    ended = Ended("ended")
    assert late.sink.commit(1, 1, late.at, batch(READING, 3, 4)) == ended
    assert sink.open(1) == sink.open(2) == ended
    assert sink.checkpoint(1, 1) == sink.tally(1, 1) == ended
    assert sink.commit(1, 2, Checkpoint(), batch(READING, 1, 2)) == sink.close(1, 2, Checkpoint()) == ended
    assert place.audit() == seen


def test_a_void_after_the_end_is_refused(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    finish(place)
    assert place.sink().void(1, "cancelled") == place.sink().void(1, "replay", 2) == Ended("ended")
    assert place.audit().is_whole
    assert place.audit().voided == {}


def test_an_end_after_the_void_is_refused(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().void(1, "cancelled") == Kept(Checkpoint())
    assert place.sink().finish(1, 1, {}) == place.sink().tally(1, 1) == Ended("void")
    seen = place.audit()
    assert (seen.receipt, seen.voided) == (None, {1: "cancelled"})


# -- voids and generations


@pytest.mark.parametrize("reason", ["failed", "cancelled"])
def test_a_void_for_good_is_written_once(place: Place, reason: str) -> None:
    place.sink().open(1)
    writer = Writer(place)
    writer.step()
    writer.step()
    assert place.sink().void(1, reason) == Kept(Checkpoint())  # type: ignore[arg-type]
    assert place.sink().void(1, "cancelled") == Kept(Checkpoint())
    assert place.audit().voided == {1: reason}
    assert writer.sink.commit(1, 1, writer.at, batch(READING, 5, 6)) == Ended("void")
    assert place.sink().checkpoint(1, 1) == place.sink().open(1) == Ended("void")


def test_a_void_says_nothing_where_nothing_was_published(place: Place) -> None:
    place.sink().open(1)
    Writer(place, ()).run()
    assert place.sink().void(1, "failed") == Kept(Checkpoint())
    assert place.audit().voided == {}


def test_a_void_speaks_of_dead_rows_alone(place: Place) -> None:
    place.sink().open(1)
    Writer(place, (DeadRow(b"1", "not a row"),)).run()
    place.sink().void(1, "failed")
    assert place.audit().voided == {1: "failed"}


def test_the_next_generation_begins_with_nothing(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().void(1, "replay", 2) == Kept(Checkpoint())
    assert place.sink().checkpoint(2, 1) == Checkpoint()
    assert place.sink().open(2) == Kept(Checkpoint())
    Writer(place, RESTATED, generation=2).run()
    seen = finish(place, generation=2)
    assert seen.is_whole
    assert (seen.generation, seen.generations, seen.voided) == (2, (1, 2), {1: "replay"})


def test_a_superseded_generation_is_refused(place: Place) -> None:
    place.sink().open(1)
    stale = Writer(place)
    stale.step()
    place.sink().void(1, "replay", 2)
    superseded = Ended("superseded")
    sink = place.sink()
    assert stale.sink.commit(1, 1, stale.at, batch(READING, 3, 4)) == superseded
    assert stale.sink.close(1, 1, stale.at) == superseded
    assert sink.open(1) == sink.checkpoint(1, 1) == sink.tally(1, 1) == sink.finish(1, 1, {}) == superseded
    assert sink.void(1, "cancelled") == superseded
    assert sink.checkpoint(2, 1) == Checkpoint()


def test_a_replay_voided_twice_is_voided_once(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().void(1, "replay", 2) == place.sink().void(1, "replay", 2) == Kept(Checkpoint())
    Writer(place, RESTATED, generation=2).step()
    assert place.sink().void(1, "replay", 2) == Kept(Checkpoint())
    assert place.audit().voided == {1: "replay"}


def test_of_a_replay_and_a_cancel_the_first_wins(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    place.sink().void(1, "cancelled")
    assert place.sink().void(1, "replay", 2) == Ended("void")
    assert place.sink().checkpoint(2, 1) == Ended("void")


def test_a_void_reaches_a_record_that_is_behind_the_ledger(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().void(2, "cancelled") == Kept(Checkpoint())
    assert place.audit().voided == {1: "cancelled"}
    assert place.sink().open(2) == Ended("void")
    assert place.sink().open(3) == Kept(Checkpoint())


def test_a_later_generation_opens_a_void_record_again(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    place.sink().void(1, "failed")
    assert place.sink().open(2) == place.sink().open(2) == Kept(Checkpoint())
    assert place.sink().open(1) == place.sink().open(3) == Ended("superseded")
    Writer(place, RESTATED, generation=2).run()
    seen = finish(place, generation=2)
    assert seen.is_whole
    assert seen.voided == {1: "failed"}


def test_a_generation_is_not_opened_over_one_that_is_open(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().open(2) == Ended("superseded")
    assert place.sink().checkpoint(1, 1) == position(READING, 9, is_closed=True)


def test_opening_again_keeps_what_is_there(place: Place) -> None:
    place.sink().open(1)
    Writer(place).run()
    assert place.sink().open(1) == Kept(Checkpoint())
    assert finish(place).is_whole


def test_a_record_may_begin_with_a_later_generation(place: Place) -> None:
    assert place.sink().open(3) == Kept(Checkpoint())
    Writer(place, generation=3).run()
    assert finish(place, generation=3).generation == 3


def test_a_missing_record_takes_nothing_and_is_not_made(place: Place) -> None:
    place.sink("another").open(1)
    sink, missing = place.sink(), Ended("missing")
    for _ in range(2):
        assert sink.commit(1, 1, Checkpoint(), batch(READING, 1, 2)) == missing
        assert sink.checkpoint(1, 1) == sink.close(1, 1, Checkpoint()) == sink.tally(1, 1) == missing
        assert sink.finish(1, 1, {}) == sink.void(1, "failed") == missing
    assert place.audit().rows == 0


def test_a_sink_let_go_leaves_nothing_unfinished_behind(place: Place, tmp_path: Path) -> None:
    place.sink().open(1)
    writer = Writer(place)
    writer.step()
    writer.sink.release()
    assert not list(tmp_path.rglob("*.tmp"))
    Writer(place).run()
    assert finish(place).is_whole
