"""Refuses long bodies: a body is read into memory before anybody looks at its token."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY_BYTES = 4 * 1024 * 1024


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
