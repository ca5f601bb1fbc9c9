"""Reads the dead letters of a report: rows that were set aside, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import orjson

from worker import keys
from worker.errors import BadInput
from worker.model import Json
from worker.services import Services
from worker.sinks.address import BucketAddress, FileAddress, StreamAddress
from worker.sinks.files.formats.ndjson import rows
from worker.sinks.files.record import OUTCOME_ENDING, read_json
from worker.sinks.files.store import Key, Store
from worker.sinks.kinds import file_store, parse_address, redis_of
from worker.sources.connections import find_report


def dead_letters(services: Services, name: str, sink: str | None, count: int) -> list[Json]:
    """The latest `count` dead letters of CONNECTION.REPORT in a sink, by default its own stream; the latest first.

    In files and buckets, those of all jobs that are done or failed, the newest job first. Raises BadInput for a name or
    sink that is unknown.
    """
    connection, _ = find_report(services.connections, name)
    report = name.partition(".")[2]
    address = parse_address(services.sink_address(sink, connection.name, report))
    if isinstance(address, FileAddress | BucketAddress):
        return list(islice(dead_rows_in_files(file_store(address), Key(connection.name, report)), count))
    if not isinstance(address, StreamAddress):
        raise BadInput("sink", address.display_name, "a stream, a directory or a bucket")
    with redis_of(address, services.redis) as redis:
        entries: Any = redis.xrevrange(keys.dead_rows(address.stream), count=count)
    return [{field.decode(): value.decode(errors="replace") for field, value in row.items()} for _, row in entries]


def dead_rows_in_files(store: Store, report_directory: Key) -> Iterator[Json]:
    """The dead rows of all jobs that are done or failed, the newest job first: `job`, `at`, `reason` and `row`.

    Files that the operator has removed are skipped.
    """
    for key in store.find(report_directory, OUTCOME_ENDING):
        outcome = read_json(store, key) or {}
        job_directory = key.parent.parent
        for file in outcome.get("receipt", outcome).get("dead_files", ()):
            with suppress(FileNotFoundError), store.local(job_directory / file["path"]) as path:
                yield from ({"job": job_directory.name, **orjson.loads(line)} for line in rows(path))
