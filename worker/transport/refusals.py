"""Classifies answers that are not a success: retry, wait, log in again, or fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from worker.errors import FailJob, MillraceError, RetryLater
from worker.sources.schema import ErrorShape
from worker.transport.redaction import Redactor
from worker.transport.response import Response
from worker.vendor_errors import VendorError, bounded_wait, error_in_body, excerpt, storage_error

PAUSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def parse_json(raw: bytes, name: str) -> Any:
    """The JSON in an answer. Raises FailJob with its first bytes if it is not JSON. `name` is the request's."""
    try:
        # RFC 8259, 8.1: JSON must not begin with a byte order mark, and a reader may ignore one; some vendors send it.
        return json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise FailJob(f"{name}: the answer is not JSON: {excerpt(raw)}") from None


def describe(response: Response, shapes: Sequence[ErrorShape], redactor: Redactor) -> str:
    """Status and the vendor's own words, with secrets masked. Reads the start of the body and drops the rest."""
    raw = response.start()
    return redactor.clean(_reason(response, raw, error_in_body(raw, shapes)))


def refusal(
    response: Response,
    raw: bytes,
    shapes: Sequence[ErrorShape],
    redactor: Redactor,
    *,
    retry_statuses: Sequence[int],
    wait_seconds: float | None,
) -> MillraceError:
    """The error that a refusal means: by the consequence that the matching error shape declares, else by its status.

    `raw` is the start of the body, `wait_seconds` the wait of the `Retry-After` header. 429, and 503 with a wait, mean
    that the vendor did not act on the request. With a wait, they do not count as a failed attempt.
    """
    error = error_in_body(raw, shapes)
    reason = redactor.clean(_reason(response, raw, error))
    if error and error.consequence:
        return replace(error, wait_seconds=error.wait_seconds or wait_seconds).failure(reason)
    status = response.status
    # 520 to 599 are not registered: gateways such as Cloudflare use them if they cannot reach the vendor.
    if status in retry_statuses or 520 <= status <= 599:
        is_asked = wait_seconds is not None and status in PAUSING
        is_unsent = is_asked or status == HTTPStatus.TOO_MANY_REQUESTS
        return RetryLater(
            reason, wait_seconds=wait_seconds, is_attempt=not is_asked, is_unsent=is_unsent, is_refused=True
        )
    return FailJob(reason)


def _reason(response: Response, raw: bytes, error: VendorError | None) -> str:
    status = f"{response.status} {response.reason}".strip()
    return f"{response.name}: {status}: {error.words if error else storage_error(raw) or excerpt(raw)}"


def retry_after(stated: str | None, *, now: float) -> float | None:
    """The seconds in a `Retry-After` header, given as a number or a date (RFC 9110, 10.2.3); None if it is neither.

    At least one second, even for a date in the past, and at most an hour.
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
    return bounded_wait(seconds)
