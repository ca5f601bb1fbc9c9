"""Turns the error of a file system or of a bucket's service into RetryLater or FailJob, with its own words."""

from __future__ import annotations

import errno
import re

from worker.errors import FailJob, RetryLater
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, Bucket
from worker.sinks.files.credentials import find_aws_credentials

# Errors that trying again cannot help.
PERMANENT_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR,
    errno.ENAMETOOLONG, errno.ENOTSUP, errno.ENOSYS, errno.ELOOP,
}  # fmt: skip

MOST_CHARACTERS = 400
BUSY_STATUS = {429, 503}
BUSY_SECONDS = 15.0
TEMPORARY_STATUS = {408, 409}
"""Any other 4xx is permanent, unless its code is in TEMPORARY_CODES."""
PERMANENT_STATUS = {501, 507}
TEMPORARY_CODES = {"ExpiredToken", "RequestTimeTooSkewed", "RequestTimeout"}
STALE_CREDENTIALS = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
HINTS = {
    "AuthorizationHeaderMalformed": "the bucket is in another region: region=NAME",
    "NotImplemented": "Millrace needs conditional puts, which this service may not support",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
}

_status = re.compile(r"status code: (\d{3})").search
_answer = re.compile(r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?", re.DOTALL).search


def store_error(error: Exception, bucket: Bucket) -> FailJob | RetryLater:
    """The RetryLater or FailJob for an error that obstore raised.

    If the service no longer accepts our credentials, the next attempt looks for new ones.
    """
    text = str(error)
    status, answer = _status(text), _answer(text)
    number, code = int(status[1]) if status else 0, answer[1] if answer else ""
    # Azure's message has the request's id and time on further lines.
    words = (
        f"{number} {code}: {(answer[2] or '').split(chr(10))[0]}".rstrip(": ")
        if answer
        else text.strip().split("\n")[0]
    )
    if "performing token request" in text:
        words = f"{BUCKET_KINDS[bucket.scheme].credentials}: {words}"
    if code in HINTS:
        words += f" ({HINTS[code]})"
    if code in STALE_CREDENTIALS:
        find_aws_credentials.cache_clear()
    if is_elsewhere := "redirect without LOCATION" in text:
        words = "the bucket is in another region than the one that was asked: region=NAME"
    reason = f"{bucket.display_name}: {words[:MOST_CHARACTERS]}"
    if number in BUSY_STATUS:
        # The service is only busy: this is backpressure, not a failed attempt.
        return RetryLater(reason, wait_seconds=BUSY_SECONDS, is_attempt=False, waits_on="sink")
    is_refused = number in PERMANENT_STATUS or (number // 100 == 4 and number not in TEMPORARY_STATUS)
    kind = FailJob if is_elsewhere or (is_refused and code not in TEMPORARY_CODES) else RetryLater
    return kind(reason)


def file_error(error: OSError, place: str) -> FailJob | RetryLater:
    """The error to raise for a file system's error: retry the step, or fail the job, with path and reason."""
    text = f"{error.filename or place}: {error.strerror or error}"
    if error.filename2 and error.errno in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}:
        text = f"{error.filename2}: {error.strerror}; rows are published by hard links, which may not exist there"
    return FailJob(text) if error.errno in PERMANENT_ERRORS else RetryLater(text)
