"""What every sink promises of rows and pages, over a real Redis server and real files."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from tests.sinks import READING, RESTATED, Place, Writer, batch, position
from tests.sinks import place as place
from tests.sinks import unopened as unopened
from worker.errors import RecordClosed
from worker.model import Checkpoint, DeadRow, OpenPages, Totals


def test_a_page_is_published_in_order_and_proven_by_its_digest(place: Place) -> None:
    Writer(place).run()
    seen = place.finish()
    assert seen.is_whole
    assert (seen.rows, seen.generation, seen.ends) == (9, 1, 1)
    pages = hashlib.sha256(position(READING, 9).digest.encode()).hexdigest()
    assert seen.digest == pages


# None, all, and on either side of where a part or an entry of two rows ends.
@pytest.mark.parametrize("rows_before_the_crash", [0, 1, 2, 3, 8, 9])
def test_a_replay_from_the_checkpoint_gives_each_row_once(place: Place, rows_before_the_crash: int) -> None:
    lost = Writer(place)
    while lost.at.rows < rows_before_the_crash and lost.step(1):
        pass
    Writer(place).run(3)
    seen = place.finish()
    assert seen.is_whole
    assert seen.rows == 9


@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 3), (4, 1)])
def test_two_writers_interleaving_on_one_page_publish_each_row_once(place: Place, strides: tuple[int, int]) -> None:
    one, other = Writer(place), Writer(place)
    while one.step(strides[0]) | other.step(strides[1]):
        pass
    one.run()
    other.run()
    seen = place.finish()
    assert seen.is_whole
    assert seen.rows == 9


def test_the_loser_learns_position_and_digest(place: Place) -> None:
    winner, loser = Writer(place), Writer(place)
    loser.sink.commit(1, 1, batch(READING, 1, 2))
    winner.run(4)
    outcome = loser.sink.commit(1, 1, batch(READING, 3, 4))
    assert outcome == position(READING, 9, is_closed=True)


def test_a_commit_in_three_steps_answers_in_the_last_what_a_commit_does(place: Place) -> None:
    sink = place.sink()
    for _ in range(2):
        answer = sink.prepare_commit(1, 1, batch(READING, 1, 2))()
        begin_next = sink.prepare_commit(1, 1, batch(READING, 3, 4))
        assert answer() == position(READING, 2)
    assert begin_next()() == position(READING, 4)
    place.sink().void(1, "cancelled")
    answer = sink.prepare_commit(1, 1, batch(READING, 5, 6))()
    with pytest.raises(RecordClosed, match="void"):
        answer()


def test_a_prepared_commit_that_is_never_begun_changes_nothing(place: Place) -> None:
    sink = place.sink()
    sink.prepare_commit(1, 1, batch(READING, 1, 2))
    assert sink.commit(1, 1, batch(READING, 1, 3)) == position(READING, 3)
    sink.prepare_commit(1, 1, batch(READING, 4, 5))
    sink.release()
    Writer(place).run()
    seen = place.finish()
    assert seen.is_whole
    assert seen.rows == 9


# With one row a part is still being written, with two it is complete.
@pytest.mark.parametrize("kept", [1, 2])
def test_a_batch_that_is_not_at_the_position_is_refused_and_learns_it(place: Place, kept: int) -> None:
    sink = place.sink()
    sink.commit(1, 1, batch(READING, 1, kept))
    next_one = batch(READING, kept + 1, 4)
    repeated = batch(READING, 1, kept)
    wrong_digest = batch(RESTATED, kept + 1, 4)
    wrong_row = replace(next_one, before=replace(next_one.before, rows=kept - 1))
    for refused in (repeated, wrong_digest, wrong_row):
        assert sink.commit(1, 1, refused) == position(READING, kept)
    assert sink.commit(1, 1, next_one) == position(READING, 4)
    Writer(place).run()
    seen = place.finish()
    assert seen.is_whole
    assert seen.rows == 9


def test_a_closed_page_refuses_rows(place: Place) -> None:
    Writer(place).run()
    more = (*READING, b'{"row":10}')
    outcome = place.sink().commit(1, 1, batch(more, 10, 10))
    assert outcome == position(READING, 9, is_closed=True)


def test_pages_do_not_touch_each_other(place: Place) -> None:
    writers = [Writer(place, READING[: 3 * page], page=page) for page in (1, 2, 3)]
    for _ in READING:
        for writer in writers:
            writer.step()
    for writer in reversed(writers):
        writer.run()
    seen = place.finish(pages=3)
    assert seen.is_whole
    assert seen.rows == 3 + 6 + 9


def test_jobs_do_not_touch_each_other(place: Place) -> None:
    place.sink("job-2").open(1)
    Writer(place).run()
    assert place.sink("job-2").checkpoint(1, 1) == Checkpoint()
    assert place.sink("job-2").tally(1, 1) == OpenPages((1,))


def test_a_dead_row_uses_its_number(place: Place) -> None:
    reading = (READING[0], DeadRow(b'{"row": "two"}', "row: not an integer"), *READING[2:8], DeadRow(b"nine", "?"))
    Writer(place, reading).run()
    totals = place.sink().tally(1, 1)
    assert isinstance(totals, Totals)
    assert (totals.rows, totals.dead_rows, totals.bytes) == (7, 2, position(reading, 9).bytes)
    seen = place.finish()
    assert seen.is_whole
    assert (seen.rows, seen.dead_rows) == (7, 2)


def test_a_page_of_dead_rows_alone_is_a_page(place: Place) -> None:
    reading = (DeadRow(b"1", "not a row"), DeadRow(b"2", "not a row"))
    Writer(place, reading).run()
    seen = place.finish()
    assert seen.is_whole
    assert (seen.rows, seen.dead_rows) == (0, 2)


def test_a_report_without_rows_ends(place: Place) -> None:
    Writer(place, ()).run()
    seen = place.finish()
    assert seen.receipt is not None
    assert (seen.rows, seen.receipt["rows"], seen.voided) == (0, 0, {})


def test_the_checkpoint_keeps_the_counts(place: Place) -> None:
    Writer(place).run()
    assert place.sink().checkpoint(1, 1) == position(READING, 9, is_closed=True)
