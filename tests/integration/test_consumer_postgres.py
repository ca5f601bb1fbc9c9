"""The reference consumer's warehouse in a real PostgreSQL server, held to what the others are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import psycopg
import pytest

from examples.consumer.entries import End, Entry, Rows, Void
from examples.consumer.postgres_warehouse import PostgresWarehouse
from examples.consumer.receipts import digest


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
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


def job(name: str, texts: list[str], ready: int, first_id: int, generation: int = 1) -> list[Entry]:
    """The entries of one job about one day."""
    rows = [(1, text) for text in texts]
    receipt = {
        "job": name, "connection": "kargo", "report": "r", "params": {}, "window": {"from": "2026-11-02"},
        "ready_at": f"2026-11-05T00:00:{ready:02d}.000Z", "digest": digest(rows, 1), "dead_rows": 0,
    }  # fmt: skip
    entries: list[Entry] = [
        Rows(f"{first_id}-{number}", name, generation, 1, number, (text,)) for number, text in enumerate(texts, 1)
    ]
    return [*entries, End(f"{first_id}-99", name, generation, 1, len(texts), receipt)]


@pytest.mark.parametrize("seed", range(10))
def test_whatever_order_and_number_entries_come_in_the_newest_complete_reading_stands(server: str, seed: int) -> None:
    newest = ['{"spend":57.1000}', '{"name":"Größe \\"x\\"\\t\\\\"}', '{"id":9223372036854775807}']
    entries = [
        *job(f"old-{seed}", ['{"n":1}', '{"n":2}'], 1, 100),
        Rows("200-1", f"new-{seed}", 1, 1, 1, ('{"n":"void"}',)),
        Void("200-2", f"new-{seed}", 1, "replay"),
        *job(f"new-{seed}", newest, 2, 300, generation=2),
    ]
    chance = Random(seed)
    arriving = entries * 2
    chance.shuffle(arriving)
    with psycopg.connect(server, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS report_rows, windows, staged, jobs")
    warehouse = PostgresWarehouse(server)
    try:
        while arriving:
            count = chance.randint(1, 5)
            batch, arriving = arriving[:count], arriving[count:]
            waiting = warehouse.apply(batch).waiting
            arriving += [entry for entry in batch if entry.id in waiting]
    finally:
        warehouse.close()
    with psycopg.connect(server) as database:
        rows = database.execute("SELECT content FROM report_rows ORDER BY page, row").fetchall()
        assert [content for (content,) in rows] == newest
        assert database.execute("SELECT count(*) FROM staged").fetchone() == (0,)
