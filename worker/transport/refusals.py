"""What an answer that is no success means for what happens next."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from worker.errors import FailJob, RetryLater
from worker.sources.schema import ErrorShape
from worker.transport.answers import error_in, excerpt, parsed
from worker.transport.redaction import Redactor
from worker.transport.response import Response

EXCERPT_READ_BYTES = 65_536
PAUSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def said(response: Response, shapes: Sequence[ErrorShape], redactor: Redactor) -> str:
    """Status and the vendor's own words for it, without secrets. Reads the body's start and drops the rest."""
    try:
        raw = response.start(EXCERPT_READ_BYTES)
    except RetryLater:
        raw = b""
    try:
        words = error_in(parsed(raw, response.name), shapes)
    except FailJob:
        words = None
    status = f"{response.status} {response.reason}".strip()
    return redactor.clean(f"{response.name}: {status}: {words or excerpt(raw)}")


def refusal(
    response: Response,
    shapes: Sequence[ErrorShape],
    redactor: Redactor,
    *,
    retry_statuses: Sequence[int],
    wait_seconds: float | None,
) -> RetryLater | FailJob:
    """The error a status means. `wait_seconds` is what the vendor asks for.

    429, and 503 with a time to come back, are said by a gateway: the request was not acted on and nothing went wrong.
    """
    status, reason = response.status, said(response, shapes, redactor)
    if status in retry_statuses or 520 <= status <= 599:
        is_asked = wait_seconds is not None and status in PAUSING
        is_unsent = is_asked or status == HTTPStatus.TOO_MANY_REQUESTS
        return RetryLater(reason, wait_seconds=wait_seconds, is_attempt=not is_asked, is_unsent=is_unsent)
    return FailJob(reason)
