"""What becomes of entries in the warehouse, whatever order and number they come in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.consumer.duckdb_warehouse import DuckdbWarehouse
from examples.consumer.entries import End, Entry, Lost, Rows, Strange, Void
from examples.consumer.receipts import digest
from examples.consumer.warehouse import Warehouse

NAMES = {Warehouse: "warehouse.db", DuckdbWarehouse: "warehouse.duckdb"}
MONDAY, TUESDAY = "2026-11-02", "2026-11-03"


@dataclass
class Stream:
    """Makes entries as they would stand in a stream, one id after the other."""

    entries: list[Entry] = field(default_factory=list)

    def rows(self, job: str, texts: Sequence[str], *, generation: int = 1, page: int = 1) -> None:
        for number, text in enumerate(texts, 1):
            self.entries.append(Rows(self._id(), job, generation, page, number, (text,)))

    def void(self, job: str, generation: int = 1, reason: str = "replay") -> None:
        self.entries.append(Void(self._id(), job, generation, reason))

    def end(self, job: str, pages: Sequence[Sequence[str]], *, day: str, ready: int, **more: int) -> None:
        rows = [(page, text) for page, texts in enumerate(pages, 1) for text in texts]
        receipt = {
            "job": job,
            "connection": "kargo",
            "report": "r",
            "params": {},
            "window": {"from": day, "to": day},
            "ready_at": f"2026-11-05T00:00:{ready:02d}.000Z",
            "digest": digest(rows, len(pages)),
            "dead_rows": more.get("dead_rows", 0),
        }
        self.entries.append(End(self._id(), job, more.get("generation", 1), len(pages), len(rows), receipt))

    def _id(self) -> str:
        return f"{len(self.entries) // 7 + 95}-{len(self.entries) % 7}"


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture(params=[Warehouse, DuckdbWarehouse])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    warehouse: Warehouse = request.param(tmp_path / NAMES[request.param])
    yield warehouse
    warehouse.close()


def connect(path: Path) -> Any:
    """The database that is there."""
    in_sqlite = path / NAMES[Warehouse]
    return sqlite3.connect(in_sqlite) if in_sqlite.exists() else duckdb.connect(str(path / NAMES[DuckdbWarehouse]))


def published(path: Path) -> dict[str, list[str]]:
    """The rows people see, by day."""
    with closing(connect(path)) as database:
        days = "SELECT name, window_id FROM windows"
        rows = "SELECT content FROM report_rows WHERE window_id = ? ORDER BY page, row"
        return {
            json.loads(name)["window"]["from"]: [text for (text,) in database.execute(rows, (window_id,)).fetchall()]
            for name, window_id in database.execute(days).fetchall()
        }


def left(path: Path) -> int:
    with closing(connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM staged").fetchone()[0])


def test_no_row_is_seen_before_its_end(stream: Stream, warehouse: Warehouse, tmp_path: Path) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    assert warehouse.apply(stream.entries[:2]).settled == ["95-0", "95-1"]
    assert published(tmp_path) == {}
    assert warehouse.apply(stream.entries[2:]).settled == ["95-2"]
    assert published(tmp_path) == {MONDAY: ["a", "b"]}
    assert left(tmp_path) == 0


def test_an_end_waits_for_every_row(stream: Stream, warehouse: Warehouse, tmp_path: Path) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    first, second, end = stream.entries
    applied = warehouse.apply([second, end])
    assert applied.waiting == {end.id: "job j ends with 2 rows, 1 of generation 1 are here"}
    assert published(tmp_path) == {}
    assert warehouse.apply([first, end]).waiting == {}
    assert published(tmp_path) == {MONDAY: ["a", "b"]}


def test_as_many_rows_but_other_ones_do_not_make_an_end(stream: Stream, warehouse: Warehouse, tmp_path: Path) -> None:
    stream.rows("j", ["a", "x"])
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    assert "digest" in warehouse.apply([*stream.entries[:2], stream.entries[-1]]).waiting[stream.entries[-1].id]
    # What a crash took back was read anew, and the later entries count.
    warehouse.apply(stream.entries[2:])
    assert published(tmp_path) == {MONDAY: ["a", "b"]}


def test_dead_rows_are_not_waited_for(stream: Stream, warehouse: Warehouse, tmp_path: Path) -> None:
    stream.rows("j", ["a", "dead", "c"])
    stream.end("j", [["a", "c"]], day=MONDAY, ready=1, dead_rows=1)
    del stream.entries[1]
    warehouse.apply(stream.entries)
    assert published(tmp_path) == {MONDAY: ["a", "c"]}


def test_rows_that_come_after_the_void_of_their_generation_are_dropped(
    stream: Stream, warehouse: Warehouse, tmp_path: Path
) -> None:
    stream.rows("j", ["old"])
    stream.void("j", 1, "failed")
    row, void = stream.entries
    assert warehouse.apply([void, row]).settled == [void.id, row.id]
    assert left(tmp_path) == 0


def test_a_reading_without_rows_replaces_what_was_there(stream: Stream, warehouse: Warehouse, tmp_path: Path) -> None:
    stream.rows("j1", ["a"])
    stream.end("j1", [["a"]], day=MONDAY, ready=1)
    stream.end("j2", [[]], day=MONDAY, ready=2)
    warehouse.apply(stream.entries)
    assert published(tmp_path) == {MONDAY: []}


def test_a_job_given_up_leaves_nothing_and_its_end_no_longer_waits(
    stream: Stream, warehouse: Warehouse, tmp_path: Path
) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    assert warehouse.apply(stream.entries[1:]).waiting
    warehouse.forget("j")
    assert warehouse.apply(stream.entries).waiting == {}
    assert published(tmp_path) == {}
    assert left(tmp_path) == 0


def test_a_strange_entry_waits_and_a_lost_one_is_told(warehouse: Warehouse) -> None:
    applied = warehouse.apply([Strange("1-1", "KeyError: 'job'"), Lost("1-2")])
    assert list(applied.waiting) == ["1-1"]
    assert applied.settled == ["1-2"]
    assert "1-2" in applied.news[0]


def test_nothing_of_a_batch_is_kept_where_one_statement_fails(
    stream: Stream, warehouse: Warehouse, tmp_path: Path
) -> None:
    stream.rows("j", ["a"])
    with pytest.raises(ValueError, match="not an id"):
        warehouse.apply([*stream.entries, Rows("not an id", "j", 1, 1, 2, ("b",))])
    assert left(tmp_path) == 0


def a_day_of_jobs() -> tuple[list[Entry], dict[str, list[str]]]:
    """A stream with all there is in it, and what people must see in the end."""
    stream = Stream()
    stream.rows("j1", ["m1", "m2"])
    stream.end("j1", [["m1", "m2"]], day=MONDAY, ready=1)
    stream.rows("j2", ["x1", "x2"])
    stream.void("j2", 1)
    stream.rows("j2", ["M1"], generation=2)
    stream.rows("j2", ["M2", "M3"], generation=2, page=2)
    stream.end("j2", [["M1"], ["M2", "M3"]], day=MONDAY, ready=3, generation=2)
    stream.rows("j3", ["late"])
    stream.end("j3", [["late"]], day=MONDAY, ready=2)
    stream.rows("j4", ["t1", "lost"])
    stream.rows("j4", ["t1", "read anew"])
    stream.end("j4", [["t1", "read anew"]], day=TUESDAY, ready=1)
    stream.rows("j5", ["failed"])
    stream.void("j5", 1, "failed")
    return stream.entries, {MONDAY: ["M1", "M2", "M3"], TUESDAY: ["t1", "read anew"]}


# DuckDB takes long to open a database, and runs the same statements.
@pytest.mark.parametrize(("kind", "examples"), [(Warehouse, 60), (DuckdbWarehouse, 6)])
def test_in_any_order_and_any_number_the_last_complete_readings_stand(kind: type[Warehouse], examples: int) -> None:
    @settings(deadline=None, max_examples=examples)
    @given(st.data())
    def arrive(choices: st.DataObject) -> None:
        entries, seen = a_day_of_jobs()
        repeated = choices.draw(st.lists(st.sampled_from(entries), max_size=10))
        arrivals = choices.draw(st.permutations([*entries, *repeated]))
        size = choices.draw(st.integers(1, 8))
        with TemporaryDirectory() as directory, closing(kind(Path(directory) / NAMES[kind])) as warehouse:
            waiting: dict[str, str] = {}
            for first in range(0, len(arrivals), size):
                waiting |= warehouse.apply(arrivals[first : first + size]).waiting
            again = warehouse.apply([entry for entry in entries if entry.id in waiting])
            assert again.waiting == {}
            assert published(Path(directory)) == seen
            assert left(Path(directory)) == 0

    arrive()
