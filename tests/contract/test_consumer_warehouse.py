"""Every warehouse ends with the same rows, for any order and number of entries."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.consumer.duckdb_warehouse import DuckdbWarehouse
from examples.consumer.entries import End, Entry, Lost, Rows, Strange, Void
from examples.consumer.postgres_warehouse import PostgresWarehouse
from examples.consumer.receipts import digest
from examples.consumer.warehouse import Warehouse

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
        # Milliseconds as they are today, and more than ten ids in each: ids compare by number, not as text.
        return f"{len(self.entries) // 12 + 1_795_252_606_843}-{len(self.entries) % 12}"


@pytest.fixture
def stream() -> Stream:
    return Stream()


@dataclass(frozen=True)
class Place:
    """A database with nothing in it: what opens a warehouse there, and what looks at it."""

    open: Callable[[], Warehouse]
    connect: Callable[[], Any]

    def published(self) -> dict[str, list[str]]:
        """The visible rows, by day."""
        seen: dict[str, list[str]] = {}
        sql = "SELECT name, content FROM windows LEFT JOIN report_rows USING (window_id) ORDER BY window_id, page, row"
        with closing(self.connect()) as database:
            for name, content in database.execute(sql).fetchall():
                rows = seen.setdefault(json.loads(name)["window"]["from"], [])
                rows += [] if content is None else [content]
        return seen

    def left(self) -> int:
        with closing(self.connect()) as database:
            return int(database.execute("SELECT count(*) FROM staged").fetchone()[0])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server of its own, on a socket in a directory of its own."""
    if not shutil.which("initdb") or not shutil.which("pg_ctl"):
        pytest.skip("no PostgreSQL server is installed")
    # PostgreSQL refuses to be run by root.
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []

    def run(*command: object) -> None:
        subprocess.run([*as_nobody, *map(str, command)], check=True, capture_output=True)

    with TemporaryDirectory(prefix="millrace-") as name:
        directory = Path(name)
        directory.chmod(0o777)
        data = directory / "data"
        options = f"-k {directory} -c listen_addresses='' -c fsync=off"
        run("initdb", "-D", data, "-A", "trust", "-U", "millrace")
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", directory / "log", "start")
        yield f"host={directory} user=millrace dbname=postgres"
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


# How many orders of arrival are tried: DuckDB takes long to open a database.
EXAMPLES = {"sqlite": 60, "duckdb": 6, "postgres": 20}


@pytest.fixture(params=EXAMPLES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[], Place]:
    """Makes places of one kind, each empty."""
    numbers = count()

    def make() -> Place:
        path = tmp_path / f"warehouse-{next(numbers)}"
        if kind == "sqlite":
            return Place(lambda: Warehouse(path), lambda: sqlite3.connect(path))
        if kind == "duckdb":
            return Place(lambda: DuckdbWarehouse(path), lambda: duckdb.connect(str(path)))
        url = request.getfixturevalue("postgres")
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("DROP TABLE IF EXISTS report_rows, windows, staged, jobs")
        return Place(lambda: PostgresWarehouse(url), lambda: psycopg.connect(url))

    return make


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    return make_place()


@pytest.fixture
def warehouse(place: Place) -> Iterator[Warehouse]:
    with closing(place.open()) as warehouse:
        yield warehouse


def test_no_row_is_seen_before_its_end(stream: Stream, warehouse: Warehouse, place: Place) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    first, second, end = stream.entries
    assert warehouse.apply([first, second]).settled == [first.id, second.id]
    assert place.published() == {}
    assert warehouse.apply([end]).settled == [end.id]
    assert place.published() == {MONDAY: ["a", "b"]}
    assert place.left() == 0


def test_an_end_waits_for_every_row(stream: Stream, warehouse: Warehouse, place: Place) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    first, second, end = stream.entries
    applied = warehouse.apply([second, end])
    assert applied.waiting == {end.id: "job j ends with 2 rows, but 1 of generation 1 are here"}
    assert place.published() == {}
    assert warehouse.apply([first, end]).waiting == {}
    assert place.published() == {MONDAY: ["a", "b"]}


def test_as_many_rows_with_another_digest_do_not_end_a_job(stream: Stream, warehouse: Warehouse, place: Place) -> None:
    stream.rows("j", ["a", "x"])
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    assert "digest" in warehouse.apply([*stream.entries[:2], stream.entries[-1]]).waiting[stream.entries[-1].id]
    # What a crash lost was read again, and the later entries are valid.
    warehouse.apply(stream.entries[2:])
    assert place.published() == {MONDAY: ["a", "b"]}


def test_dead_rows_are_not_waited_for(stream: Stream, warehouse: Warehouse, place: Place) -> None:
    stream.rows("j", ["a", "dead", "c"])
    stream.end("j", [["a", "c"]], day=MONDAY, ready=1, dead_rows=1)
    del stream.entries[1]
    warehouse.apply(stream.entries)
    assert place.published() == {MONDAY: ["a", "c"]}


