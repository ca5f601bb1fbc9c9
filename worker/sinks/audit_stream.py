"""Audits of the jobs in a Redis stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from redis import Redis

from worker import keys
from worker.sinks.audit import Audit, Auditor

ENTRIES_AT_ONCE = 2_000

Fields = dict[bytes, bytes]


class StreamAudit:
    """Reads a stream and its dead letters as far as they go, and on from there whenever asked.

    Memory: a bit a row. Works beside writers, and beside consumers that trim only what it has read.
    """

    def __init__(self, redis: Redis, stream: str, job: str | None = None) -> None:
        """`redis` answers bytes; `job` None: every job in the stream."""
        self._redis = redis
        self._stream = stream
        self._dead_letters = keys.dead_rows(stream)
        self._only = job.encode() if job is not None else None
        self._auditors: dict[bytes, Auditor] = {}
        self._read = {self._stream: b"-", self._dead_letters: b"-"}

    def advance(self) -> Self:
        """Read what has come since the last time."""
        # The end is noted first: the dead letters before it are all there then, and are read before its rows.
        newest = self._redis.xrevrange(self._stream, count=1)
        for job, fields in self._entries(self._dead_letters, b"+"):
            self._auditor(job).dead_letter(fields)
        for job, fields in self._entries(self._stream, newest[0][0] if newest else b"-"):
            self._auditor(job).entry(fields)
        return self

    def result(self, job: str) -> Audit:
        """What has been read of one job."""
        return self._auditor(job.encode()).result()

    def results(self) -> dict[str, Audit]:
        """What has been read, by job."""
        return {job.decode(): auditor.result() for job, auditor in sorted(self._auditors.items())}

    def _auditor(self, job: bytes) -> Auditor:
        return self._auditors.setdefault(job, Auditor(job.decode()))

    def _entries(self, stream: str, last: bytes) -> Iterator[tuple[bytes, Fields]]:
        while entries := self._redis.xrange(stream, self._read[stream], last, count=ENTRIES_AT_ONCE):
            for _, fields in entries:
                job = fields.get(b"job")
                if job is not None and self._only in {None, job}:
                    yield job, fields
            self._read[stream] = b"(" + entries[-1][0]


def audit(redis: Redis, stream: str, job: str) -> Audit:
    """One job of a stream, as its consumers see it now."""
    return StreamAudit(redis, stream, job).advance().result(job)
