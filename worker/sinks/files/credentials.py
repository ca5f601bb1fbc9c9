"""Who we are to the services that keep buckets, as far as obstore does not find it by itself."""

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
def find_aws_credentials() -> tuple[Callable[[], S3Credential], str]:
    """What gives credentials whenever it is asked, and the region that goes with them (empty: none is said).

    Found as AWS's own programs find them, by AWS's own library.

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


def azure_connection() -> dict[str, str]:
    """What AZURE_STORAGE_CONNECTION_STRING says, as obstore calls it; empty where it is not set.

    Raises FailJob where it cannot be used.
    """
    text = os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    said = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
    if not said:
        return {}
    if not said.get("AccountName") or not {"AccountKey", "SharedAccessSignature"} & said.keys():
        raise FailJob("AZURE_STORAGE_CONNECTION_STRING needs AccountName, and AccountKey or SharedAccessSignature")
    suffix = said.get("EndpointSuffix", "core.windows.net")
    found = {
        "account_name": said["AccountName"],
        "endpoint": said.get("BlobEndpoint") or f"https://{said['AccountName']}.blob.{suffix}",
    }
    kinds = {"account_key": "AccountKey", "sas_key": "SharedAccessSignature"}
    return found | {ours: said[theirs].lstrip("?") for ours, theirs in kinds.items() if theirs in said}
