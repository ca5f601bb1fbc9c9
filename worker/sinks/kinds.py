"""The kinds of sinks there are. A new one: a module that reads its address, keeps rows and audits, and a line here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis

from worker.errors import BadInput
from worker.redis_client import connect
from worker.sinks.address import (
    FileAddress,
    SinkAddress,
    StreamAddress,
    parse_file,
    parse_redis,
    parse_stream,
    without_password,
)
from worker.sinks.files.sink import FileSink
from worker.sinks.redis_server import RedisServer
from worker.sinks.redis_stream import KEEP_SECONDS, RedisStreamSink
from worker.sinks.sink import Sink

RETRIES = 5
"""Of a sink's own Redis; then the step is given back and waits without a worker."""


@dataclass(frozen=True, slots=True)
class SinkJob:
    """Whose rows they are, and the settings that hold for every sink.

    `default_redis` is Millrace's own; `stream_bound` is on entries consumers have not trimmed (0: none), `part_rows` on
    the rows of one file, `keep_seconds` how long a record in Redis outlives its end.
    """

    job: str
    connection: str
    report: str
    default_redis: Redis
    stream_bound: int
    part_rows: int
    keep_seconds: float = KEEP_SECONDS

    @property
    def path(self) -> list[str]:
        """Connection, report and job, as names of directories. Raises BadInput for what no file can be called."""
        names = {"connection": self.connection, "report": self.report, "job": self.job}
        for where, name in names.items():
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", name):
                allowed = "letters, digits, '_', '-' and '.', not first a dot or dash, up to 128 characters"
                raise BadInput(where, name, allowed)
        return list(names.values())


def _open_stream(address: StreamAddress, of: SinkJob) -> Sink:
    redis, is_own = (connect(address.url, retries=RETRIES), True) if address.url else (of.default_redis, False)
    return RedisStreamSink(
        RedisServer(redis, address.shown, is_own=is_own),
        address.stream,
        of.job,
        bound=of.stream_bound,
        rows_per_entry=address.rows_per_entry,
        keep_seconds=of.keep_seconds,
    )


def _open_files(address: FileAddress, of: SinkJob) -> Sink:
    return FileSink(address.directory, of.path, compression=address.compression, part_rows=of.part_rows)


@dataclass(frozen=True, slots=True)
class SinkKind:
    """How one kind's addresses look, are read, and become a sink."""

    example: str
    parse: Callable[[str], SinkAddress]
    open: Callable[[Any, SinkJob], Sink]


STREAM = SinkKind("redis://HOST:PORT/DB?stream=NAME", parse_redis, _open_stream)

KINDS = {
    "stream": SinkKind("stream:NAME", parse_stream, _open_stream),
    "redis": STREAM,
    "rediss": STREAM,
    "file": SinkKind("file:DIR?format=ndjson&compression=none", parse_file, _open_files),
}
"""By the word before an address's first colon. `open` takes what `parse` of the same kind gives."""


def parse_address(text: str) -> SinkAddress:
    """Read an address, a canonical one giving itself. Raises BadInput with what is allowed; sends nothing."""
    scheme, colon, _ = text.strip().partition(":")
    if not colon or scheme not in KINDS:
        examples = list(dict.fromkeys(kind.example for kind in KINDS.values()))
        raise BadInput("to", without_password(text), ", ".join(examples[:-1]) + " or " + examples[-1])
    return KINDS[scheme].parse(text.strip())


def open_sink(address: SinkAddress, of: SinkJob) -> Sink:
    """The sink of one job at one place; nothing is sent or written yet. Raises BadInput for a name no file can have."""
    return KINDS[address.text.partition(":")[0]].open(address, of)
