"""The HTTP API. Every path under /v1 needs a bearer token, unless none is set and only this machine may use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from redis.exceptions import RedisError

from config.settings import Settings
from config.settings import settings as process_settings
from worker.api.access import Access
from worker.api.backend import Backend
from worker.api.catalogue import add_catalogue
from worker.api.events import Feed, read_topics
from worker.api.jobs import add_jobs
from worker.api.metrics import add_metrics
from worker.api.models import AsciiJSON, Ready, problems
from worker.api.page import add_page
from worker.api.reference import add_reference
from worker.api.requests import AnswerHead, BodyLimit, OnlyThisMachine
from worker.errors import BadInput, MillraceError
from worker.model import Json


def make_app(chosen: Settings | None = None, backend: Backend | None = None) -> FastAPI:
    """The application for these settings and this backend; without any, for those of this process. Raises BadInput."""
    settings, backend = chosen or process_settings(), backend or Backend()
    # Without FastAPI's own page of documentation, which loads a script from another site.
    app = FastAPI(
        title="Millrace", description="Advertising reports, every row exactly once.", docs_url=None, redoc_url=None
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(AnswerHead)
    access = Access(settings)
    if access.is_open:
        app.add_middleware(OnlyThisMachine)

    def look(topics: Sequence[str]) -> dict[str, Json]:
        return read_topics(backend.services().ledger, topics)

    add_error_answers(app)
    add_health(app, backend)
    add_jobs(app, backend, access, Feed(look))
    add_catalogue(app, backend, access)
    add_metrics(app, backend, access)
    add_page(app)
    add_reference(app)
    return app


def add_error_answers(app: FastAPI) -> None:
    """Bad input and malformed requests get a 422 that says where; a Redis or a sink that cannot serve, a 503."""

    @app.exception_handler(BadInput)
    def bad_input(_request: Request, error: BadInput) -> JSONResponse:
        detail = [{"loc": [error.where], "msg": str(error), "given": repr(error.given), "allowed": error.allowed}]
        return AsciiJSON({"detail": detail}, status_code=422)

    @app.exception_handler(RequestValidationError)
    def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        # The given value is left out of the answer: it may be a secret in the wrong field.
        detail = [{"loc": list(part["loc"]), "msg": _explain(part), "type": part["type"]} for part in error.errors()]
        return AsciiJSON({"detail": detail}, status_code=422)

    @app.exception_handler(MillraceError)
    def sink_away(_request: Request, error: MillraceError) -> JSONResponse:
        return AsciiJSON({"detail": str(error)}, status_code=503)

    @app.exception_handler(RedisError)
    def redis_away(_request: Request, error: RedisError) -> JSONResponse:
        return AsciiJSON({"detail": f"Redis cannot serve: {type(error).__name__}"}, status_code=503)


def _explain(error: dict[str, Any]) -> str:
    """The message of one error. For a body sent as another type, such as a form, pydantic's does not help."""
    if tuple(error["loc"]) == ("body",) and error["type"] == "model_attributes_type":
        return "expected a JSON object, sent with Content-Type: application/json"
    if error["type"] == "json_invalid":
        return f"{error['msg']}: {error['ctx']['error']}"
    return str(error["msg"])


def add_health(app: FastAPI, backend: Backend) -> None:
    """Add the health checks: does this process answer, and can it serve?"""

    # async: all threads may be waiting for a silent Redis.
    @app.get("/healthz", response_class=PlainTextResponse, summary="This process answers")
    async def healthz() -> str:
        return "ok"

    unready = {503: problems()[503]}

    @app.get("/readyz", responses=unready, summary="This process can serve; Redis accepts writes")  # type: ignore[arg-type]
    def readyz() -> Ready:
        ledger = backend.services().ledger
        ledger.try_write()
        ago = ledger.seconds_since_sweep()
        return Ready(seconds_since_sweep=None if ago is None else round(ago, 1))
