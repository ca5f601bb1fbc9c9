"""The kinds of sinks there are. A new one: a module that reads its address, keeps rows and audits, and a line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from redis import Redis

from worker.errors import BadInput
from worker.redis_client import connect
from worker.sinks.address import (
    BucketAddress,
    FileAddress,
    SinkAddress,
    StreamAddress,
    parse_bucket,
    parse_file,
    parse_redis,
    parse_stream,
    without_password,
)
from worker.sinks.audit import Audit, audit
from worker.sinks.files.audit import audit_stored
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, BUCKET_OPTIONS
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.part import Layout
from worker.sinks.files.partition import partition
from worker.sinks.files.sink import FileSink
from worker.sinks.files.store import Key, Store
from worker.sinks.redis_server import RedisServer
from worker.sinks.redis_stream import KEEP_SECONDS, RedisStreamSink
from worker.sinks.sink import Sink

RETRIES = 5
"""Of a sink's own Redis; then the step is given back and waits without a worker."""


@dataclass(frozen=True, slots=True)
class SinkJob:
    """Whose rows they are, and the settings that hold for every sink.

    `default_redis` is Millrace's own; `stream_bound` is on entries consumers have not trimmed (0: none), `part_rows` on
    the rows of one file, `keep_seconds` how long a record in Redis outlives its end. `window` are the dates the job
    covers, `columns` says which columns its source file declares, with their types.
    """

    job: str
    connection: str
    report: str
    default_redis: Redis
    stream_bound: int
    part_rows: int
    keep_seconds: float = KEEP_SECONDS
    window: Mapping[str, Any] | None = None
    columns: Callable[[], Mapping[str, str]] = dict

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


def _audit_stream(address: StreamAddress, of: SinkJob) -> Audit:
    if not address.url:
        return audit(of.default_redis, address.stream, of.job)
    with connect(address.url, retries=RETRIES) as redis:
        return audit(redis, address.stream, of.job)


def file_store(address: FileAddress | BucketAddress) -> Store:
    """The place of files an address names; nothing is asked yet."""
    return BucketStore(address.bucket) if isinstance(address, BucketAddress) else DirectoryStore(address.directory)


def try_bucket(address: BucketAddress) -> str:
    """Write in a bucket as jobs do: what was found. Leaves nothing; raises FailJob or RetryLater with the reason."""
    BucketStore(address.bucket).try_conditions()
    return "can be written, and honours conditional puts"


def _open_files(address: FileAddress | BucketAddress, of: SinkJob) -> Sink:
    def layout() -> Layout:
        return Layout(address.format, address.compression, of.columns())

    return FileSink(file_store(address), _names(address, of), layout=layout, part_rows=of.part_rows)


def _audit_files(address: FileAddress | BucketAddress, of: SinkJob) -> Audit:
    return audit_stored(file_store(address), Key(*_names(address, of)), of.job)


def _names(address: FileAddress | BucketAddress, of: SinkJob) -> list[str]:
    """The directories from DIR to that of the job."""
    connection, report, job = of.path
    return [connection, report, *(partition(of.window) if address.is_partitioned else ()), job]


@dataclass(frozen=True, slots=True)
class SinkKind:
    """How one kind's addresses look and are read, how its sinks are made, and what its consumers see of a job."""

    example: str
    parse: Callable[[str], SinkAddress]
    open: Callable[[Any, SinkJob], Sink]
    audit: Callable[[Any, SinkJob], Audit]


STREAM = SinkKind("redis://HOST:PORT/DB?stream=NAME", parse_redis, _open_stream, _audit_stream)

KINDS = {
    "stream": SinkKind("stream:NAME", parse_stream, _open_stream, _audit_stream),
    "redis": STREAM,
    "rediss": STREAM,
    "file": SinkKind("file:DIR?format=ndjson&compression=none&partition=window", parse_file, _open_files, _audit_files),
    **{
        scheme: SinkKind(kind.example, parse_bucket, _open_files, _audit_files) for scheme, kind in BUCKET_KINDS.items()
    },
}
"""By the word before an address's first colon. `open` and `audit` take what `parse` of the same kind gives."""


def parse_address(text: str) -> SinkAddress:
    """Read an address, a canonical one giving itself. Raises BadInput with what is allowed; sends nothing."""
    scheme, colon, _ = text.strip().partition(":")
    if not colon or scheme not in KINDS:
        examples = list(dict.fromkeys(kind.example for kind in KINDS.values()))
        raise BadInput("to", without_password(text), ", ".join(examples[:-1]) + " or " + examples[-1])
    return KINDS[scheme].parse(text.strip())


def is_below(address: SinkAddress, prefix: str) -> bool:
    """Is an address one of those an operator allows with this prefix?

    Of a bucket, the service and how it is spoken to must be what the prefix says: our credentials go nowhere else.
    """
    if not isinstance(address, BucketAddress):
        return address.text.startswith(prefix)
    base, _, query = prefix.partition("?")
    allowed = dict(parse_qsl(query))
    is_same = all(getattr(address.bucket, option) == allowed.get(option, "") for option in BUCKET_OPTIONS)
    return is_same and address.text.startswith(base)


def check_window(address: SinkAddress, window: Mapping[str, Any] | None) -> None:
    """Raise BadInput where a job that covers these dates has no place at an address."""
    if isinstance(address, FileAddress | BucketAddress) and address.is_partitioned:
        partition(window)


def open_sink(address: SinkAddress, of: SinkJob) -> Sink:
    """The sink of one job at one place; nothing is sent or written yet. Raises BadInput for a name no file can have."""
    return _kind(address).open(address, of)


def audit_sink(address: SinkAddress, of: SinkJob) -> Audit:
    """What stands there of one job, as its consumers see it now. Reads all of it."""
    return _kind(address).audit(address, of)


def _kind(address: SinkAddress) -> SinkKind:
    return KINDS[address.text.partition(":")[0]]
