"""`millrace tail`: rows as they come into a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.command import CommandHere
from tests.redis_server import RedisServer
from tests.sinks import JOB, READING, commit, finish, opened, position


@pytest.fixture
def millrace(tmp_path: Path, redis: Redis, redis_server: RedisServer) -> CommandHere:
    return CommandHere(tmp_path, {"MILLRACE_REDIS_URL": redis_server.url})


def rows_of(text: str) -> list[bytes]:
    return text.encode().splitlines()


def test_rows_are_printed_as_they_were_published_packed_or_not(millrace: CommandHere, redis: Redis) -> None:
    for name in ("rows", "rows?rows_per_entry=3"):
        commit(opened(f"stream:{name}", redis, job=name), 1, 4)
    assert rows_of(millrace("tail", "rows", "--from-start", "--count", "8").out) == [*READING[:4], *READING[:4]]
    assert rows_of(millrace("tail", "stream:rows", "--from-start", "--count", "6").out) == [*READING[:4], *READING[:2]]


def test_json_has_addresses_voids_and_ends_too(millrace: CommandHere, redis: Redis) -> None:
    sink = opened("stream:rows?rows_per_entry=2", redis)
    commit(sink, 1, 2)
    sink.void(1, "replay", 2)
    commit(sink, 1, 1, generation=2)
    sink.close(2, 1, position(READING, 1))
    finish(sink, generation=2)
    lines = millrace("tail", "rows", "--from-start", "--count", "5", "--json").lines
    assert [line["job"] for line in lines] == [JOB] * 5
    assert [line.get("at") for line in lines] == ["1.1.1", "1.1.2", None, "2.1.1", None]
    assert lines[2]["void"] == {"generation": 1, "reason": "replay"}
    assert lines[3]["row"] == {"row": 1}
    assert "end" in lines[4]


def test_entries_of_other_programs_are_passed_over(millrace: CommandHere, redis: Redis) -> None:
    redis.xadd("rows", {"temperature": b"\xff"})
    commit(opened("stream:rows", redis), 1, 1)
    assert rows_of(millrace("tail", "rows", "--from-start", "--count", "1", "--json").out)[0].startswith(b'{"job":')


@pytest.mark.parametrize("old_rows", [0, 2])
def test_a_row_that_comes_between_two_waits_is_printed(
    millrace: CommandHere, redis: Redis, monkeypatch: pytest.MonkeyPatch, old_rows: int
) -> None:
    sink = opened("stream:rows", redis)
    commit(sink, 1, old_rows)
    wait, waits = Redis.xread, []

    def nothing_at_first(client: Redis, *arguments: Any, **options: Any) -> Any:
        waits.append(options["block"])
        if len(waits) > 1:
            return wait(client, *arguments, **options)
        commit(sink, old_rows + 1, old_rows + 1)
        return []

    monkeypatch.setattr(Redis, "xread", nothing_at_first)
    assert rows_of(millrace("tail", "rows", "--count", "1").out) == [READING[old_rows]]


@pytest.mark.parametrize("sink", ["file:rows", "s3://rows/x"])
def test_files_cannot_be_followed(millrace: CommandHere, sink: str) -> None:
    answer = millrace("tail", sink)
    assert (answer.code, answer.out) == (2, "")
    assert "a stream: stream:NAME or redis://...?stream=NAME" in answer.err
