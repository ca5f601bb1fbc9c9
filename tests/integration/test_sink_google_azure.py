"""The file sink in buckets of Google and Azure: which identity it sends, and how it reports refusals."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import object_server
from tests.authority import Authority
from tests.bucket import AZURE_KEY
from tests.object_server import ACCOUNT, MODIFIED, Answer, object_service, serving
from tests.sinks import make
from worker.errors import FailJob, RetryLater
from worker.sinks.files import bucket_kinds
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.bucket_kinds import Bucket
from worker.sinks.files.store import Key
from worker.sinks.files.store_errors import store_error
from worker.sinks.kinds import parse_address

SECRET = "c2VjcmV0LW9mLW91cnM="
SIGNATURE = f"sv=2026-01-01&sig={SECRET}"


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without any credentials, who asks once."""
    for name in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_CONNECTION_STRING", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(bucket_kinds, "MOST_RETRIES", 0)


@dataclass
class Refusing:
    """A service that answers every request alike, and remembers the identity that was sent."""

    status: int
    code: str
    asked_by: list[str] = field(default_factory=list)

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked_by.append(headers.get("authorization", ""))
        words = f"<Error><Code>{self.code}</Code><Message>in its own words\nRequestId:1</Message></Error>"
        return self.status, {"Last-Modified": MODIFIED}, f"<?xml version='1.0'?>{words}".encode()


@contextmanager
def refusing(
    scheme: str, status: int, code: str, context: ssl.SSLContext | None = None
) -> Iterator[tuple[str, Refusing]]:
    """An address at such a service."""
    service = Refusing(status, code)
    with serving(service.reply, context) as port:
        url = f"{'https' if context else 'http'}://127.0.0.1:{port}"
        options = f"endpoint={url}" if scheme == "gs" else f"endpoint={url}/{ACCOUNT}&account={ACCOUNT}"
        yield f"{scheme}://rows/x?{options}", service


