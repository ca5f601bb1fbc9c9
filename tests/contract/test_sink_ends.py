"""What every sink promises of ends, voids and generations, over a real Redis server and real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sinks import DONE, KINDS, READING, RESTATED, Closed, Place, Writer, batch, position
from tests.sinks import place as place
from tests.sinks import unopened as unopened
from worker.errors import StartOver
from worker.model import Checkpoint, DeadRow, OpenPages

# The record decides all of this, whatever the format of the rows: `test_sinks.py` goes through every format.
pytestmark = pytest.mark.parametrize("unopened", KINDS, indirect=True)

# -- closing


def test_a_page_closes_only_at_its_own_position(place: Place) -> None:
    sink = place.sink()
    sink.commit(1, 1, batch(READING, 1, 2))
    assert sink.close(1, 1, Checkpoint()) == position(READING, 2)
    assert sink.close(1, 1, position(RESTATED, 2)) == position(READING, 2)
    assert sink.close(1, 1, position(READING, 2)) == position(READING, 2, is_closed=True)


def test_closing_again_changes_nothing(place: Place) -> None:
    Writer(place).run()
    assert place.sink().close(1, 1, position(READING, 9)) == position(READING, 9, is_closed=True)
    assert place.sink().close(1, 1, position(READING, 8)) == position(READING, 9, is_closed=True)


# -- the end


def test_finish_names_the_pages_that_are_open(place: Place) -> None:
    Writer(place, page=2).run()
    Writer(place, page=3).step()
    assert place.sink().tally(1, 4) == OpenPages((1, 3, 4))
    assert place.sink().finish(1, 4, {}) == OpenPages((1, 3, 4))
    assert place.audit().receipt is None


def test_finish_refuses_rows_beyond_the_last_page(place: Place) -> None:
    Writer(place, page=1).run()
    Writer(place, page=2).run()
    with pytest.raises(StartOver, match="9 rows are published after page 1"):
        place.sink().finish(1, 1, {})
    assert place.audit().receipt is None


def test_an_empty_page_after_the_last_does_no_harm(place: Place) -> None:
    Writer(place).run()
    Writer(place, (), page=2).run()
    assert place.finish(pages=1).is_whole


def test_finishing_twice_gives_the_first_receipt(place: Place) -> None:
    Writer(place).run()
    first = place.sink().finish(1, 1, {"job": "job-1", "attempt": 1, "name": "Größe"})
    assert isinstance(first, dict)
    assert (first["attempt"], first["name"]) == (1, "Größe")
    assert place.sink().finish(1, 1, {"job": "job-1", "attempt": 2}) == first
    assert place.sink().finish(2, 7, {}) == first
    assert place.audit().ends == 1


def test_after_the_end_nothing_is_taken(place: Place) -> None:
    late = Writer(place)
    late.step()
    Writer(place).run()
    seen = place.finish()
    sink = place.sink()
    ended = Closed("ended")
    assert late.sink.commit(1, 1, batch(READING, 3, 4)) == ended
    assert sink.open(1) == sink.open(2) == ended
    assert sink.checkpoint(1, 1) == sink.tally(1, 1) == ended
    assert sink.commit(1, 2, batch(READING, 1, 2)) == sink.close(1, 2, Checkpoint()) == ended
    assert place.audit() == seen


def test_a_void_after_the_end_is_refused(place: Place) -> None:
    Writer(place).run()
    place.finish()
    assert place.sink().void(1, "cancelled") == place.sink().void(1, "replay", 2) == Closed("ended")
    assert place.audit().is_whole
    assert place.audit().voided == {}


def test_an_end_after_the_void_is_refused(place: Place) -> None:
    Writer(place).run()
    assert place.sink().void(1, "cancelled") == DONE
    assert place.sink().finish(1, 1, {}) == place.sink().tally(1, 1) == Closed("void")
    seen = place.audit()
    assert (seen.receipt, seen.voided) == (None, {1: "cancelled"})


# -- voids and generations


@pytest.mark.parametrize("reason", ["failed", "cancelled"])
def test_a_void_for_good_is_written_once(place: Place, reason: str) -> None:
    writer = Writer(place)
    writer.step()
    writer.step()
    assert place.sink().void(1, reason) == DONE
    assert place.sink().void(1, "cancelled") == DONE
    assert place.audit().voided == {1: reason}
    assert writer.sink.commit(1, 1, batch(READING, 5, 6)) == Closed("void")
    assert place.sink().checkpoint(1, 1) == place.sink().open(1) == Closed("void")


def test_a_void_says_nothing_where_nothing_was_published(place: Place) -> None:
    Writer(place, ()).run()
    assert place.sink().void(1, "failed") == DONE
    assert place.audit().voided == {}


def test_a_void_speaks_of_dead_rows_alone(place: Place) -> None:
    Writer(place, (DeadRow(b"1", "not a row"),)).run()
    place.sink().void(1, "failed")
    assert place.audit().voided == {1: "failed"}


def test_the_next_generation_begins_with_nothing(place: Place) -> None:
    Writer(place).run()
    assert place.sink().void(1, "replay", 2) == DONE
    assert place.sink().checkpoint(2, 1) == Checkpoint()
    assert place.sink().open(2) == DONE
    Writer(place, RESTATED, generation=2).run()
    seen = place.finish(generation=2)
    assert seen.is_whole
    assert (seen.generation, seen.generations, seen.voided) == (2, (1, 2), {1: "replay"})


def test_a_superseded_generation_is_refused(place: Place) -> None:
    stale = Writer(place)
    stale.step()
    place.sink().void(1, "replay", 2)
    superseded = Closed("superseded")
    sink = place.sink()
    assert stale.sink.commit(1, 1, batch(READING, 3, 4)) == superseded
    assert stale.sink.close(1, 1, stale.at) == superseded
    assert sink.open(1) == sink.checkpoint(1, 1) == sink.tally(1, 1) == sink.finish(1, 1, {}) == superseded
    assert sink.void(1, "cancelled") == superseded
    assert sink.checkpoint(2, 1) == Checkpoint()


def test_a_replay_voided_twice_is_voided_once(place: Place) -> None:
    Writer(place).run()
    assert place.sink().void(1, "replay", 2) == place.sink().void(1, "replay", 2) == DONE
    Writer(place, RESTATED, generation=2).step()
    assert place.sink().void(1, "replay", 2) == DONE
    assert place.audit().voided == {1: "replay"}


def test_of_a_replay_and_a_cancel_the_first_wins(place: Place) -> None:
    Writer(place).run()
    place.sink().void(1, "cancelled")
    assert place.sink().void(1, "replay", 2) == Closed("void")
    assert place.sink().checkpoint(2, 1) == Closed("void")


def test_a_void_reaches_a_record_that_is_older_than_the_ledger(place: Place) -> None:
    Writer(place).run()
    assert place.sink().void(2, "cancelled") == DONE
    assert place.audit().voided == {1: "cancelled"}
    assert place.sink().open(2) == Closed("void")
    assert place.sink().open(3) == DONE


def test_a_later_generation_opens_a_void_record_again(place: Place) -> None:
    Writer(place).run()
    place.sink().void(1, "failed")
    assert place.sink().open(2) == place.sink().open(2) == DONE
    assert place.sink().open(1) == place.sink().open(3) == Closed("superseded")
    Writer(place, RESTATED, generation=2).run()
    seen = place.finish(generation=2)
    assert seen.is_whole
    assert seen.voided == {1: "failed"}


def test_a_generation_is_not_opened_over_one_that_is_open(place: Place) -> None:
    Writer(place).run()
    assert place.sink().open(2) == Closed("superseded")
    assert place.sink().checkpoint(1, 1) == position(READING, 9, is_closed=True)


def test_opening_again_keeps_what_is_there(place: Place) -> None:
    Writer(place).run()
    assert place.sink().open(1) == DONE
    assert place.finish().is_whole


def test_a_record_may_begin_with_a_later_generation(unopened: Place) -> None:
    assert unopened.sink().open(3) == DONE
    Writer(unopened, generation=3).run()
    assert unopened.finish(generation=3).generation == 3


def test_a_missing_record_takes_nothing_and_is_not_made(unopened: Place) -> None:
    unopened.sink("another").open(1)
    sink, missing = unopened.sink(), Closed("missing")
    for _ in range(2):
        assert sink.commit(1, 1, batch(READING, 1, 2)) == missing
        assert sink.checkpoint(1, 1) == sink.close(1, 1, Checkpoint()) == sink.tally(1, 1) == missing
        assert sink.finish(1, 1, {}) == sink.void(1, "failed") == missing
    assert unopened.audit().rows == 0


def test_a_closed_sink_leaves_no_unfinished_files(place: Place, tmp_path: Path) -> None:
    writer = Writer(place)
    writer.step()
    writer.sink.release()
    assert not list(tmp_path.rglob("*.tmp"))
    Writer(place).run()
    assert place.finish().is_whole
