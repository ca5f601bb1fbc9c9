"""Rules for every request: HEAD is answered like GET, and every name in a query must have an effect."""

from __future__ import annotations

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.errors import BadInput
from worker.suggestions import one_of


def refuse_unknown_query(request: Request) -> None:
    """Raise BadInput for a name that this path does not know, or that occurs twice: a filter would be ignored."""
    known = [parameter.alias for parameter in request.scope["route"].dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise BadInput("query", name, one_of(name, known) if known else "no query")
        if given.count(name) > 1:
            raise BadInput("query", f"{name} twice", f"{name} once")


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
