"""Applies entries to a warehouse, here SQLite. Replace this module for another warehouse, and keep its promises.

Entries may arrive in any order: rows are staged by their address, and a void or an end is about a generation of a job,
not about a position in the stream.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from examples.consumer.entries import End, Entry, Lost, Rows, Strange, Void, position
from examples.consumer.receipts import digest, provable_digest, ready_at, window_name

BUSY_SECONDS = 600
"""Longer than another consumer of the same file can take to publish a job."""

# Of two entries with one address the later counts: after a crash of Redis, lost rows are read again and may differ.
STAGE = """
INSERT INTO staged (job, generation, page, row, milliseconds, sequence, content)
SELECT :job, :generation, :page, :row, :milliseconds, :sequence, :content
WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE job = :job AND (outcome IS NOT NULL OR first_generation > :generation))
ON CONFLICT (job, generation, page, row) DO UPDATE
SET milliseconds = excluded.milliseconds, sequence = excluded.sequence, content = excluded.content
WHERE (excluded.milliseconds, excluded.sequence) > (milliseconds, sequence)
"""
VOID = """
INSERT INTO jobs (job, first_generation) VALUES (?, ?)
ON CONFLICT (job) DO UPDATE SET first_generation = excluded.first_generation
WHERE excluded.first_generation > jobs.first_generation
"""
END_JOB = """
INSERT INTO jobs (job, outcome) VALUES (?, ?) ON CONFLICT (job) DO UPDATE SET outcome = excluded.outcome
"""
REPLACE_WINDOW = """
INSERT INTO windows (name, job, ready_at, receipt) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET job = excluded.job, ready_at = excluded.ready_at, receipt = excluded.receipt
RETURNING window_id
"""
ROWS = "SELECT page, content FROM staged WHERE job = ? AND generation = ? ORDER BY page, row"
PUBLISH = """
INSERT INTO report_rows (window_id, page, row, content)
SELECT ?, page, row, content FROM staged WHERE job = ? AND generation = ? ORDER BY page, row
"""


@dataclass(slots=True)
class Applied:
    """The outcome: `settled` entries may be acknowledged; those `waiting`, each with its reason, must be retried."""

    settled: list[str] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)


class Warehouse:
    """One database. Several consumers, each with a Warehouse of its own, may use one file."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        # Acknowledged entries are trimmed, so a commit must survive a crash of the machine.
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(Path(__file__).with_name("schema.sql").read_text(encoding="utf-8"))

    def apply(self, entries: Sequence[Entry]) -> Applied:
        """Apply entries in one transaction, durable on return. Repeating them, in any order, changes nothing."""
        applied = Applied()
        with self._transaction():
            for kind, run in groupby(entries, key=type):
                if kind is Rows:
                    self._stage([entry for entry in run if isinstance(entry, Rows)], applied)
                else:
                    for entry in run:
                        self._settle(entry, applied)
        return applied

    def forget(self, job: str) -> None:
        """Give a job up: its rows are discarded, and entries of it that come later are ignored."""
        with self._transaction():
            self._end(job, "forgotten")

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE locks at once, so that what is read below does not change before it is used.
        self._database.execute("BEGIN IMMEDIATE")
        with self._database:
            yield

    def _stage(self, entries: list[Rows], applied: Applied) -> None:
        self._database.executemany(STAGE, (row for entry in entries for row in rows_to_stage(entry)))
        applied.settled += (entry.id for entry in entries)

    def _settle(self, entry: Entry, applied: Applied) -> None:
        reason = None
        if isinstance(entry, End):
            reason = self._publish_if_complete(entry, applied)
        elif isinstance(entry, Void):
            applied.news.append(self._void(entry))
        elif isinstance(entry, Lost):
            applied.news.append(f"entry {entry.id} was removed from the stream before it was applied")
        elif isinstance(entry, Strange):
            reason = f"not an entry of Millrace's ({entry.why})"
        if reason is None:
            applied.settled.append(entry.id)
        else:
            applied.waiting[entry.id] = reason

    def _void(self, void: Void) -> str:
        """Discard the staged rows of the generation, and those that come later; returns a line for the log."""
        self._database.execute(VOID, (void.job, void.generation + 1))
        self._database.execute("DELETE FROM staged WHERE job = ? AND generation <= ?", (void.job, void.generation))
        return f"job {void.job}: void up to generation {void.generation} ({void.reason})"

    def _publish_if_complete(self, end: End, applied: Applied) -> str | None:
        """Publish the job of this end; returns the reason if it has to wait, None if the end is settled."""
        if self._one("SELECT 1 FROM jobs WHERE job = ? AND outcome IS NOT NULL", (end.job,)):
            window = self._one("SELECT receipt FROM windows WHERE job = ?", (end.job,))
            if window and json.loads(window[0]).get("digest") != end.receipt.get("digest"):
                applied.news.append(f"job {end.job} ended twice, with different rows; the first are kept: run it again")
            return None
        if (missing := self._missing(end)) is not None:
            return missing
        outcome = self._publish(end)
        self._end(end.job, outcome)
        applied.news.append(f"job {end.job}: {outcome}, {end.rows} rows, {window_name(end.receipt)}")
        return None

    def _missing(self, end: End) -> str | None:
        """Why the staged rows are not those of the receipt; None if they are."""
        which = (end.job, end.generation)
        staged = self._one("SELECT count(*) FROM staged WHERE job = ? AND generation = ?", which)[0]
        if staged != end.rows:
            return f"job {end.job} ends with {end.rows} rows, but {staged} of generation {end.generation} are here"
        proof = provable_digest(end.receipt)
        if proof is not None and digest(iter(self._database.execute(ROWS, which).fetchone, None), end.pages) != proof:
            return f"job {end.job} ends with {end.rows} rows; as many are here, but their digest differs"
        return None

    def _publish(self, end: End) -> str:
        """Replace the older rows of the window by these, unless the window has rows of a newer job."""
        name, ready = window_name(end.receipt), ready_at(end.receipt)
        window = self._one("SELECT ready_at, job FROM windows WHERE name = ?", (name,))
        if window and window > (ready, end.job):
            return "superseded"
        receipt = json.dumps(end.receipt, ensure_ascii=False)
        window_id = self._one(REPLACE_WINDOW, (name, end.job, ready, receipt))[0]
        self._database.execute("DELETE FROM report_rows WHERE window_id = ?", (window_id,))
        self._database.execute(PUBLISH, (window_id, end.job, end.generation))
        return "published"

    def _end(self, job: str, outcome: str) -> None:
        self._database.execute("DELETE FROM staged WHERE job = ?", (job,))
        self._database.execute(END_JOB, (job, outcome))

    def _one(self, question: str, values: tuple[Any, ...]) -> Any:
        """The first row of the result; None if there is none."""
        return self._database.execute(question, values).fetchone()


def rows_to_stage(entry: Rows) -> Iterator[dict[str, str | int]]:
    """The rows of an entry in the form in which they are staged."""
    milliseconds, sequence = position(entry.id)
    for row, content in enumerate(entry.contents, entry.row):
        yield {
            "job": entry.job,
            "generation": entry.generation,
            "page": entry.page,
            "row": row,
            "milliseconds": milliseconds,
            "sequence": sequence,
            "content": content,
        }
