"""`/metrics` for Prometheus, computed for each request from the ledger and from what workers have counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from fastapi import Depends, FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import ResponseError

from config.settings import environment_value
from worker import keys
from worker.api.access import Access
from worker.api.backend import Backend
from worker.api.models import problems
from worker.errors import BadInput
from worker.jobs.waiting import waits_for
from worker.metrics import METRICS, read_counters
from worker.model import FINISHED, UNFINISHED, Job
from worker.schedule.due import statuses
from worker.services import Services
from worker.sinks.address import StreamAddress
from worker.sinks.kinds import parse_address
from worker.sources.credentials import is_set_up

LOOK_AT_MOST = 1_000
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ZERO_AT_FIRST: list[tuple[str, tuple[str, ...]]] = [
    *(("millrace_jobs_ended_total", (state,)) for state in FINISHED),
    ("millrace_dead_rows_total", ()),
    ("millrace_columns_changed_total", ()),
]
"""Counters whose first event may be worth an alert, so they are exported as 0 before it."""

Sample = tuple[str, tuple[str, ...], float]


def add_metrics(app: FastAPI, backend: Backend, access: Access) -> None:
    """Add the path; any token that may read may scrape."""
    text = {"description": "Text for Prometheus", "content": {"text/plain": {"schema": {"type": "string"}}}}
    answers: dict[int | str, dict[str, Any]] = {200: text, 401: problems()[401], 503: problems()[503]}

    @app.get("/metrics", dependencies=[Depends(access.may_look)], responses=answers, summary="Metrics for Prometheus")
    def metrics() -> Response:
        services = backend.services()
        samples = [*counters(services), *gauges(services)]
        samples += [("millrace_queue_messages", (name,), number) for name, number in backend.messages_waiting().items()]
        return Response(exposition(samples), media_type=CONTENT_TYPE)


def exposition(samples: list[Sample]) -> bytes:
    """The samples in Prometheus's text format, each metric with its meaning."""

    class Samples(Collector):
        def collect(self) -> Iterator[Metric]:
            for name, metric in METRICS.items():
                family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                made = family(name, metric.meaning, labels=metric.labels)
                for sampled, labels, value in samples:
                    if sampled == name:
                        made.add_metric(labels, value)
                yield made

    registry = CollectorRegistry()
    registry.register(Samples())
    return generate_latest(registry)


def counters(services: Services) -> Iterator[Sample]:
    """All counters, and 0 for the counters in _ZERO_AT_FIRST of every report of our connections.

    If a counter appeared only with its first event, `increase` would miss that event: it needs a value before it.
    """
    known = {(name, labels): value for name, labels, value in read_counters(services.redis)}
    # `doctor` and the log say if connections cannot be read.
    with suppress(BadInput):
        for connection in services.connections.values():
            if is_set_up(connection, environment_value):
                for report in connection.source.reports:
                    for name, more in _ZERO_AT_FIRST:
                        known.setdefault((name, (connection.name, report, *more)), 0.0)
    for (name, labels), value in known.items():
        yield name, labels, value


def gauges(services: Services) -> Iterator[Sample]:
    """All gauges: the present state, read from Redis for this request."""
    ledger = services.ledger
    now = ledger.now()
    for state, number in ledger.count_by_state().items():
        yield "millrace_jobs", (state,), number
    oldest = services.redis.zrange(keys.OVERDUE, 0, 0, withscores=True)
    yield "millrace_oldest_overdue_seconds", (), max(0.0, now - oldest[0][1]) if oldest else 0.0
    if (since_sweep := ledger.seconds_since_sweep()) is not None:
        yield "millrace_last_sweep_seconds", (), since_sweep
    yield "millrace_webhooks_owed", (), services.redis.zcard(keys.NOTICES)
    ids = [job for state in UNFINISHED for job, _ in ledger.list_ids(state, count=LOOK_AT_MOST)]
    jobs = [*ledger.jobs_by_id(ids[:LOOK_AT_MOST]).values()]
    yield from _job_gauges(jobs, now)
    yield from _stream_gauges(services, jobs)
    with suppress(ResponseError):  # a server may refuse INFO
        memory = services.redis.info("memory")
        if most := memory.get("maxmemory"):
            yield "millrace_redis_memory_ratio", (), memory["used_memory"] / most
    try:
        for status in statuses(services, datetime.fromtimestamp(now, UTC)):
            yield "millrace_schedule_alarms", (status.entry.name,), len(status.alarms)
    except BadInput:
        # The file of the schedule or of the connections cannot be read, so nothing is due: an alarm under its name.
        yield "millrace_schedule_alarms", (services.settings.schedule.name,), 1


def _job_gauges(jobs: list[Job], now: float) -> Iterator[Sample]:
    """What these unfinished jobs wait for, their open pages, and the latest of their polls."""
    waiting: dict[str, int] = {}
    for job in jobs:
        if wait := waits_for(job, now):
            waiting[wait.on] = waiting.get(wait.on, 0) + 1
    for on, number in waiting.items():
        yield "millrace_jobs_waiting", (on,), number
    yield "millrace_pages_open", (), sum(job.pages - job.closed for job in jobs)
    polls = [now - job.poll_at for job in jobs if job.state == "pending" and job.poll_at is not None]
    yield "millrace_poll_late_seconds", (), max([0.0, *polls])


def _stream_gauges(services: Services, jobs: list[Job]) -> Iterator[Sample]:
    """The streams in our own Redis that jobs write to, those of jobs that ended lately included."""
    sinks = {job.sink for job in (*jobs, *services.ledger.jobs(count=LOOK_AT_MOST))}
    names = set[str]()
    for sink in sinks:
        # Another process may know sinks that this one does not: of a later version, or with a library missing here.
        with suppress(BadInput):
            address = parse_address(sink)
            if isinstance(address, StreamAddress) and not address.url:
                names.add(address.stream)
    for name in islice(sorted(names), LOOK_AT_MOST):
        try:
            entries = services.redis.xlen(name)
            groups: Any = services.redis.xinfo_groups(name) if entries else []
        except ResponseError:
            continue  # The key is no longer a stream.
        yield "millrace_stream_entries", (name,), entries
        if bound := services.settings.stream_bound:
            yield "millrace_stream_full_ratio", (name,), entries / bound
        for group in groups:
            # Redis before 7 does not say, and after entries were deleted it may not know.
            if group.get("lag") is not None:
                yield "millrace_stream_lag_entries", (name, group["name"].decode()), group["lag"]
