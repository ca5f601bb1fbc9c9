"""Who we are to an S3 service: found as AWS's own programs find it, by AWS's own library."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from worker.errors import FailJob

if TYPE_CHECKING:
    from obstore.store import S3Credential

FRESH_FOR = timedelta(minutes=5)
"""Then they are asked for again. botocore renews temporary ones a quarter of an hour before they expire."""
SOURCES = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile of ~/.aws (AWS_PROFILE), a web identity, or the role of a "
    "container or machine"
)


@cache
def find_credentials() -> tuple[Callable[[], S3Credential], str]:
    """What gives credentials whenever it is asked, and the region that goes with them (empty: none is said).

    Raises FailJob where there are none, or where what is said of them cannot be read.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.get_session()
    try:
        found = session.get_credentials()
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
    except BotoCoreError as error:
        raise FailJob(f"AWS credentials: {error}") from error
    if found is None:
        raise FailJob(f"no AWS credentials are found; they may be {SOURCES}")

    def current() -> S3Credential:
        held = found.get_frozen_credentials()
        return {
            "access_key_id": held.access_key,
            "secret_access_key": held.secret_key,
            "token": held.token,
            "expires_at": datetime.now(UTC) + FRESH_FOR,
        }

    return current, region
