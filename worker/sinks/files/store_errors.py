"""What the refusal by a bucket's service means: the step is tried again or the job fails, with the cause in words."""

from __future__ import annotations

import re

from worker.errors import FailJob, RetryLater
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, Bucket
from worker.sinks.files.credentials import find_aws_credentials

MOST_CHARACTERS = 400
BUSY_STATUS = {429, 503}
BUSY_SECONDS = 15.0
TEMPORARY_STATUS = {408, 409, 425}
"""Any other 4xx would come again."""
PERMANENT_STATUS = {501, 507}
TEMPORARY_CODES = {"ExpiredToken", "RequestTimeTooSkewed", "RequestTimeout"}
STALE_CREDENTIALS = {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
HINTS = {
    "AuthorizationHeaderMalformed": "the bucket is in another region: region=NAME",
    "NotImplemented": "rows are kept exactly once by conditional puts, which this service may not have",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
}

_status = re.compile(r"status code: (\d{3})").search
_answer = re.compile(r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?", re.DOTALL).search


def store_error(error: Exception, bucket: Bucket) -> FailJob | RetryLater:
    """What obstore raised at a bucket, named for what the caller does next.

    Credentials the service no longer takes are looked for anew by the next attempt.
    """
    text = str(error)
    status, answer = _status(text), _answer(text)
    number, code = int(status[1]) if status else 0, answer[1] if answer else ""
    # Azure's words go on with the request's id and time, a line each.
    said = (
        f"{number} {code}: {(answer[2] or '').split(chr(10))[0]}".rstrip(": ")
        if answer
        else text.strip().split("\n")[0]
    )
    if "performing token request" in text:
        said = f"{BUCKET_KINDS[bucket.scheme].credentials}: {said}"
    if code in HINTS:
        said += f" ({HINTS[code]})"
    if code in STALE_CREDENTIALS:
        find_aws_credentials.cache_clear()
    if is_elsewhere := "redirect without LOCATION" in text:
        said = "the bucket is in another region than the one that was asked: region=NAME"
    reason = f"{bucket.shown}: {said[:MOST_CHARACTERS]}"
    if number in BUSY_STATUS:
        # Nobody failed: the slow part slows the fast one, for as long as the job has.
        return RetryLater(reason, wait_seconds=BUSY_SECONDS, is_attempt=False, waits_on="sink")
    is_refused = number in PERMANENT_STATUS or (number // 100 == 4 and number not in TEMPORARY_STATUS)
    kind = FailJob if is_elsewhere or (is_refused and code not in TEMPORARY_CODES) else RetryLater
    return kind(reason)
