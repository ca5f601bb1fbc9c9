"""What an answer that is no success means for what happens next."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from worker.errors import FailJob, RetryLater
from worker.json_path import find
from worker.sources.schema import ErrorShape
from worker.transport.redaction import Redactor
from worker.transport.response import Response
from worker.vendor_errors import error_in, excerpt

EXCERPT_READ_BYTES = 65_536
SHORTEST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 3_600.0
PAUSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def parsed(raw: bytes, name: str) -> Any:
    """The JSON an answer holds; FailJob with its first bytes where it holds none. `name` is the request's."""
    try:
        return json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise FailJob(f"{name}: the answer is not JSON: {excerpt(raw)}") from None


def said(response: Response, shapes: Sequence[ErrorShape], redactor: Redactor) -> str:
    """Status and the vendor's own words for it, without secrets. Reads the body's start and drops the rest."""
    try:
        raw = response.start(EXCERPT_READ_BYTES)
    except RetryLater:
        raw = b""
    try:
        words = error_in(partial(find, parsed(raw, response.name)), shapes)
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


def retry_after(stated: str | None, *, now: float) -> float | None:
    """The seconds a `Retry-After` header asks for, given as a number or a date; None where it says nothing usable.

    Clamped: a date already past still means a moment, and nobody waits longer than an hour before asking again.
    """
    if stated is None:
        return None
    try:
        seconds = float(stated)
    except ValueError:
        try:
            date = parsedate_to_datetime(stated)
        except ValueError:
            return None
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    if math.isnan(seconds):
        return None
    return min(max(seconds, SHORTEST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
