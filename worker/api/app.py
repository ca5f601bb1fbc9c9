"""Jobs over HTTP. Every path under /v1 wants a bearer token, unless none is set and only this machine may ask."""

from __future__ import annotations

import hmac
import json
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from config.settings import Settings
from config.settings import settings as process_settings
from worker.celery import nudge_out_of
from worker.errors import BadInput
from worker.jobs.create import JobRequest, create_job
from worker.jobs.finish import cancel
from worker.jobs.views import job_facts
from worker.model import Job, JobState
from worker.services import Services
from worker.services import get_services as process_services

REDIS_RETRIES = 3
"""A caller is told that Redis is away; a worker waits for it."""

LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


def get_services() -> Services:
    """The services of this process."""
    return process_services(REDIS_RETRIES)


class JobBody(BaseModel):
    """What `POST /v1/jobs` takes."""

    model_config = ConfigDict(extra="forbid")

    connection: str
    report: str
    params: dict[str, Any] = {}
    to: str | None = None
    join: bool = True
    ready_within: str | None = None
    finish_within: str | None = None


class JobView(BaseModel):
    """A job as the ledger knows it."""

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
    vendor_report_id: str | None
    attempts: int
    reason: str | None
    waits_for: dict[str, Any] | None
    error: str | None


class MadeJob(JobView):
    """A job that was asked for; `joined` where the same one was running already."""

    joined: bool


class ShownJob(JobView):
    """A job with its receipt, once it has one."""

    receipt: dict[str, Any] | None


class ConnectionView(BaseModel):
    """An account of ours and the reports it can be asked for."""

    connection: str
    source: str
    reports: list[str]


class Ready(BaseModel):
    """Redis can be written to; how long ago lost work was looked for, None where it never was."""

    redis: Literal["ok"] = "ok"
    seconds_since_sweep: float | None


class Problem(BaseModel):
    """What was wrong with a request."""

    detail: str | list[dict[str, Any]]


class AsciiJSON(JSONResponse):
    """JSON in ASCII: what a caller sent may come back in a message, and may be no Unicode."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True).encode()


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is no JSON"},
    401: {"model": Problem, "description": "No token, or a wrong one"},
    422: {"model": Problem, "description": "A field is wrong; it is named"},
    503: {"model": Problem, "description": "Redis cannot serve now"},
}
NO_JOB: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "No such job"}}


def make_app(chosen: Settings | None = None) -> FastAPI:
    """The application for these settings; without any, for those of this process."""
    settings = chosen or process_settings()
    app = FastAPI(title="Millrace", description="Advertising reports, every row exactly once.")
    tokens = [token.get_secret_value() for token in settings.api_tokens]
    if not tokens:
        # A page elsewhere must not reach an open API through a name that resolves to this machine.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS)
    app.add_exception_handler(BadInput, _bad_input)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(RedisError, _redis_away)
    _add_health(app)
    _add_jobs(app, [Depends(_guard(tokens))])
    return app


def _guard(tokens: list[str]) -> Any:
    def require_token(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    ) -> None:
        given = credentials.credentials.encode() if credentials else b""
        if tokens and not any(hmac.compare_digest(given, token.encode()) for token in tokens):
            raise HTTPException(401, "a bearer token of MILLRACE_API_TOKENS is wanted", {"WWW-Authenticate": "Bearer"})

    return require_token


def _bad_input(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, BadInput):
        raise error
    detail = [{"loc": [error.where], "msg": str(error), "given": repr(error.given), "allowed": error.allowed}]
    return AsciiJSON({"detail": detail}, status_code=422)


def _malformed(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    # What was given stays out of the answer: it may be a secret in the wrong field.
    detail = [{"loc": list(one["loc"]), "msg": one["msg"], "type": one["type"]} for one in error.errors()]
    return AsciiJSON({"detail": detail}, status_code=422)


def _redis_away(request: Request, error: Exception) -> JSONResponse:
    return AsciiJSON({"detail": f"Redis cannot serve: {type(error).__name__}"}, status_code=503)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", response_class=PlainTextResponse, summary="This process answers")
    def healthz() -> str:
        return "ok"

    @app.get("/readyz", responses={503: PROBLEMS[503]}, summary="Redis can be written to; when the last sweep ran")
    def readyz() -> Ready:
        ledger = get_services().ledger
        ledger.try_write()
        swept_at = ledger.swept_at()
        return Ready(seconds_since_sweep=None if swept_at is None else round(ledger.now() - swept_at, 1))


def _add_jobs(app: FastAPI, guard: list[Any]) -> None:
    @app.post("/v1/jobs", status_code=202, dependencies=guard, responses=PROBLEMS, summary="Ask for a report")
    def make(
        asked: JobBody,
        response: Response,
        idempotency_key: Annotated[str | None, Header(min_length=1, max_length=512)] = None,
    ) -> MadeJob:
        services = get_services()
        sink = services.allowed_sink(asked.to)
        request = JobRequest(
            f"{asked.connection}.{asked.report}",
            asked.params,
            sink,
            asked.join,
            asked.ready_within,
            asked.finish_within,
            idempotency_key,
        )
        job_id, joined = create_job(services, request)
        if not joined:
            nudge_out_of("queued", job_id)
        response.headers["Location"] = f"/v1/jobs/{job_id}"
        return MadeJob(**job_facts(_known(services, job_id), services.ledger.now()), joined=joined)

    @app.get("/v1/jobs", dependencies=guard, responses=PROBLEMS, summary="Jobs, the latest first")
    def list_jobs(
        state: JobState | None = None,
        start: Annotated[int, Query(ge=0, le=2**31)] = 0,
        count: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[JobView]:
        return [
            JobView(**job_facts(job, get_services().ledger.now()))
            for job in get_services().ledger.jobs(state=state, start=start, count=count)
        ]

    @app.get("/v1/jobs/{job_id}", dependencies=guard, responses={**PROBLEMS, **NO_JOB}, summary="One job")
    def show(job_id: str) -> ShownJob:
        job = _known(get_services(), job_id)
        return ShownJob(**job_facts(job, get_services().ledger.now()), receipt=job.receipt)

    conflict: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "Only an ended job is retried"}}

    @app.post(
        "/v1/jobs/{job_id}/{act}",
        status_code=202,
        dependencies=guard,
        responses={**PROBLEMS, **NO_JOB, **conflict},
        summary="Cancel a job, or retry it",
    )
    def act_on(job_id: str, act: Literal["cancel", "retry"], response: Response) -> JobView:
        services = get_services()
        _known(services, job_id)
        if act == "cancel":
            cancel(services, job_id)
        else:
            _retry(services, job_id)
        response.headers["Location"] = f"/v1/jobs/{job_id}"
        return JobView(**job_facts(_known(services, job_id), services.ledger.now()))

    @app.get("/v1/connections", dependencies=guard, responses=PROBLEMS, summary="Our accounts and their reports")
    def connections() -> list[ConnectionView]:
        found = get_services().connections.values()
        return [
            ConnectionView(connection=one.name, source=one.source.source, reports=list(one.source.reports))
            for one in found
        ]


def _known(services: Services, job_id: str) -> Job:
    job = services.ledger.job(job_id)
    if job is None:
        raise HTTPException(404, f"no job {job_id}")
    return job


def _retry(services: Services, job_id: str) -> None:
    state, other = services.ledger.retry(job_id)
    if state is None:
        raise HTTPException(409, f"job {job_id} is {other}; only a failed or cancelled one can be retried")
    nudge_out_of(state, job_id, number=int(other))
