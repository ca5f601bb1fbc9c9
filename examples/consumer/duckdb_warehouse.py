"""The warehouse in DuckDB: only what differs from `warehouse.py`; the other SQL is the same.

Only one process at a time may write to a DuckDB file, so start one consumer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb

from examples.consumer.entries import Rows
from examples.consumer.warehouse import Applied, Warehouse, rows_to_stage

SCHEMA = Path(__file__).with_name("schema.sql")
COLUMNS = ("job", "generation", "page", "row", "milliseconds", "sequence", "content")
STAGE = f"""
INSERT INTO staged ({", ".join(COLUMNS)})
SELECT {", ".join(f"given.{column}" for column in COLUMNS)}
FROM (SELECT {", ".join(f"unnest(${column}) AS {column}" for column in COLUMNS)}) AS given
WHERE NOT EXISTS (
  SELECT 1 FROM jobs WHERE jobs.job = given.job AND (outcome IS NOT NULL OR first_generation > given.generation))
ON CONFLICT (job, generation, page, row) DO UPDATE
SET milliseconds = excluded.milliseconds, sequence = excluded.sequence, content = excluded.content
WHERE (excluded.milliseconds, excluded.sequence) > (milliseconds, sequence)
"""


class DuckdbWarehouse(Warehouse):
    """One DuckDB file."""

    def __init__(self, path: Path) -> None:
        self._database: Any = duckdb.connect(str(path))
        schema = SCHEMA.read_text(encoding="utf-8").replace(
            "window_id INTEGER PRIMARY KEY", "window_id BIGINT PRIMARY KEY DEFAULT nextval('window_ids')"
        )
        # Without this key: rows of a window are replaced in one transaction, in which DuckDB still sees the old keys.
        schema = schema.replace(",\n  PRIMARY KEY (window_id, page, row)", "")
        self._database.execute(f"CREATE SEQUENCE IF NOT EXISTS window_ids; {schema}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _stage(self, entries: list[Rows], applied: Applied) -> None:
        # One statement for many rows, which may have each address only once: the later of two entries counts.
        staged = (row for entry in entries for row in rows_to_stage(entry))
        given = sorted(staged, key=itemgetter("milliseconds", "sequence"))
        rows = {itemgetter(*COLUMNS[:4])(row): row for row in given}
        if rows:
            self._database.execute(STAGE, {name: [row[name] for row in rows.values()] for name in COLUMNS})
        applied.settled += (entry.id for entry in entries)
