"""Jobs over HTTP. Every path under /v1 wants a bearer token, unless none is set and only this machine may ask."""

from __future__ import annotations

import hmac
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from redis.exceptions import RedisError
from starlette.middleware.trustedhost import TrustedHostMiddleware

from config.settings import Settings
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


def make_app(settings: Settings) -> FastAPI:
    """The application for these settings."""
    app = FastAPI(title="Millrace", description="Advertising reports, every row exactly once.")
    tokens = [token.get_secret_value() for token in settings.api_tokens]
    if not tokens:
        # A page elsewhere must not reach an open API through a name that resolves to this machine.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK_HOSTS)
    app.add_exception_handler(BadInput, _bad_input)
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
    return JSONResponse({"detail": detail}, status_code=422)


def _redis_away(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": f"Redis does not answer: {type(error).__name__}"}, status_code=503)


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", response_class=PlainTextResponse, summary="This process answers")
    def healthz() -> str:
        return "ok"

    @app.get("/readyz", response_class=PlainTextResponse, summary="Redis answers too")
    def readyz() -> str:
        get_services().redis.ping()
        return "ok"


def _add_jobs(app: FastAPI, guard: list[Any]) -> None:
    @app.post("/v1/jobs", status_code=202, dependencies=guard, summary="Ask for a report")
    def make(asked: JobBody, idempotency_key: Annotated[str | None, Header()] = None) -> dict[str, Any]:
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
        return {**job_facts(_known(services, job_id)), "joined": joined}

    @app.get("/v1/jobs", dependencies=guard, summary="Jobs, the latest first")
    def list_jobs(
        state: JobState | None = None,
        start: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[dict[str, Any]]:
        return [job_facts(job) for job in get_services().ledger.jobs(state=state, start=start, count=count)]

    @app.get("/v1/jobs/{job_id}", dependencies=guard, summary="One job, with its receipt once it has one")
    def show(job_id: str) -> dict[str, Any]:
        job = _known(get_services(), job_id)
        return {**job_facts(job), "receipt": job.receipt}

    @app.post("/v1/jobs/{job_id}/{act}", status_code=202, dependencies=guard, summary="Cancel a job, or retry it")
    def act_on(job_id: str, act: Literal["cancel", "retry"]) -> dict[str, Any]:
        services = get_services()
        _known(services, job_id)
        if act == "cancel":
            cancel(services, job_id)
        else:
            _retry(services, job_id)
        return job_facts(_known(services, job_id))

    @app.get("/v1/connections", dependencies=guard, summary="Our accounts and the reports each can be asked for")
    def connections() -> list[dict[str, Any]]:
        found = get_services().connections.values()
        return [{"connection": c.name, "source": c.source.source, "reports": list(c.source.reports)} for c in found]


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
