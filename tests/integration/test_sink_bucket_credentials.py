"""The identity that the file sink sends to each kind of bucket, and what it says without a usable one."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.authority import Authority
from tests.bucket import AZURE_KEY
from tests.object_server import ACCOUNT, Answer, Service, failure, running
from tests.sinks import make
from worker.errors import FailJob, RetryLater
from worker.sinks.files import bucket_kinds
from worker.sinks.files.bucket_kinds import Bucket
from worker.sinks.files.credentials import find_aws_credentials
from worker.sinks.files.store_errors import store_error

SECRET = "c2VjcmV0LW9mLW91cnM="
SIGNATURE = f"sv=2026-01-01&sig={SECRET}"


ROLE = b'{"AccessKeyId": "AKROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without any credentials, on a machine without a role, who asks once."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_CONNECTION_STRING", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(bucket_kinds, "MOST_RETRIES", 0)
    find_aws_credentials.cache_clear()
    yield tmp_path
    find_aws_credentials.cache_clear()


def refusing(scheme: str, code: str) -> Service:
    return Service(scheme, (403, code))


def tls_of(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("store"))
    return context


# ------------------------------------------------------------ S3


def keys_used(service: Service) -> list[str]:
    """The key, day and region of each signature."""
    return [asked.partition("Credential=")[2].partition("/s3/")[0] for asked in service.asked_by]


def profile(home: Path, key: str) -> None:
    (home / "credentials").write_text(f"[reports]\naws_access_key_id={key}\naws_secret_access_key=secret\n")


def test_a_profile_gives_key_and_region(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reports")
    profile(home, "AKPROFILE")
    (home / "config").write_text("[profile reports]\nregion=eu-central-1\n")
    with running(Service("s3")) as service:
        make(service.address).open(1)
    (used,) = set(keys_used(service))
    key, _, region = used.split("/")
    assert (key, region) == ("AKPROFILE", "eu-central-1")


def test_a_key_that_is_no_longer_accepted_is_looked_up_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reports")
    profile(home, "AKOLD")
    with running(Service("s3", (400, "ExpiredToken"))) as service:
        with pytest.raises(RetryLater, match="ExpiredToken"):
            make(service.address).open(1)
        profile(home, "AKNEW")
        service.refusal = None
        make(service.address).open(1)
    used = keys_used(service)
    assert [key.partition("/")[0] for key in (used[0], used[-1])] == ["AKOLD", "AKNEW"]


def test_a_key_may_be_in_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (home / name).write_text("AKFILE\n")
        monkeypatch.setenv(f"{name}_FILE", str(home / name))
    with running(Service("s3")) as service:
        make(service.address).open(1)
    assert {used.partition("/")[0] for used in keys_used(service)} == {"AKFILE"}


class Machine(Service):
    """A service of S3 that is also where a container, or a machine after some failures, asks for its role."""

    failures = 0

    def reply(self, method: str, target: str, *request: Any) -> Answer:
        if not target.startswith(("/role", "/latest/")):
            return super().reply(method, target, *request)
        self.failures -= 1
        if self.failures >= 0:
            return failure(503, "")
        return (
            200,
            {},
            ROLE if target in {"/role", "/latest/meta-data/iam/security-credentials/reports"} else b"reports",
        )


def test_a_container_s_role_gives_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Machine("s3")) as service:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/role")
        make(service.address).open(1)
    assert keys_used(service)[-1].startswith("AKROLE/")


def test_a_container_that_gives_no_key_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with running(Service("s3", (503, ""))) as service:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/role")
        with pytest.raises(RetryLater, match=r"AWS credentials: .* container-role"):
            make(service.address).open(1)


def test_a_machine_that_fails_to_answer_for_a_moment_is_not_one_without_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "failures", 2)
    with running(Machine("s3")) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{service.url}/")
        make(service.address).open(1)
    assert keys_used(service)[-1].startswith("AKROLE/")


def test_missing_credentials_and_profiles_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FailJob, match="no AWS credentials were found; they may be AWS_ACCESS_KEY_ID"):
        make("s3://rows/x?endpoint=http://127.0.0.1:9").open(1)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FailJob, match=r"AWS credentials: The config profile \(nobody\) could not be found"):
        make("s3://rows/x?endpoint=http://127.0.0.1:9").open(1)


# ------------------------------------------------------------ Google and Azure


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
    with running(refusing("gs", "AccessDenied"), tls_of(authority)) as service, pytest.raises(FailJob):
        make(f"{service.address}&ca={authority.ca}").open(1)
    assert set(service.asked_by) == {f"Bearer {SECRET}"}
    with running(refusing("gs", "AccessDenied")) as service, pytest.raises(FailJob):
        make(service.address).open(1)
    assert service.asked_by
    assert not any(SECRET in asked for asked in service.asked_by)


def test_only_a_key_of_azure_that_signs_is_used_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", SIGNATURE)
    with running(refusing("az", "AuthenticationFailed")) as service:
        with pytest.raises(FailJob, match="'access_key' was requested but required configuration is missing"):
            make(service.address).open(1)
        assert not service.asked_by
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", SECRET)
        with pytest.raises(FailJob):
            make(service.address).open(1)
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
    with running(refusing("az", "AuthenticationFailed")) as service, pytest.raises(FailJob):
        make(service.address.replace(f"&account={ACCOUNT}", "")).open(1)
    assert all(asked.startswith(f"SharedKey {ACCOUNT}:") for asked in service.asked_by)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_secret_may_be_in_a_file(is_whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(f"AccountName={ACCOUNT};AccountKey={AZURE_KEY}\n" if is_whole else f"{AZURE_KEY}\n")
    name = "AZURE_STORAGE_CONNECTION_STRING" if is_whole else "AZURE_STORAGE_ACCOUNT_KEY"
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "key"))
    with running(refusing("az", "AuthenticationFailed")) as service, pytest.raises(FailJob):
        make(service.address).open(1)
    assert all(asked.startswith(f"SharedKey {ACCOUNT}:") for asked in service.asked_by)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "none"))
    with pytest.raises(FailJob, match=f"{name}_FILE: .*/none: No such file"):
        make(service.address).open(1)


def test_no_message_contains_a_shared_access_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", SIGNATURE)
    authority = Authority(tmp_path / "ca")
    with running(refusing("az", ""), tls_of(authority)) as service, pytest.raises(FailJob) as refused:
        make(f"{service.address}&ca={authority.ca}").open(1)
    assert SECRET not in str(refused.value)
    with pytest.raises(RetryLater) as away:
        make(f"az://rows/x?account={ACCOUNT}&endpoint=https://127.0.0.1:9").open(1)
    assert SECRET not in str(away.value)