@pytest.mark.parametrize(
    ("scheme", "status", "code", "error"),
    [
        ("gs", 503, "ServiceUnavailable", RetryLater),
        ("gs", 429, "SlowDown", RetryLater),
        ("gs", 401, "AuthenticationRequired", FailJob),
        ("gs", 403, "AccessDenied", FailJob),
        ("gs", 404, "NoSuchBucket", FailJob),
        ("az", 503, "ServerBusy", RetryLater),
        ("az", 500, "OperationTimedOut", RetryLater),
        ("az", 403, "AuthenticationFailed", FailJob),
        ("az", 404, "ContainerNotFound", FailJob),
        ("az", 409, "ContainerBeingDeleted", RetryLater),
    ],
)
def test_a_service_that_refuses_is_quoted_and_asked_again_where_that_may_help(
    scheme: str, status: int, code: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    with refusing(scheme, status, code) as (address, _), pytest.raises(error) as refused:
        make(address).open(1)
    assert str(refused.value) == f"{scheme}://rows/x: {status} {code}: in its own words"


def test_a_missing_bucket_is_not_mistaken_for_an_empty_one(any_missing: str) -> None:
    store = BucketStore(parse_address(any_missing).bucket)  # type: ignore[attr-defined]
    for look in (lambda: store.read(Key("name")), lambda: store.names(Key("directory"))):
        with pytest.raises(FailJob, match=r"404 (NoSuchBucket|ContainerNotFound)"):
            look()


@pytest.fixture(params=["gs", "az"])
def any_missing(request: pytest.FixtureRequest, access: None) -> str:
    """The address of a bucket that is not there."""
    address: str = request.getfixturevalue(f"{request.param}_bucket")
    return address.replace("//rows/", "//other/")


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_a_service_that_ignores_conditions_is_refused_before_a_row_is_written(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    honours = object_server.Bucket.put
    monkeypatch.setattr(
        object_server.Bucket, "put", lambda bucket, key, content, expected: honours(bucket, key, content, None)
    )
    with object_service(scheme) as (url, bucket):
        with pytest.raises(FailJob, match="the service ignores the conditions of puts"):
            make(f"{scheme}://rows/x?endpoint={url}" + (f"&account={ACCOUNT}" if scheme == "az" else "")).open(1)
        assert not bucket.objects


# ------------------------------------------------------------ credentials


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (f'{{"private_key": "{SECRET}"', "EOF while parsing"),
        (json.dumps({"type": "external_account", "audience": SECRET}), "unknown variant `external_account`"),
        (
            json.dumps({"type": "service_account", "private_key": SECRET, "client_email": "a", "private_key_id": "b"}),
            "Error reading pem file",
        ),
    ],
)
def test_google_credentials_that_cannot_be_read_are_named_and_not_quoted(
    content: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    if content:
        (tmp_path / "key.json").write_text(content)
    with pytest.raises(FailJob, match=r"gs://rows/x: Google credentials \(GOOGLE_APPLICATION_CREDENTIALS") as refused:
        make("gs://rows/x").open(1)
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_token_of_google_is_sent_over_tls_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", SECRET)
    authority = Authority(tmp_path / "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("store"))
    with refusing("gs", 403, "AccessDenied", context) as (address, service), pytest.raises(FailJob):
        make(f"{address}&ca={authority.ca}").open(1)
    assert set(service.asked_by) == {f"Bearer {SECRET}"}
    with refusing("gs", 403, "AccessDenied") as (address, service), pytest.raises(FailJob):
        make(address).open(1)
    assert service.asked_by
    assert not any(SECRET in asked for asked in service.asked_by)


def test_only_a_key_of_azure_that_signs_is_used_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", SIGNATURE)
    with refusing("az", 403, "AuthenticationFailed") as (address, service):
        with pytest.raises(FailJob, match="'access_key' was requested but required configuration is missing"):
            make(address).open(1)
        assert not service.asked_by
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", SECRET)
        with pytest.raises(FailJob):
            make(address).open(1)
    assert service.asked_by
    assert all(asked.startswith(f"SharedKey {ACCOUNT}:") and SECRET not in asked for asked in service.asked_by)


@pytest.mark.parametrize(("scheme", "may_be"), [("gs", "GOOGLE_APPLICATION_CREDENTIALS"), ("az", "account=NAME")])
def test_without_an_identity_the_message_says_where_credentials_may_be(scheme: str, may_be: str) -> None:
    nobody_there = Exception(
        "Error performing token request: Error performing GET http://x in 5s - HTTP error\n\nDebug"
    )
    later = store_error(nobody_there, Bucket(scheme, "rows", "x"))
    assert isinstance(later, RetryLater)
    assert re.match(rf"{scheme}://rows/x: \w+ credentials \(.*{may_be}.*HTTP error$", str(later))


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (f"AccountKey={SECRET}", "AZURE_STORAGE_CONNECTION_STRING needs AccountName"),
        ("AccountName=ours", "needs AccountName, and AccountKey or SharedAccessSignature"),
        (f"AccountName=ours;AccountKey={SECRET}", f"is in account {ACCOUNT}, .*_CONNECTION_STRING is for account ours"),
        (
            f"AccountName={ACCOUNT};AccountKey={SECRET};BlobEndpoint=http://store",
            "has an endpoint with plain http, which must be given in the address",
        ),
        (f"AccountName={ACCOUNT};SharedAccessSignature=?{SECRET[:-1]}", "Missing component in SAS query pair"),
        ("", "credentials .*: .*Account must be specified"),
    ],
)
def test_a_connection_string_that_cannot_be_used_is_refused_without_its_secrets(
    connection: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    address = f"az://rows/x?account={ACCOUNT}" if connection else "az://rows/x"
    with pytest.raises(FailJob, match=words) as refused:
        make(address).open(1)
    assert SECRET not in str(refused.value)


def test_a_connection_string_names_account_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = (
        f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT};AccountKey={AZURE_KEY};EndpointSuffix=none.invalid"
    )
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    with refusing("az", 403, "AuthenticationFailed") as (address, service), pytest.raises(FailJob):
        make(address.replace(f"&account={ACCOUNT}", "")).open(1)
    assert all(asked.startswith(f"SharedKey {ACCOUNT}:") for asked in service.asked_by)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_secret_may_be_in_a_file(is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(f"AccountName={ACCOUNT};AccountKey={AZURE_KEY}\n" if is_whole else f"{AZURE_KEY}\n")
    name = "AZURE_STORAGE_CONNECTION_STRING" if is_whole else "AZURE_STORAGE_ACCOUNT_KEY"
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "key"))
    with refusing("az", 403, "AuthenticationFailed") as (address, service), pytest.raises(FailJob):
        make(address).open(1)
    assert all(asked.startswith(f"SharedKey {ACCOUNT}:") for asked in service.asked_by)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "none"))
    with pytest.raises(FailJob, match=f"{name}_FILE: .*/none: No such file"):
        make(address).open(1)


def test_no_message_contains_a_shared_access_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", SIGNATURE)
    authority = Authority(tmp_path / "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("store"))
    with refusing("az", 403, "", context) as (address, _), pytest.raises(FailJob) as refused:
        make(f"{address}&ca={authority.ca}").open(1)
    assert SECRET not in str(refused.value)
    with pytest.raises(RetryLater) as away:
        make(f"az://rows/x?account={ACCOUNT}&endpoint=https://127.0.0.1:9").open(1)
    assert SECRET not in str(away.value)
