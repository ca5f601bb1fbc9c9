"""From the vendor to the warehouse: real jobs, consumed by the consumer of the examples."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.consumer_feed import consume, published, staged
from tests.harness import Stack


@pytest.mark.parametrize("name", ["kargo.campaign-performance-metrics", "mediamath.performance"])
def test_a_report_asked_for_twice_is_in_the_warehouse_once(stack: Stack, tmp_path: Path, name: str) -> None:
    database, stream = tmp_path / "warehouse.db", f"consumed-{name}"
    receipts = [stack.receipt(stack.ask(name, f"stream:{stream}")) for _ in range(2)]
    assert [receipt["error"] for receipt in receipts] == [None, None]
    published_rows = [
        fields[b"row"] for _, fields in stack.redis.xrange(stream) if fields.get(b"at", b"").startswith(b"1.")
    ]
    code, said = consume(stack.services.settings.redis_url, database, stream=stream)
    assert code == 0, said
    [rows] = published(database).values()
    assert sorted(rows) == sorted(published_rows[2500:])
    assert staged(database) == stack.redis.xlen(stream) == 0
    with closing(sqlite3.connect(database)) as warehouse:
        assert warehouse.execute("SELECT job FROM windows").fetchall() == [(receipts[1]["job"],)]
