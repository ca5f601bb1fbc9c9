"""Declares every metric with its meaning, and keeps the counters in Redis.

A gauge (jobs by state, a stream's length) is computed when the metrics are requested. Counters are fields of one hash
in Redis: `count` and the ledger's scripts add to them once a step or once a page, never once a row. What a step counts
is sent together with the script that records its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import orjson
from redis import Redis
from redis.exceptions import RedisError

from worker import keys
from worker.observe import Event, log

SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its kind, its labels, and what it means. No label may be a job: there would be too many values."""

    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    meaning: str


_REPORT = ("connection", "report")

METRICS = {
    "millrace_rows_total": Metric("counter", _REPORT, "rows kept in a sink, in all generations, dead rows included"),
    "millrace_dead_rows_total": Metric("counter", _REPORT, "rows set aside"),
    "millrace_bytes_total": Metric("counter", _REPORT, "bytes of the rows kept, as JSON"),
    "millrace_pages_total": Metric("counter", _REPORT, "pages closed"),
    "millrace_jobs_ended_total": Metric("counter", (*_REPORT, "state"), "jobs that ended, by their final state"),
    "millrace_generations_voided_total": Metric("counter", _REPORT, "readings that differed and were begun again"),
    "millrace_columns_changed_total": Metric(
        "counter", _REPORT, "jobs whose columns differ from those of the last done job"
    ),
    "millrace_leases_lost_total": Metric("counter", _REPORT, "leases that ran out because their worker was lost"),
    "millrace_given_back_total": Metric(
        "counter", ("connection", "on"), "steps and pages given back, by what they wait on"
    ),
    "millrace_commits_total": Metric(
        "counter", _REPORT, "batches handed to a sink by pages that were read to their end"
    ),
    "millrace_commit_seconds_total": Metric("counter", _REPORT, "seconds those pages waited for their sink"),
    "millrace_vendor_answers_total": Metric("counter", ("connection", "status"), "answers of a vendor, by HTTP status"),
    "millrace_jobs": Metric("gauge", ("state",), "jobs in each state; ended ones as long as the ledger keeps them"),
    "millrace_jobs_waiting": Metric("gauge", ("on",), "unfinished jobs by what they wait for; of the latest 1,000"),
    "millrace_pages_open": Metric("gauge", (), "pages known and not closed; of the latest 1,000 unfinished jobs"),
    "millrace_poll_late_seconds": Metric("gauge", (), "how late the most overdue poll is"),
    "millrace_oldest_overdue_seconds": Metric(
        "gauge", (), "for how long the oldest overdue work has been overdue; 0 if none is"
    ),
    "millrace_last_sweep_seconds": Metric("gauge", (), "seconds since lost work was last looked for"),
    "millrace_stream_entries": Metric("gauge", ("stream",), "entries in a stream that consumers have not trimmed"),
    "millrace_stream_full_ratio": Metric("gauge", ("stream",), "those entries as a share of MILLRACE_STREAM_BOUND"),
    "millrace_stream_lag_entries": Metric("gauge", ("stream", "group"), "entries a consumer group has not been given"),
    "millrace_redis_memory_ratio": Metric("gauge", (), "memory in use as a share of maxmemory; sinks stop at 0.8"),
    "millrace_schedule_alarms": Metric("gauge", ("entry",), "alarms of an entry of the schedule, or of its file"),
    "millrace_webhooks_owed": Metric("gauge", (), "notices of ended jobs that webhooks have not received yet"),
    "millrace_queue_messages": Metric("gauge", ("queue",), "messages in a queue that no worker has taken"),
}


_counted: ContextVar[dict[str, float] | None] = ContextVar("counted", default=None)
"""What was counted inside `counting_together` and is not in Redis yet."""


def count(redis: Redis, name: str, *labels: str, by: float = 1) -> None:
    """Add to a counter; `labels` are in the order of its declaration. While Redis is away, the count is lost."""
    if len(METRICS[name].labels) != len(labels):
        raise ValueError(f"{name} has the labels {METRICS[name].labels}")
    field, counted = SEPARATOR.join((name, *labels)), _counted.get()
    if counted is None:
        _add(redis, {field: by})
    else:
        counted[field] = counted.get(field, 0) + by


@contextmanager
def counting_together(redis: Redis) -> Iterator[None]:
    """Collect what is counted in the block; it goes to Redis with the ledger's next script, or at the end."""
    counted: dict[str, float] = {}
    before = _counted.set(counted)
    try:
        yield
    finally:
        _counted.reset(before)
        if counted:
            _add(redis, counted)


def take_counted() -> bytes:
    """Take what is collected, as JSON for a script that adds it to the counters; empty if there is nothing."""
    counted = _counted.get()
    if not counted:
        return b""
    text = orjson.dumps({field: repr(amount) for field, amount in counted.items()})
    counted.clear()
    return text


def _add(redis: Redis, counted: dict[str, float]) -> None:
    try:
        with redis.pipeline(transaction=False) as pipeline:
            for field, amount in counted.items():
                pipeline.hincrbyfloat(keys.COUNTERS, field, amount)
            pipeline.execute()
    except RedisError as error:
        log.debug(Event.REDIS_AWAY, why=f"not counted: {error}")


def read_counters(redis: Redis) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Every counter: name, labels, value."""
    for field, value in redis.hgetall(keys.COUNTERS).items():
        name, *labels = field.decode().split(SEPARATOR)
        # Counters of an earlier version, with another name or other labels, are left out.
        if name in METRICS and len(METRICS[name].labels) == len(labels):
            yield name, tuple(labels), float(value)
