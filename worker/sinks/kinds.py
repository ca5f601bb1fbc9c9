"""The kinds of sinks. To add one: a module that parses its address, writes rows and audits them, and a line here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from redis import Redis
from redis.exceptions import RedisError

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
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, BUCKET_OPTIONS
from worker.sinks.files.directory import DirectoryStore
from worker.sinks.files.part import Layout
from worker.sinks.files.partition import partition
from worker.sinks.files.sink import FileSink
from worker.sinks.files.store import Key, Store
from worker.sinks.redis_server import RedisServer, find_node, sink_error
from worker.sinks.redis_stream import KEEP_SECONDS, RedisStreamSink
from worker.sinks.sink import Sink

if TYPE_CHECKING:
    from worker.sinks.files.bucket import BucketStore

RETRIES = 5
"""For a sink's own Redis. After that the step is given back, and waits without holding a worker."""


@dataclass(frozen=True, slots=True)
class SinkJob:
    """The job that a sink is for, and the settings of all sinks.

    `default_redis` is Millrace's own; `stream_bound` is the limit on entries that consumers have not trimmed (0: none),
    `part_rows` the limit on rows of one file, `keep_seconds` how long a record in Redis outlives its end. `window` are
    the dates that the job covers, `columns` returns the columns that its source file declares, with their types.
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
        """Connection, report and job, as names of directories. Raises BadInput for a name that a file cannot have."""
        names = {"connection": self.connection, "report": self.report, "job": self.job}
        for where, name in names.items():
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", name):
                allowed = "letters, digits, '_', '-' and '.', not first a dot or dash, up to 128 characters"
                raise BadInput(where, name, allowed)
        return list(names.values())


def _open_stream(address: StreamAddress, of: SinkJob) -> Sink:
    redis, is_own = (connect(address.url, retries=RETRIES), True) if address.url else (of.default_redis, False)
    return RedisStreamSink(
        RedisServer(redis, address.display_name, is_own=is_own),
        address.stream,
        of.job,
        bound=of.stream_bound,
        rows_per_entry=address.rows_per_entry,
        keep_seconds=of.keep_seconds,
    )


@contextmanager
def redis_of(address: StreamAddress, default: Redis, *, retries: int = RETRIES) -> Iterator[Redis]:
    """A client of the Redis that has a stream: the default one, or one of its own that is closed after the block.

    Of a cluster, it is the node that has the stream now. Errors of a Redis that is not the default one name the sink.
    """
    if not address.url:
        yield default
        return
    try:
        with connect(address.url, retries=retries) as redis, find_node(redis, address.stream) as node:
            yield node
    except RedisError as error:
        raise sink_error(error, address.display_name) from error


def _audit_stream(address: StreamAddress, of: SinkJob) -> Audit:
    with redis_of(address, of.default_redis) as redis:
        return audit(redis, address.stream, of.job)


def file_store(address: FileAddress | BucketAddress) -> Store:
    """The store at an address; it is not accessed yet."""
    return _bucket_store(address) if isinstance(address, BucketAddress) else DirectoryStore(address.directory)


def try_bucket(address: BucketAddress) -> str:
    """Try to write to a bucket as jobs do; returns the result for people, and leaves no object behind.

    Raises FailJob or RetryLater with the reason if that is not possible.
    """
    _bucket_store(address).try_conditions()
    return "can be written, and honours conditional puts"


def _bucket_store(address: BucketAddress) -> BucketStore:
    # Its library need not be installed where nobody writes to buckets.
    from worker.sinks.files.bucket import BucketStore

    return BucketStore(address.bucket)


def _open_files(address: FileAddress | BucketAddress, of: SinkJob) -> Sink:
    def layout() -> Layout:
        return Layout(address.format, address.compression, of.columns())

    return FileSink(file_store(address), _names(address, of), layout=layout, part_rows=of.part_rows)


def _audit_files(address: FileAddress | BucketAddress, of: SinkJob) -> Audit:
    return audit_stored(file_store(address), Key(*_names(address, of)), of.job)


def _names(address: FileAddress | BucketAddress, of: SinkJob) -> list[str]:
    """The names of the directories from DIR to that of the job."""
    connection, report, job = of.path
    return [connection, report, *(partition(of.window) if address.is_partitioned else ()), job]


@dataclass(frozen=True, slots=True)
class SinkKind:
    """One kind of sink: an example of its address, and the functions that parse it, open a sink, and audit a job."""

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
"""By the scheme of the address. `open` and `audit` take what `parse` of the same kind returns."""


def parse_address(text: str) -> SinkAddress:
    """Parse an address, canonical or not. Raises BadInput with what is allowed; sends nothing."""
    scheme, colon, _ = text.strip().partition(":")
    if not colon or scheme not in KINDS:
        examples = list(dict.fromkeys(kind.example for kind in KINDS.values()))
        raise BadInput("to", without_password(text), ", ".join(examples[:-1]) + " or " + examples[-1])
    return KINDS[scheme].parse(text.strip())


def is_below(address: SinkAddress, prefix: str) -> bool:
    """Is an address one of those that an operator allows with this prefix?

    For a bucket, all options for the service must be those of the prefix, so that our credentials go nowhere else.
    """
    if not isinstance(address, BucketAddress):
        return address.text.startswith(prefix)
    base, _, query = prefix.partition("?")
    allowed = dict(parse_qsl(query))
    is_same = all(getattr(address.bucket, option) == allowed.get(option, "") for option in BUCKET_OPTIONS)
    return is_same and address.text.startswith(base)


def check_window(address: SinkAddress, window: Mapping[str, Any] | None) -> None:
    """Raise BadInput if an address needs partitions, but these dates cannot name one."""
    if isinstance(address, FileAddress | BucketAddress) and address.is_partitioned:
        partition(window)


def open_sink(address: SinkAddress, of: SinkJob) -> Sink:
    """The sink of one job; nothing is sent or written yet. Raises BadInput for a name that a file cannot have."""
    return _kind(address).open(address, of)


def audit_sink(address: SinkAddress, of: SinkJob) -> Audit:
    """Audit one job in a sink, as its consumers see it now. Reads all of its rows."""
    return _kind(address).audit(address, of)


def _kind(address: SinkAddress) -> SinkKind:
    return KINDS[address.text.partition(":")[0]]
