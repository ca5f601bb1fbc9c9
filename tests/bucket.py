"""A real S3 API on loopback, and a bucket in it."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from worker.sinks.files import bucket as bucket_store

BUCKET = "rows"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@contextmanager
def s3_service() -> Iterator[str]:
    """A service with one bucket: its URL. `MILLRACE_TEST_S3` names another one than moto's server."""
    if endpoint := os.environ.get("MILLRACE_TEST_S3"):
        with suppress(s3_client(endpoint).exceptions.BucketAlreadyOwnedByYou):
            s3_client(endpoint).create_bucket(Bucket=BUCKET)
        yield endpoint
        return
    from moto.s3.responses import S3Response  # a second of imports, for few tests
    from moto.server import ThreadedMotoServer

    # S3 decides a conditional put in one act. Moto looks and writes in two, and may tell two writers that they won.
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
    """The URL of the service all tests share."""
    with s3_service() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty prefix, where every look is a fresh one."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bucket_store, "LOOK_SECONDS", 0)
    return f"s3://{BUCKET}/{uuid.uuid4().hex}?endpoint={s3_endpoint}"


def s3_client(endpoint: str) -> Any:
    """Another program's view of the service."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def object_keys(endpoint: str, prefix: str) -> list[str]:
    """Every object below a prefix, without it."""
    found = s3_client(endpoint).list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    return sorted(item["Key"].removeprefix(f"{prefix}/") for item in found)