def test_rows_that_come_after_the_void_of_their_generation_are_dropped(
    stream: Stream, warehouse: Warehouse, place: Place
) -> None:
    stream.rows("j", ["old"])
    stream.void("j", 1, "failed")
    row, void = stream.entries
    assert warehouse.apply([void, row]).settled == [void.id, row.id]
    assert place.left() == 0


def test_a_reading_without_rows_replaces_what_was_there(stream: Stream, warehouse: Warehouse, place: Place) -> None:
    stream.rows("j1", ["a"])
    stream.end("j1", [["a"]], day=MONDAY, ready=1)
    stream.end("j2", [[]], day=MONDAY, ready=2)
    warehouse.apply(stream.entries)
    assert place.published() == {MONDAY: []}


def test_a_job_given_up_leaves_nothing_and_its_end_no_longer_waits(
    stream: Stream, warehouse: Warehouse, place: Place
) -> None:
    stream.rows("j", ["a", "b"])
    stream.end("j", [["a", "b"]], day=MONDAY, ready=1)
    assert warehouse.apply(stream.entries[1:]).waiting
    warehouse.forget("j")
    assert warehouse.apply(stream.entries).waiting == {}
    assert place.published() == {}
    assert place.left() == 0


def test_a_repeated_end_is_applied_once_and_a_different_one_is_reported(
    stream: Stream, warehouse: Warehouse, place: Place
) -> None:
    stream.rows("j", ["a"])
    for texts in (["a"], ["a"], ["a", "b"]):
        stream.end("j", [texts], day=MONDAY, ready=1)
    assert "ended twice" not in "".join(warehouse.apply(stream.entries[:3]).news)
    # As if a crash lost the first end, and the vendor restated before the page was read again.
    assert "ended twice" in warehouse.apply(stream.entries[3:]).news[0]
    assert place.published() == {MONDAY: ["a"]}
    assert place.left() == 0


def test_a_strange_entry_waits_and_a_lost_one_is_reported(warehouse: Warehouse) -> None:
    applied = warehouse.apply([Strange("1-1", "KeyError: 'job'"), Lost("1-2")])
    assert list(applied.waiting) == ["1-1"]
    assert applied.settled == ["1-2"]
    assert "1-2" in applied.news[0]


def test_nothing_of_a_batch_is_kept_where_one_statement_fails(
    stream: Stream, warehouse: Warehouse, place: Place
) -> None:
    stream.rows("j", ["a"])
    with pytest.raises(ValueError, match="not an id"):
        warehouse.apply([*stream.entries, Rows("not an id", "j", 1, 1, 2, ("b",))])
    assert place.left() == 0


def a_day_of_jobs() -> tuple[list[Entry], dict[str, list[str]]]:
    """A stream with all there is in it, and what people must see in the end."""
    stream = Stream()
    stream.rows("j1", ["m1", "m2"])
    stream.end("j1", [["m1", "m2"]], day=MONDAY, ready=1)
    stream.rows("j2", ["x1", "x2"])
    stream.void("j2", 1)
    odd = ['{"spend":57.1000}', '{"name":"Größe \\"x\\"\\t\\\\"}', '{"id":9223372036854775807}']
    stream.rows("j2", odd[:1], generation=2)
    stream.rows("j2", odd[1:], generation=2, page=2)
    stream.end("j2", [odd[:1], odd[1:]], day=MONDAY, ready=3, generation=2)
    stream.rows("j3", ["late"])
    stream.end("j3", [["late"]], day=MONDAY, ready=2)
    stream.rows("j4", ["t1", "lost"])
    stream.rows("j4", ["t1", "read anew"])
    stream.end("j4", [["t1", "read anew"]], day=TUESDAY, ready=1)
    stream.rows("j5", ["failed"])
    stream.void("j5", 1, "failed")
    return stream.entries, {MONDAY: odd, TUESDAY: ["t1", "read anew"]}


def test_in_any_order_and_any_number_the_last_complete_readings_remain(
    kind: str, make_place: Callable[[], Place]
) -> None:
    @settings(deadline=None, max_examples=EXAMPLES[kind])
    @given(st.data())
    def arrive(choices: st.DataObject) -> None:
        entries, seen = a_day_of_jobs()
        repeated = choices.draw(st.lists(st.sampled_from(entries), max_size=10))
        arrivals = choices.draw(st.permutations([*entries, *repeated]))
        size = choices.draw(st.integers(1, 8))
        place = make_place()
        with closing(place.open()) as warehouse:
            waiting: dict[str, str] = {}
            for first in range(0, len(arrivals), size):
                waiting |= warehouse.apply(arrivals[first : first + size]).waiting
            again = warehouse.apply([entry for entry in entries if entry.id in waiting])
            assert again.waiting == {}
        assert place.published() == seen
        assert place.left() == 0

    arrive()
