"""Classifies answers that are not a success: retry, wait, log in again, or fail."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from worker.errors import FailJob, MillraceError, RateLimited, RetryLater
from worker.json_path import number
from worker.sources.schema import ErrorShape
from worker.transport.redaction import Redactor
from worker.transport.response import Response
from worker.vendor_errors import VendorError, bounded_wait, error_in_body, excerpt, storage_error

PAUSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

EPOCH_FROM_SECONDS = 1e9
"""A wait this long would be 31 years, so it is a time since 1970, in seconds or milliseconds."""

_SURROGATE = re.compile(rb"\\u[dD]")
_RESET = re.compile(r"((?:x-)?(?:[a-z]+-)?rate-?limit-)reset", re.IGNORECASE)


def parse_json(raw: bytes, name: str) -> Any:
    """The JSON in an answer. Raises FailJob with its first bytes if it is not JSON. `name` is the request's.

    A byte order mark decides on the character set, otherwise it is UTF-8. Bytes that are not valid in it are
    replaced: ids and status words are in ASCII, but a name beside them may be in Latin-1.
    """
    try:
        content = json.loads(raw.decode(json.detect_encoding(raw), "replace"))
    except (ValueError, RecursionError):
        raise FailJob(f"{name}: the answer is not JSON: {excerpt(raw)}") from None
    if _SURROGATE.search(raw):
        # Half a surrogate pair, as in text that the vendor cut off, could not be stored: it becomes `?`.
        content = json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
    return content


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
    now: float,
) -> MillraceError:
    """The error that a refusal means: by the consequence that the matching error shape declares, else by its status.

    `raw` is the start of the body. 429, and 503 with a wait, mean that the vendor did not act on the request. With a
    wait, they do not count as a failed attempt.
    """
    error = error_in_body(raw, shapes)
    reason = redactor.clean(_reason(response, raw, error))
    if error and error.consequence:
        wait_seconds = error.wait_seconds or rate_limit_wait(response.headers, now=now)
        return replace(error, wait_seconds=wait_seconds).failure(reason)
    status, wait_seconds = response.status, refusal_wait(response, now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS and status in retry_statuses and wait_seconds is None:
        return RateLimited(reason)
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


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """How many seconds the `Retry-After` header asks us to wait (RFC 9110, 10.2.3); None if it says nothing usable.

    At least one second, even for a date in the past, and at most an hour.
    """
    seconds = _seconds_in(headers.get("Retry-After"), now)
    return None if seconds is None else bounded_wait(seconds)


def not_ready(name: str, headers: Mapping[str, str], *, now: float) -> RetryLater:
    """The error for 202 without rows: the request was accepted, but not carried out yet (RFC 9110, 15.3.3)."""
    wait = retry_after(headers, now=now)
    reason = f"{name}: 202: the vendor has accepted the request, but there are no rows yet"
    return RetryLater(reason, wait_seconds=wait, is_attempt=wait is None)


def refusal_wait(response: Response, *, now: float) -> float | None:
    """The wait that a refusal asks for: its `Retry-After`, and for 429 without one, `rate_limit_wait`."""
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return rate_limit_wait(response.headers, now=now)
    return retry_after(response.headers, now=now)


def rate_limit_wait(headers: Mapping[str, str], *, now: float) -> float | None:
    """As `retry_after`; without that header, the wait until every rate limit that is used up is reset.

    Some vendors name only that time, in headers such as `X-RateLimit-Reset`: in seconds from now or since 1970, or as a
    date. A limit of which something remains is not the one that was exceeded, and a reset in the past says nothing.
    """
    if (wait := retry_after(headers, now=now)) is not None:
        return wait
    resets = [(name, match[1]) for name in headers if (match := _RESET.fullmatch(name))]
    used_up = [name for name, limit in resets if (number(headers.get(f"{limit}Remaining")) or 0) <= 0]
    left = [seconds for name in used_up if (seconds := _seconds_in(headers[name], now)) is not None and seconds > 0]
    return bounded_wait(max(left)) if left else None


def _seconds_in(stated: str | None, now: float) -> float | None:
    """The seconds from now on that a header states, as a number, a time or a date; None if it is none of these."""
    if stated is None:
        return None
    try:
        # A header that came twice is joined by a comma.
        seconds = max(map(float, stated.split(",")))
    except ValueError:
        date = _parse_date(stated)
        return None if date is None else date.timestamp() - now
    if seconds >= EPOCH_FROM_SECONDS:
        seconds = (seconds / 1000 if seconds >= EPOCH_FROM_SECONDS * 1000 else seconds) - now
    return seconds


def _parse_date(stated: str) -> datetime | None:
    """The time in an HTTP date or in ISO 8601, in UTC if it names no zone; None if it is neither."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, OverflowError):
            date = parse(stated.strip())
            return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None
