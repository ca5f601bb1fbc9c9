"""A page's rows are cut into batches, and one digest runs over all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batches import SMALL_BATCH, read_batches
from tests.sinks import position
from worker.errors import RetryLater, StartOver
from worker.model import Checkpoint, DeadRow, Rows
from worker.publish.batch import ReadBatch, Reading
from worker.sinks.sink import BatchSize

texts = st.binary(min_size=1, max_size=8).filter(lambda text: b"\n" not in text)
rows_of_a_page = st.lists(st.one_of(texts, st.builds(DeadRow, texts, st.text(max_size=3))), max_size=40)


def only(rows: list[bytes]) -> ReadBatch:
    (batch,) = read_batches([Rows.of(rows)])
    return batch


@given(rows_of_a_page, rows_of_a_page.filter(bool), st.data())
def test_what_the_sink_lacks_of_a_batch_begins_exactly_at_its_position(
    earlier: list[bytes], rows: list[bytes], data: st.DataObject
) -> None:
    reading = Reading()
    reading.add(Rows.of(earlier))
    batch, page = reading.add(Rows.of(rows)), earlier + rows
    kept = data.draw(st.integers(len(earlier), len(page)))
    at = position(page, kept)
    rest = batch.rest_after(at)
    assert ([*rest.rows] if rest else []) == page[kept:]
    if rest:
        assert (rest.before, rest.after) == (at, position(page))


@given(rows_of_a_page.filter(bool), st.data())
def test_another_reading_is_never_continued(rows: list[bytes], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(rows)))
    with pytest.raises(StartOver):
        only(rows).rest_after(Checkpoint(rows=kept, digest="0" * 64))


def test_a_sink_that_lost_rows_is_read_again_from_the_start() -> None:
    second = list(read_batches([Rows.of([b"{}"] * (SMALL_BATCH.rows + 1))]))[1]
    with pytest.raises(RetryLater):
        second.rest_after(Checkpoint(rows=3))


def test_a_closed_page_takes_no_more_rows() -> None:
    batch = only([b"1", b"2"])
    at = position([b"1"], is_closed=True)
    with pytest.raises(StartOver):
        batch.rest_after(at)
    assert batch.rest_after(replace(batch.after, is_closed=True)) is None


def test_a_batch_holds_at_most_a_thousand_rows() -> None:
    rows = Rows.of([b"{}"] * (2 * SMALL_BATCH.rows + 1))
    assert [len(batch.rows) for batch in read_batches([rows])] == [SMALL_BATCH.rows, SMALL_BATCH.rows, 1]


def test_a_batch_holds_at_most_256_kib_and_a_larger_row_is_a_batch_of_its_own() -> None:
    small, large = b"x" * (SMALL_BATCH.bytes // 2 - 1), b"y" * SMALL_BATCH.bytes
    cut = [[*batch.rows] for batch in read_batches([Rows.of([small, small, small, large, small])])]
    assert cut == [[small, small], [small], [large], [small]]


@given(rows_of_a_page, st.data())
def test_rows_are_cut_where_they_are_asked_to_be(rows: list[bytes], data: st.DataObject) -> None:
    most_rows = data.draw(st.integers(1, 41))
    first, behind = Rows.of(rows).cut(most_rows, data.draw(st.none() | st.integers(1, 100)))
    assert [*first, *behind] == rows
    assert len(first) <= most_rows
    assert Rows.join([first, behind]) == Rows.of(rows)
    assert [(part.first, part.last) for part in (first, behind) if part] == [
        (part[0], part[-1]) for part in (rows[: len(first)], rows[len(first) :]) if part
    ]


@given(st.lists(rows_of_a_page, max_size=6), st.integers(1, 50))
def test_however_many_rows_come_at_once_they_make_the_same_reading(lists: list[list[bytes]], most: int) -> None:
    """Its position counts rows, dead rows and bytes; its digest runs over dead rows as they came."""
    rows = [row for at_once in lists for row in at_once]
    for given_rows in (lists, [rows], [[row] for row in rows]):
        batches = list(read_batches(map(Rows.of, given_rows), BatchSize(most, 1_000)))
        assert [row for batch in batches for row in batch.rows] == rows
        starts = [0, *accumulate(len(batch.rows) for batch in batches)]
        assert [batch.before for batch in batches] == [position(rows, start) for start in starts[:-1]]
        assert [batch.after for batch in batches] == [position(rows, start) for start in starts[1:]]
