"""The requests and answers of the HTTP API; the OpenAPI description is made from them."""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from worker.model import JobState, WaitsOn


class JobBody(BaseModel):
    """The body of `POST /v1/jobs`."""

    model_config = ConfigDict(extra="forbid")

    connection: str
    report: str
    params: dict[str, Any] = {}
    to: str | None = None
    webhook: str | None = None
    join: bool = True
    ready_within: str | None = None
    finish_within: str | None = None


class WaitView(BaseModel):
    """What a job waits for, as a word and as a text for people, and until when, if that is known."""

    on: WaitsOn
    said: str
    until: str | None


class JobView(BaseModel):
    """A job as the ledger knows it. Times are UTC."""

    job: str
    connection: str
    report: str
    state: JobState
    params: dict[str, Any]
    window: dict[str, Any] | None
    generation: int
    pages: int
    pages_known: int
    rows: int
    dead_rows: int
    bytes: int
    expected_rows: int | None
    columns_added: list[str]
    columns_gone: list[str]
    vendor_report_id: str | None
    vendor_request_id: str | None
    trace_id: str | None
    attempts: int
    reason: str | None
    waits_for: WaitView | None
    created_at: str | None
    submitted_at: str | None
    ready_at: str | None
    first_row_at: str | None
    finished_at: str | None
    error: str | None


class MadeJob(JobView):
    """The job of a request; `joined` if the same report was running already."""

    joined: bool


class ShownJob(JobView):
    """A job with its receipt, once it has one."""

    receipt: dict[str, Any] | None


class ConnectionView(BaseModel):
    """One of our accounts, its reports, and whether its credentials are set."""

    connection: str
    source: str
    reports: list[str]
    is_set_up: bool


class ReportView(BaseModel):
    """A report of a source, and its parameters as JSON Schema."""

    report: str
    title: str
    asks: str
    rows_come_as: str
    proof: Literal["count", "end", "none"]
    replay: Literal["stable", "unstable"]
    note: str | None
    params: dict[str, Any]


class SourceView(BaseModel):
    """A vendor's API as its source file describes it, and our accounts there."""

    source: str
    title: str
    docs: str | None
    note: str | None
    connections: list[str]
    reports: list[ReportView]


class EntryView(BaseModel):
    """An entry of the schedule, and its state."""

    name: str
    connection: str
    report: str
    params: dict[str, Any]
    to: str | None
    cron: str | None
    every: str | None
    timezone: str
    lookback: str | None
    catch_up: Literal["once", "none"]
    enabled: bool
    last_due: str | None
    next_due: str | None
    jobs: dict[str, str]
    done_at: str | None
    alarms: list[str]


class DeadLetter(BaseModel):
    """A row set aside: its address, the reason, and the row as the vendor sent it."""

    job: str
    at: str
    reason: str
    row: str


class QueueView(BaseModel):
    """A queue: the messages that no worker has taken, None if the broker does not say, and its consumers."""

    queue: str
    messages: int | None
    workers: list[str]


class Ready(BaseModel):
    """Redis can be written to; how long ago the last sweep for lost work ran, None if none has run yet."""

    redis: Literal["ok"] = "ok"
    seconds_since_sweep: float | None


class Problem(BaseModel):
    """What was wrong with a request."""

    detail: str | list[dict[str, Any]]


class AsciiJSON(JSONResponse):
    """JSON in ASCII, because a message may repeat what a caller sent, which may not be valid Unicode."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True).encode()


Problems = dict[int | str, dict[str, Any]]
_MEANINGS = {
    400: "The body is not valid JSON",
    401: "The token is missing or wrong",
    403: "The token may only read",
    404: "No such job",
    409: "Only a failed or cancelled job can be retried",
    413: "The body is too long",
    422: "A field is wrong; the answer names it",
    429: "Too many jobs wait for a worker; Retry-After says when to ask again",
    503: "Redis, or the sink, cannot serve now",
}


def problems(*more: int) -> Problems:
    """The responses of the errors that any path under /v1 may return, and of these."""
    return {
        status: {"model": Problem, "description": _MEANINGS[status]} for status in sorted({400, 401, 422, 503, *more})
    }


def event_answers(*more: int) -> Problems:
    """The same for a path that returns a stream of events; its errors are JSON nevertheless."""
    refusal = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    events = {"text/event-stream": {"schema": {"type": "string"}}}
    refusals = {
        status: {"description": problem["description"], "content": refusal}
        for status, problem in problems(*more).items()
    }
    return {200: {"description": "Events, as they come", "content": events}, **refusals}
