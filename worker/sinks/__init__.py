"""Where rows are kept. A sink keeps rows and their sink record in one place, in the same atomic acts."""

from __future__ import annotations

import re

from redis import Redis

from worker.errors import BadInput
from worker.redis_client import connect
from worker.sinks.address import SinkAddress
from worker.sinks.files import FileSink
from worker.sinks.redis_place import RedisPlace
from worker.sinks.redis_stream import KEEP_SECONDS, RedisStreamSink
from worker.sinks.sink import Sink

RETRIES = 5
"""Of a sink's own Redis; then the step is given back and waits without a worker."""


def open_sink(
    address: SinkAddress,
    *,
    job: str,
    connection: str,
    report: str,
    default_redis: Redis,
    stream_bound: int,
    part_rows: int,
    keep_seconds: float = KEEP_SECONDS,
) -> Sink:
    """The sink of one job at one place; nothing is sent or written yet.

    `stream_bound` is on entries consumers have not trimmed (0: none), `part_rows` on the rows of one file,
    `keep_seconds` how long a record in Redis outlives its end. Raises BadInput for a name no file can have.
    """
    if address.kind == "file":
        names = [
            _path_component("connection", connection),
            _path_component("report", report),
            _path_component("job", job),
        ]
        return FileSink(address.directory, names, compression=address.compression, part_rows=part_rows)
    redis, is_own = (connect(address.url, retries=RETRIES), True) if address.url else (default_redis, False)
    place = RedisPlace(redis, address.shown, is_own=is_own)
    return RedisStreamSink(place, address.stream, job, bound=stream_bound, keep_seconds=keep_seconds)


def _path_component(where: str, name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", name):
        raise BadInput(where, name, "letters, digits, '_', '-' and '.', not first a dot or dash, up to 128 characters")
    return name
