"""The warehouse in PostgreSQL: only what differs from `warehouse.py`; the other SQL is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg

from examples.consumer.entries import Rows
from examples.consumer.warehouse import Applied, Warehouse, rows_to_stage

SCHEMA = Path(__file__).with_name("schema.sql")
COLUMNS = ("job", "generation", "page", "row", "milliseconds", "sequence", "content")
ARRIVE = f"COPY arriving ({', '.join(COLUMNS)}) FROM STDIN"
STAGE = f"""
INSERT INTO staged ({", ".join(COLUMNS)})
SELECT DISTINCT ON (job, generation, page, row) {", ".join(COLUMNS)} FROM arriving
WHERE NOT EXISTS (
  SELECT 1 FROM jobs WHERE jobs.job = arriving.job
  AND (outcome IS NOT NULL OR first_generation > arriving.generation))
ORDER BY job, generation, page, row, milliseconds DESC, sequence DESC
ON CONFLICT (job, generation, page, row) DO UPDATE
SET milliseconds = excluded.milliseconds, sequence = excluded.sequence, content = excluded.content
WHERE (excluded.milliseconds, excluded.sequence) > (staged.milliseconds, staged.sequence)
"""
CONSUMERS = 7_318_349_394
"""The advisory lock of the consumers of one database: any number that no other program there uses."""


class PostgresWarehouse(Warehouse):
    """One PostgreSQL database. Several consumers, each with a warehouse of its own, may use it."""

    def __init__(self, url: str) -> None:
        self._database: Any = _Connection(psycopg.connect(url, autocommit=True))
        schema = SCHEMA.read_text(encoding="utf-8").replace(
            "window_id INTEGER PRIMARY KEY", "window_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        )
        with self._transaction():
            self._database.execute(schema)
        self._database.execute("CREATE TEMPORARY TABLE arriving (LIKE staged) ON COMMIT DELETE ROWS")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._database.transaction():
            # A commit must be durable, whatever the server's default is. The lock keeps other consumers out: what is
            # read below does not change before it is used.
            self._database.execute("SET LOCAL synchronous_commit = on")
            self._database.execute(f"SELECT pg_advisory_xact_lock({CONSUMERS})")
            yield

    def _stage(self, entries: list[Rows], applied: Applied) -> None:
        self._database.copy(ARRIVE, (itemgetter(*COLUMNS)(row) for entry in entries for row in rows_to_stage(entry)))
        self._database.execute(STAGE)
        self._database.execute("DELETE FROM arriving")
        applied.settled += (entry.id for entry in entries)


class _Connection:
    """A connection that accepts the placeholders (`?`) of the common SQL."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.transaction = connection.transaction
        self.close = connection.close

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> psycopg.Cursor[Any]:
        return self._connection.execute(statement.replace("?", "%s").encode(), values or None)

    def copy(self, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
