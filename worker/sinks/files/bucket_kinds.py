"""The kinds of buckets (S3, Google, Azure): their names and options, and how obstore connects to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config.settings import share_variables
from worker.errors import FailJob
from worker.sinks.files.credentials import find_aws_credentials, find_azure_credentials

if TYPE_CHECKING:
    from obstore.store import ObjectStore

REQUEST_SECONDS = 120
MOST_RETRIES = 4
RETRY_SECONDS = 10
"""For one request. After that the step is given back, and waits without holding a worker."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and its options; `scheme` is the kind. Credentials are not part of it: see `credentials.py`."""

    scheme: str
    name: str
    prefix: str
    account: str = ""
    endpoint: str = ""
    region: str = ""
    sse: str = ""
    sse_kms_key: str = ""
    ca: str = ""
    allow_http: str = ""

    @property
    def display_name(self) -> str:
        """The address without its options."""
        return f"{self.scheme}://{self.name}/{self.prefix}".rstrip("/")

    @property
    def uri(self) -> str:
        """The URI that Hadoop, Spark and the like use; empty if it needs an account that is not known here."""
        if self.scheme != "az":
            return self.display_name
        if not self.account:
            return ""
        blobs = urlsplit(self.endpoint).hostname or f"{self.account}.blob.core.windows.net"
        return f"abfss://{self.name}@{blobs.replace('.blob.', '.dfs.')}/{self.prefix}".rstrip("/")

    @property
    def is_plain_http(self) -> bool:
        """Is everything sent without encryption?"""
        return self.endpoint.startswith("http://")


@dataclass(frozen=True, slots=True)
class BucketKind:
    """One kind of bucket. `names` is the pattern of a bucket's name, `connect` creates obstore's client.

    `no_bucket` is the service's error code for a bucket that does not exist, `credentials` says for messages where
    credentials are looked for.
    """

    example: str
    names: str
    options: tuple[str, ...]
    libraries: tuple[str, ...]
    no_bucket: str
    credentials: str
    connect: Callable[[Bucket, Mapping[str, Any]], ObjectStore]


def _connect_s3(bucket: Bucket, options: Mapping[str, Any]) -> ObjectStore:
    from obstore.store import S3Store

    credentials, region = find_aws_credentials()
    # Not every service supports bulk deletes, and we delete objects one at a time.
    config: dict[str, Any] = {"conditional_put": "etag", "disable_bulk_delete": True}
    config |= {"endpoint": bucket.endpoint, "region": bucket.region or region}
    config |= {"server_side_encryption": bucket.sse, "sse_kms_key_id": bucket.sse_kms_key}
    if not bucket.endpoint:
        # AWS requires a checksum where objects are locked by default. Other services may refuse its header.
        config["checksum_algorithm"] = "sha256"
    return S3Store(bucket.name, config=_without_empty(config), credential_provider=credentials, **options)


def _connect_google(bucket: Bucket, options: Mapping[str, Any]) -> ObjectStore:
    from obstore.store import GCSStore

    share_variables("GOOGLE_")
    config = {"base_url": bucket.endpoint}
    if bucket.is_plain_http:
        # A token sent over plain http could be stolen, so an emulator gets one without value.
        config["bearer_token"] = "none"  # noqa: S105
    return GCSStore(bucket.name, config=_without_empty(config), **options)


def _connect_azure(bucket: Bucket, options: Mapping[str, Any]) -> ObjectStore:
    from obstore.store import AzureStore

    config = find_azure_credentials()
    if bucket.account and config.get("account_name", bucket.account) != bucket.account:
        raise FailJob(
            f"{bucket.display_name} is in account {bucket.account}, "
            f"but AZURE_STORAGE_CONNECTION_STRING is for account {config['account_name']}"
        )
    config |= _without_empty({"account_name": bucket.account, "endpoint": bucket.endpoint})
    if not bucket.endpoint and config.get("endpoint", "").startswith("http://"):
        raise FailJob(
            f"{bucket.display_name}: AZURE_STORAGE_CONNECTION_STRING has an endpoint with plain http, "
            "which must be given in the address: endpoint=URL"
        )
    if bucket.is_plain_http:
        # A key only signs requests; any other credential would be sent in clear text.
        config["credential_type"] = "access_key"
    return AzureStore(bucket.name, config=config, **options)  # type: ignore[arg-type]


def _without_empty(config: Mapping[str, Any]) -> Any:
    """The settings that are not empty."""
    return {name: value for name, value in config.items() if value}


BUCKET_KINDS = {
    "s3": BucketKind(
        example="s3://BUCKET/PREFIX?format=parquet&endpoint=URL",
        names=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        options=("endpoint", "region", "sse", "sse_kms_key", "ca", "allow_http"),
        libraries=("obstore", "botocore"),
        no_bucket="NoSuchBucket",
        credentials="AWS credentials",
        connect=_connect_s3,
    ),
    "gs": BucketKind(
        example="gs://BUCKET/PREFIX",
        names=r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]",
        options=("endpoint", "ca", "allow_http"),
        libraries=("obstore",),
        no_bucket="NoSuchBucket",
        credentials="Google credentials "
        "(GOOGLE_APPLICATION_CREDENTIALS, the login of gcloud, or the machine's service account)",
        connect=_connect_google,
    ),
    "az": BucketKind(
        example="az://CONTAINER/PREFIX?account=NAME",
        names=r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        options=("account", "endpoint", "ca", "allow_http"),
        libraries=("obstore",),
        no_bucket="ContainerNotFound",
        credentials="Azure credentials "
        "(AZURE_STORAGE_CONNECTION_STRING; or account=NAME or AZURE_STORAGE_ACCOUNT_NAME, and with it "
        "AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, a service principal or the machine's identity)",
        connect=_connect_azure,
    ),
}
"""By the scheme of the address."""

BUCKET_OPTIONS = tuple(dict.fromkeys(option for kind in BUCKET_KINDS.values() for option in kind.options))


def connect(bucket: Bucket) -> ObjectStore:
    """obstore's client for a bucket; nothing is sent. Raises FailJob if credentials or certificates cannot be read."""
    from obstore.exceptions import BaseError

    client: dict[str, Any] = {
        "allow_http": bucket.is_plain_http,
        "connect_timeout": "5s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
    if bucket.ca:
        try:
            client["root_certificate"] = Path(bucket.ca).read_bytes()
        except OSError as error:
            raise FailJob(f"the certificates for {bucket.endpoint}: {bucket.ca}: {error.strerror}") from error
    backoff = {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2}
    retry = {"max_retries": MOST_RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS), "backoff": backoff}
    kind = BUCKET_KINDS[bucket.scheme]
    try:
        return kind.connect(bucket, {"prefix": bucket.prefix or None, "client_options": client, "retry_config": retry})
    except BaseError as error:
        words = str(error).strip().split("\n")[0]
        raise FailJob(f"{bucket.display_name}: {kind.credentials}: {words}") from error
