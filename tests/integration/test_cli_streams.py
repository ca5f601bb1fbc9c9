"""`tail` and `dead`: what stands in a stream or beside files, as a person or a pipe sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis

from tests.command import Command
from tests.harness import RedisServer


@pytest.fixture
def command(tmp_path: Path, redis: Redis, redis_server: RedisServer) -> Command:
    return Command(tmp_path, {"MILLRACE_REDIS_URL": redis_server.url})


def test_tail_prints_rows_of_single_and_packed_entries(redis: Redis, command: Command) -> None:
    redis.xadd("rows", {"job": "a", "at": "1.1.1", "row": '{"n":1.50}'})
    redis.xadd("rows", {"job": "a", "at": "1.1.2", "count": 2, "rows": '{"n":2}\n{"n":3}\n'})
    redis.xadd("rows", {"job": "a", "void": '{"generation":1,"reason":"replay"}'})
    assert command("tail", "rows", "--from-start", "--count", "3").out == '{"n":1.50}\n{"n":2}\n{"n":3}\n'
    lines = command("tail", "stream:rows", "--from-start", "--count", "4", "--json").lines
    assert [line.get("at") for line in lines] == ["1.1.1", "1.1.2", "1.1.3", None]
    assert lines[-1] == {"job": "a", "void": {"generation": 1, "reason": "replay"}}


def test_tail_of_anything_but_a_stream_is_refused(command: Command) -> None:
    answer = command("tail", "file:/tmp/rows")
    assert answer.code == 2
    assert "stream:NAME" in answer.err


def test_dead_letters_of_a_stream_come_the_latest_first(redis: Redis, command: Command) -> None:
    for number in (1, 2):
        letter = {"job": "a", "at": f"1.1.{number}", "reason": "clicks: 'x' is no integer", "row": '{"clicks":"x"}'}
        redis.xadd("dead:{rows:kargo.reports}", letter)
    lines = command("dead", "kargo.reports", "--json").lines
    assert [line["at"] for line in lines] == ["1.1.2", "1.1.1"]
    assert "is no integer" in command("dead", "kargo.reports").out


def test_dead_letters_beside_files_are_those_of_the_receipts(command: Command, tmp_path: Path) -> None:
    job = tmp_path / "rows" / "kargo" / "reports" / "a"
    job.mkdir(parents=True)
    letter = {"at": "1.1.7", "reason": "no date", "row": "{}"}
    (job / "page-00001.dead.ndjson").write_text(json.dumps(letter) + "\n")
    assert command("dead", "kargo.reports", "--sink", f"file:{tmp_path}/rows", "--json").lines == []
    (job / "receipt.json").write_text(json.dumps({"job": "a", "dead_files": [{"path": "page-00001.dead.ndjson"}]}))
    assert command("dead", "kargo.reports", "--sink", f"file:{tmp_path}/rows", "--json").lines == [
        {"job": "a", **letter}
    ]
