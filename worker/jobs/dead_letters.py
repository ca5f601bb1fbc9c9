"""The dead letters of a report: rows set aside, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from worker import keys
from worker.errors import BadInput
from worker.model import Json
from worker.redis_client import connect
from worker.services import Services
from worker.sinks.address import FileAddress, StreamAddress
from worker.sinks.files.compression import open_unpacked
from worker.sinks.kinds import parse_address
from worker.sources.connections import find_report


@contextmanager
def redis_of(services: Services, address: StreamAddress) -> Iterator[Redis]:
    """The Redis a stream is in: ours, or one of its own for as long as the block lasts."""
    if not address.url:
        yield services.redis
        return
    with connect(address.url) as redis:
        yield redis


def dead_letters(services: Services, name: str, sink: str | None, count: int) -> list[Json]:
    """The latest `count` dead letters of CONNECTION.REPORT at a sink, by default its own stream; the latest first.

    Of files, those of every job whose receipt is there, for nothing else is whole. Raises BadInput.
    """
    connection, _ = find_report(services.connections, name)
    report = name.partition(".")[2]
    address = parse_address(services.sink_address(sink, connection.name, report))
    if isinstance(address, FileAddress):
        return _in_files(address.directory / connection.name / report)[:count]
    if not isinstance(address, StreamAddress):
        raise BadInput(
            "sink", address.shown, "a stream or a directory; in a bucket `dead_files` of a receipt names them"
        )
    with redis_of(services, address) as redis:
        entries: Any = redis.xrevrange(keys.dead_rows(address.stream), count=count)
    return [{field.decode(): value.decode(errors="replace") for field, value in row.items()} for _, row in entries]


def _in_files(directory: Path) -> list[Json]:
    letters: list[Json] = []
    receipts = sorted(directory.rglob("receipt.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in receipts:
        receipt = orjson.loads(path.read_bytes())
        for file in receipt.get("dead_files", ()):
            with open_unpacked(path.parent / file["path"]) as lines:
                letters += [{"job": receipt["job"], **orjson.loads(line)} for line in lines]
    return letters
