"""Finds credentials for buckets, as far as obstore does not find them itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from config.settings import BadSetting, environment_value, share_variables
from worker.errors import FailJob, RetryLater

if TYPE_CHECKING:
    from obstore.store import S3Credential

FRESH_FOR = timedelta(minutes=5)
"""How long obstore keeps credentials before it asks for them again. botocore renews temporary ones in good time."""
MACHINE_TRIES = 3
"""How often a machine is asked for its role. If it fails to answer for a moment, botocore says that there is none."""
SOURCES = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile of ~/.aws (AWS_PROFILE), a web identity, or the role of a "
    "container or machine"
)


AZURE_SECRETS = {
    "account_key": "AZURE_STORAGE_ACCOUNT_KEY",
    "sas_key": "AZURE_STORAGE_SAS_TOKEN",
    "client_secret": "AZURE_CLIENT_SECRET",
}
"""The variables by obstore's names."""


@cache
def find_aws_credentials() -> tuple[Callable[[], S3Credential], str]:
    """A function that returns current AWS credentials, and the configured region (may be empty).

    They are found by botocore, as AWS's own programs find them; also in `.env`, and in files that `NAME_FILE` names.
    Raises FailJob if there are none, or if their configuration cannot be read; RetryLater if the container or program
    that gives them does not.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError

    share_variables("AWS_")
    session = botocore.session.get_session()
    if (key := _secret("AWS_ACCESS_KEY_ID")) and (secret := _secret("AWS_SECRET_ACCESS_KEY")):
        session.set_credentials(key, secret, _secret("AWS_SESSION_TOKEN"))
    try:
        found = next(filter(None, (session.get_credentials() for _ in range(MACHINE_TRIES))), None)
        region = os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
    except CredentialRetrievalError as error:
        raise RetryLater(f"AWS credentials: {error}") from error
    except BotoCoreError as error:
        raise FailJob(f"AWS credentials: {error}") from error
    if found is None:
        raise FailJob(f"no AWS credentials were found; they may be {SOURCES}")

    def current() -> S3Credential:
        held = found.get_frozen_credentials()
        return {
            "access_key_id": held.access_key,
            "secret_access_key": held.secret_key,
            "token": held.token,
            "expires_at": datetime.now(UTC) + FRESH_FOR,
        }

    return current, region


def find_azure_credentials() -> dict[str, str]:
    """obstore's settings from AZURE_STORAGE_CONNECTION_STRING or single secrets; obstore finds other ways itself.

    Raises FailJob if the connection string cannot be used.
    """
    share_variables("AZURE_")
    text = _secret("AZURE_STORAGE_CONNECTION_STRING")
    if not text:
        secrets = {ours: _secret(theirs) for ours, theirs in AZURE_SECRETS.items()}
        return {name: secret for name, secret in secrets.items() if secret}
    given = dict(part.strip().partition("=")[::2] for part in text.split(";") if part.strip())
    if not given.get("AccountName") or not {"AccountKey", "SharedAccessSignature"} & given.keys():
        raise FailJob("AZURE_STORAGE_CONNECTION_STRING needs AccountName, and AccountKey or SharedAccessSignature")
    suffix = given.get("EndpointSuffix", "core.windows.net")
    found = {
        "account_name": given["AccountName"],
        "endpoint": given.get("BlobEndpoint") or f"https://{given['AccountName']}.blob.{suffix}",
    }
    kinds = {"account_key": "AccountKey", "sas_key": "SharedAccessSignature"}
    return found | {ours: given[theirs].lstrip("?") for ours, theirs in kinds.items() if theirs in given}


def _secret(name: str) -> str | None:
    try:
        return environment_value(name)
    except BadSetting as error:
        raise FailJob(str(error)) from None
