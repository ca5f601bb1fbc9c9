"""Creates a job from a request. Everything is checked before anything is stored or sent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from config.settings import environment_value
from worker.durations import parse_duration
from worker.errors import BadInput
from worker.services import Services
from worker.sinks.kinds import check_window, parse_address
from worker.sources.connections import find_report
from worker.sources.credentials import require_auth
from worker.sources.params import resolve
from worker.sources.plain_json import require_plain_json
from worker.sources.schema import Source
from worker.tracing import span, valid_traceparent
from worker.transport.webhooks import check_webhook


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A request for a job. `name` is CONNECTION.REPORT; without a `sink`, rows go to the default sink.

    `key` makes a request idempotent: a second one with the same key finds the job of the first. `webhook` is a URL that
    is called when the job has ended. `traceparent` is the caller's span; the job's steps become part of its trace.
    """

    name: str
    params: Mapping[str, Any]
    sink: str | None = None
    may_join: bool = True
    ready_within: str | None = None
    finish_within: str | None = None
    key: str | None = None
    webhook: str | None = None
    traceparent: str | None = None

    @property
    def digest(self) -> str:
        """Of what is asked for, with macros as they are written: a repetition after midnight asks for the same."""
        return _digest([self.name, self.params, self.sink])


def job_id_of(key: str) -> str:
    """The id of the job that requests with this key make."""
    # A repeated request must find the job that an earlier version made, so the prefix must never change.
    return hashlib.sha256(b"order\n" + key.encode()).hexdigest()[:20]


def create_job(
    services: Services,
    request: JobRequest,
    *,
    now: datetime | None = None,
    before_storing: Callable[[], None] = lambda: None,
) -> tuple[str, bool]:
    """Create the job, or join an unfinished one for the same rows; returns its id and whether it was joined.

    Date macros are relative to `now`, by default the present. Raises BadInput that names the field, what was given and
    what is allowed, and whatever `before_storing` raises, which is called after the checks; then nothing is stored.
    """
    for where in ("name", "sink", "key", "ready_within", "finish_within", "webhook"):
        require_plain_json(getattr(request, where), where)
    require_plain_json(dict(request.params), "params")
    connection, report = find_report(services.connections, request.name)
    report_name = request.name.partition(".")[2]
    require_auth(connection, environment_value)
    webhooks = () if request.webhook is None else (check_webhook(connection, request.webhook),)
    # By the ledger's clock, as for the schedule: callers on several machines mean the same day.
    now = now or datetime.fromtimestamp(services.ledger.now(), UTC)
    resolved = resolve(report, request.params, now=now, timezone=connection.timezone)
    sink = services.sink_address(request.sink, connection.name, report_name)
    check_window(parse_address(sink), resolved.window)
    source = connection.source
    ready_within, finish_within = _deadlines(request, source)
    before_storing()
    # Without defaults: a worker of an earlier version refuses fields that it does not know, whatever their values.
    text = orjson.dumps(source.model_dump(mode="json", by_alias=True, exclude_unset=True), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(text).hexdigest()
    fields = {
        "connection": connection.name,
        "report": report_name,
        "source_digest": digest,
        "params": orjson.dumps(resolved.params).decode(),
        "window": orjson.dumps(resolved.window).decode(),
        "sink": sink,
        "request": request.digest if request.key is not None else "",
    }
    # The job keeps the source as it is now: later changes of the source file do not affect it.
    services.ledger.keep_source(digest, text)
    attributes = {"connection": connection.name, "report": report_name}
    with span("report.create", valid_traceparent(request.traceparent), attributes) as made:
        fields["traceparent"] = made.traceparent or valid_traceparent(request.traceparent) or ""
        job, is_joined = services.ledger.make(
            uuid.uuid4().hex[:20] if request.key is None else job_id_of(request.key),
            fields,
            fingerprint=_digest([connection.name, report_name, resolved.params, sink]),
            may_join=request.may_join,
            ready_within=ready_within,
            finish_within=finish_within,
            webhooks=webhooks,
        )
        made.set("job", job)
    return job, is_joined


def check_request(services: Services, request: JobRequest, *, now: datetime | None = None) -> None:
    """Raise BadInput if `create_job` would refuse the request. Nothing is stored."""

    def stop() -> None:
        raise _Checked

    with suppress(_Checked):
        create_job(services, request, now=now, before_storing=stop)


def _digest(value: list[Any]) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


class _Checked(Exception):
    """The checks are over."""


def _deadlines(request: JobRequest, source: Source) -> tuple[float, float]:
    """The seconds in which the report must be ready and the job finished. Raises BadInput if the first are more."""
    finish_words = request.finish_within or source.finish_within
    ready_within = parse_duration(request.ready_within or source.ready_within, "ready_within")
    finish_within = parse_duration(finish_words, "finish_within")
    if request.ready_within and ready_within > finish_within:
        allowed = f"at most finish_within, which is {finish_words} and ends the job"
        raise BadInput("ready_within", request.ready_within, allowed)
    return ready_within, finish_within
