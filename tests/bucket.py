"""Object stores on loopback, with an empty prefix for each test."""

from __future__ import annotations

import hmac
import logging
import os
import threading
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.object_server import ACCOUNT, BUCKET, Service, running
from worker.sinks.files import bucket as bucket_store

AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The key of every emulator of Azure; it is public."""
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
}


@contextmanager
def s3_service() -> Iterator[str]:
    """The URL of a service with one bucket: moto's server, or the one that `MILLRACE_TEST_S3` names."""
    if endpoint := os.environ.get("MILLRACE_TEST_S3"):
        with suppress(s3_client(endpoint).exceptions.BucketAlreadyOwnedByYou):
            s3_client(endpoint).create_bucket(Bucket=BUCKET)
        yield endpoint
        return
    from moto.s3.responses import S3Response  # imported here, because it takes a second and few tests need it
    from moto.server import ThreadedMotoServer

    # S3 checks and writes a conditional put in one step. Moto does it in two, so two writers may both succeed.
    answer, one_at_a_time = S3Response.key_response, threading.Lock()

    def answer_alone(response: S3Response, *arguments: Any) -> Any:
        with one_at_a_time:
            return answer(response, *arguments)

    S3Response.key_response = answer_alone
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3_client(endpoint).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()
    S3Response.key_response = answer


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of the service that all tests share."""
    with s3_service() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def gs_endpoint() -> Iterator[str]:
    """The URL of a service with the API of Google Cloud Storage."""
    with running(Service("gs")) as service:
        yield service.url


@pytest.fixture(scope="session")
def az_endpoint() -> Iterator[str]:
    """The URL of a service with the API of Azure Blob Storage, or of the emulator that `MILLRACE_TEST_AZURE` names."""
    if url := os.environ.get("MILLRACE_TEST_AZURE"):
        make_container(url)
        yield url
        return
    with running(Service("az")) as service:
        yield service.url


def make_container(url: str) -> None:
    """Create the container in an emulator of Azure, unless it exists."""
    date, version = formatdate(usegmt=True), "2021-08-06"
    signed = (
        "PUT"
        + "\n" * 12
        + f"x-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
    )
    signature = b64encode(hmac.digest(b64decode(AZURE_KEY), signed.encode(), "sha256")).decode()
    headers = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}
    with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
        answer = client.put(f"{url}/{BUCKET}?restype=container", headers=headers)
    assert answer.status_code in {201, 409}, answer.text


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the credentials of all services, and let every look at a record read it from the service."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bucket_store, "LOOK_SECONDS", 0)


@pytest.fixture
def gs_bucket(gs_endpoint: str, access: None) -> str:
    """The address of an empty prefix in a bucket of Google Cloud Storage."""
    return f"gs://{BUCKET}/{uuid.uuid4().hex}?endpoint={gs_endpoint}"


@pytest.fixture
def az_bucket(az_endpoint: str, access: None) -> str:
    """The same in a container of Azure Blob Storage."""
    return f"az://{BUCKET}/{uuid.uuid4().hex}?account={ACCOUNT}&endpoint={az_endpoint}"


@pytest.fixture
def bucket(s3_endpoint: str, access: None) -> str:
    """The address of an empty prefix."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}?endpoint={s3_endpoint}"


def bucket_of(request: pytest.FixtureRequest, scheme: str) -> str:
    """The address of an empty prefix at a service of this kind."""
    address: str = request.getfixturevalue("bucket" if scheme == "s3" else f"{scheme}_bucket")
    return address


@pytest.fixture(params=["s3", "gs", "az"])
def any_bucket(request: pytest.FixtureRequest) -> str:
    """The address of an empty prefix at a service of each kind."""
    return bucket_of(request, request.param)


@pytest.fixture(params=["file", "s3", "gs", "az"])
def any_files(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty place for files of each kind."""
    return f"file:{tmp_path}?compression=" if request.param == "file" else bucket_of(request, request.param)


def s3_client(endpoint: str) -> Any:
    """The service as another program sees it."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def object_keys(endpoint: str, prefix: str) -> list[str]:
    """Every object below a prefix, without it."""
    found = s3_client(endpoint).list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    return sorted(item["Key"].removeprefix(f"{prefix}/") for item in found)
