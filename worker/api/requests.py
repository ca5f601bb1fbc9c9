"""Rules for every request: no name in it is ignored, bodies are bounded, HEAD is like GET, who may ask an open API."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.api.models import AsciiJSON, problems
from worker.errors import BadInput
from worker.sources.base_urls import is_loopback
from worker.strict_json import load_json
from worker.suggestions import one_of

LONGEST_BODY_BYTES = 4 * 1024 * 1024
"""A body is read into memory before anybody looks at its token."""


def refuse_unknown_query(request: Request) -> None:
    """Raise BadInput for a name that this path does not know, or that occurs twice: a filter would be ignored."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise BadInput("query", name, one_of(name, known) if known else "no query")
        if given.count(name) > 1:
            raise BadInput("query", f"{name} twice", f"{name} once")


class StrictBodyRoute(APIRoute):
    """A route whose body must be JSON in the strict sense: no name twice, so that none is ignored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        try:
            return load_json(body)
        except json.JSONDecodeError:
            raise
        except ValueError as problem:
            # FastAPI would answer any other error with a message that does not say what is wrong.
            raise json.JSONDecodeError(str(problem), "", 0) from None


def make_router(tag: str, check_access: Callable[..., None], *statuses: int) -> APIRouter:
    """Paths under /v1 with these rules, for callers that pass the check; it may answer with more `statuses`."""
    return APIRouter(
        prefix="/v1",
        dependencies=[Depends(check_access), Depends(refuse_unknown_query)],
        responses=problems(*statuses),
        tags=[tag],
        route_class=StrictBodyRoute,
    )


class BodyLimit:
    """Middleware that answers 413 once more than `LONGEST_BODY_BYTES` of a body have come.

    Starlette has such a middleware, but it answers in plain text, and our errors are JSON.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LONGEST_BODY_BYTES:
                # FastAPI lets an HTTPException through while it reads a body, and makes an answer of it.
                raise HTTPException(413, f"a body has at most {LONGEST_BODY_BYTES:,} bytes")
            return message

        await self._app(scope, receive_within_limit, send)


class AnswerHead:
    """Middleware that answers HEAD, which monitors and load balancers send, like GET without a body.

    FastAPI refuses it. Events have no such answer, because they never end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD" or scope["path"].endswith("/events"):
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class OnlyThisMachine:
    """Middleware that answers only requests to a name of this machine, for an API without tokens.

    Another site's page could reach it by a host name that resolves to this machine (DNS rebinding). Starlette has such
    a middleware, but it answers in plain text, and does not say what to do.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_loopback(_host_asked(scope)):
            detail = "without MILLRACE_API_TOKENS, only requests to a name of this machine are answered (header Host)"
            await AsciiJSON({"detail": detail}, status_code=400)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _host_asked(scope: Scope) -> str:
    """The host in the request's header without its port; empty if it is none."""
    try:
        return urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    except ValueError:
        return ""
