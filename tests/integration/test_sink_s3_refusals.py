"""The file sink in a bucket whose service refuses, is away, or does not do what the sink relies on."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.authority import Authority
from tests.object_server import BUCKET, MODIFIED, Answer, serving
from tests.sinks import READING, Closed, batch, commit, make
from worker.errors import FailJob, RetryLater
from worker.sinks.files import bucket as bucket_store
from worker.sinks.files import bucket_kinds
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.credentials import find_aws_credentials
from worker.sinks.files.store import Key
from worker.sinks.kinds import parse_address

ROLE = b'{"AccessKeyId": "AKROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}'

pytestmark = pytest.mark.usefixtures("bucket")


@dataclass
class Service:
    """A service that answers every request alike, or keeps objects and ignores some conditions."""

    answer: tuple[int, str] | None = None
    ignores: tuple[str, ...] = ()
    port: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)
    keys_used: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"s3://rows/x?endpoint=http://127.0.0.1:{self.port}"

    def reply(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        status, content = self._decide(method, path, headers, body)
        return status, {"ETag": '"tag"', "Last-Modified": MODIFIED}, content

    def _decide(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        self.keys_used.append(headers.get("authorization", "").partition("Credential=")[2].partition("/s3/")[0])
        if self.answer:
            status, code = self.answer
            words = f"<Error><Code>{code}</Code><Message>in its own words</Message></Error>" if code else ""
            return status, f'<?xml version="1.0"?>\n{words}'.encode()
        held = self.objects.get(path)
        if method == "PUT":
            conditions = {"if-none-match": held is not None, "if-match": headers.get("if-match") != '"tag"'}
            if any(is_unmet and name in headers and name not in self.ignores for name, is_unmet in conditions.items()):
                return 412, b""
            self.objects[path] = body
        elif method == "DELETE":
            self.objects.pop(path, None)
        elif held is None:
            return 404, b""
        return 200, held if method == "GET" and held else b""


@contextmanager
def running(service: Service, context: ssl.SSLContext | None = None) -> Iterator[Service]:
    """The service on a port of this machine."""
    with serving(service.reply, context) as service.port:
        yield service


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_kinds, "MOST_RETRIES", 0)


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (503, "SlowDown", RetryLater, "503 SlowDown: in its own words"),
        (500, "", RetryLater, "500"),
        (408, "", RetryLater, "408"),
        (400, "RequestTimeout", RetryLater, "400 RequestTimeout"),
        (400, "ExpiredToken", RetryLater, "400 ExpiredToken"),
        (403, "RequestTimeTooSkewed", RetryLater, "the clock of this machine is wrong"),
        (403, "AccessDenied", FailJob, "403 AccessDenied: in its own words"),
        (404, "NoSuchBucket", FailJob, "404 NoSuchBucket"),
        (301, "PermanentRedirect", FailJob, "in another region .* region=NAME"),
        (400, "AuthorizationHeaderMalformed", FailJob, "in another region: region=NAME"),
        (501, "NotImplemented", FailJob, "needs conditional puts, which this service may not support"),
        (507, "XMinioStorageFull", FailJob, "507 XMinioStorageFull"),
        (409, "ConditionalRequestConflict", RetryLater, "409 ConditionalRequestConflict"),
    ],
)
def test_a_service_that_refuses_is_quoted_and_asked_again_where_that_may_help(
    status: int, code: str, error: type[Exception], words: str
) -> None:
    with running(Service((status, code))) as service, pytest.raises(error, match=f"s3://rows/x.*{words}"):
        make(service.address).open(1)


@pytest.mark.parametrize(("status", "is_attempt"), [(503, False), (429, False), (500, True)])
def test_a_service_that_asks_for_fewer_requests_is_waited_for_without_a_failure(status: int, is_attempt: bool) -> None:
    with running(Service((status, ""))) as service, pytest.raises(RetryLater) as later:
        make(service.address).open(1)
    assert later.value.is_attempt is is_attempt


def test_a_missing_bucket_is_not_mistaken_for_an_empty_one() -> None:
    with running(Service((404, "NoSuchBucket"))) as service:
        store = BucketStore(parse_address(service.address).bucket)  # type: ignore[attr-defined]
        with pytest.raises(FailJob, match="404 NoSuchBucket"):
            store.read(Key("name"))
        with pytest.raises(FailJob, match="404 NoSuchBucket"):
            store.names(Key("directory"))


def test_a_refusal_without_a_body_is_asked_for_its_reason() -> None:
    with running(Service((403, "ExpiredToken"))) as service, pytest.raises(RetryLater, match="403 ExpiredToken"):
        BucketStore(parse_address(service.address).bucket).size(Key("name"))  # type: ignore[attr-defined]


def test_a_place_that_could_not_be_tried_is_left_as_it_was() -> None:
    class Busy(Service):
        def _decide(self, method: str, *request: Any) -> tuple[int, bytes]:
            return (503, b"") if method == "PUT" and self.objects else super()._decide(method, *request)

    with running(Busy()) as service, pytest.raises(RetryLater, match="503"):
        make(service.address).open(1)
    assert service.objects == {}


def test_a_first_put_that_meets_a_conflict_is_not_taken_for_a_service_without_conditions() -> None:
    class Busy(Service):
        conflicts: ClassVar = ["ConditionalRequestConflict"]

        def _decide(self, method: str, *request: Any) -> tuple[int, bytes]:
            if method == "PUT" and self.conflicts:
                return 409, f"<Error><Code>{self.conflicts.pop()}</Code></Error>".encode()
            return super()._decide(method, *request)

    with running(Busy()) as service, pytest.raises(RetryLater, match="collided"):
        make(service.address).open(1)


def test_a_service_that_is_away_is_asked_again() -> None:
    with pytest.raises(RetryLater, match="s3://rows/x"):
        make("s3://rows/x?endpoint=http://127.0.0.1:9").open(1)


@pytest.mark.parametrize("ignored", ["if-none-match", "if-match"])
def test_a_service_that_ignores_conditions_is_refused_before_a_row_is_written(ignored: str) -> None:
    with running(Service(ignores=(ignored,))) as service:
        for _ in range(2):
            with pytest.raises(FailJob, match="the service ignores the conditions"):
                make(service.address).open(1)
        assert not service.objects


def test_a_service_that_honours_them_is_asked_once_for_a_place() -> None:
    with running(Service()) as service:
        make(service.address).open(1)
        asked = len(service.keys_used)
        make(service.address, job="job-2").open(1)
        assert len(service.keys_used) - asked < asked
        assert len(service.objects) == 3


@pytest.mark.parametrize(("options", "checksum"), [("", "sha256"), ("?endpoint=https://minio.example", None)])
def test_only_aws_gets_a_checksum_of_each_object(options: str, checksum: str | None) -> None:
    bucket = parse_address(f"s3://rows/x{options}").bucket  # type: ignore[attr-defined]
    store: Any = bucket_kinds.connect(bucket)
    assert store.config.get("checksum_algorithm") == checksum


def test_an_endpoint_is_believed_where_its_own_authority_vouches_for_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("store"))
    with running(Service((404, "")), context) as service:
        address = f"s3://rows/x?endpoint=https://127.0.0.1:{service.port}"
        assert make(f"{address}&ca={authority.ca}").void(1, "failed") == Closed("missing")
        with pytest.raises(RetryLater, match="s3://rows/x"):
            make(address).void(1, "failed")
        with pytest.raises(FailJob, match=r"the certificates for https://127.*No such file or directory"):
            make(f"{address}&ca={tmp_path}/none.pem").void(1, "failed")


def test_a_full_disk_of_the_worker_is_named_and_nothing_is_uploaded(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_store.tempfile, "TemporaryFile", lambda **_: open("/dev/full", "wb"))  # noqa: SIM115
    sink = make(bucket)
    sink.open(1)
    commit(sink, 1, 2)
    with pytest.raises(FailJob, match=r"No space left on device; a part grows there .*\(TMPDIR\)"):
        sink.close(1, 1, batch(READING, 1, 2).after)


# ------------------------------------------------------------ credentials


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without any credentials, on a machine without a role."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    for name, value in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")):
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    find_aws_credentials.cache_clear()
    yield tmp_path
    find_aws_credentials.cache_clear()


def profile(home: Path, key: str) -> None:
    (home / "credentials").write_text(f"[reports]\naws_access_key_id={key}\naws_secret_access_key=secret\n")


def test_a_profile_gives_key_and_region(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reports")
    profile(home, "AKPROFILE")
    (home / "config").write_text("[profile reports]\nregion=eu-central-1\n")
    with running(Service()) as service:
        make(service.address).open(1)
    (used,) = set(service.keys_used)
    key, _, region = used.split("/")
    assert (key, region) == ("AKPROFILE", "eu-central-1")


def test_a_key_that_is_no_longer_accepted_is_looked_up_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "reports")
    profile(home, "AKOLD")
    with running(Service((400, "ExpiredToken"))) as service:
        with pytest.raises(RetryLater, match="ExpiredToken"):
            make(service.address).open(1)
        profile(home, "AKNEW")
        service.answer = None
        make(service.address).open(1)
    assert [used.partition("/")[0] for used in (service.keys_used[0], service.keys_used[-1])] == ["AKOLD", "AKNEW"]


def test_a_key_may_be_in_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (home / name).write_text("AKFILE\n")
        monkeypatch.setenv(f"{name}_FILE", str(home / name))
    with running(Service()) as service:
        make(service.address).open(1)
    assert {used.partition("/")[0] for used in service.keys_used} == {"AKFILE"}


def test_a_container_s_role_gives_a_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Service(objects={"/role": ROLE})) as service:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{service.port}/role")
        make(service.address).open(1)
    assert service.keys_used[-1].startswith("AKROLE/")


def test_a_container_that_gives_no_key_yet_is_asked_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with running(Service((503, ""))) as service:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{service.port}/role")
        with pytest.raises(RetryLater, match=r"AWS credentials: .* container-role"):
            make(service.address).open(1)


def test_a_machine_that_fails_to_answer_for_a_moment_is_not_one_without_a_role(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Machine(Service):
        failures: ClassVar = [503, 503]

        def _decide(self, method: str, path: str, *request: Any) -> tuple[int, bytes]:
            if not path.startswith("/latest/"):
                return super()._decide(method, path, *request)
            name = path.rpartition("/")[2]
            return (self.failures.pop(), b"") if self.failures else (200, ROLE if name == "reports" else b"reports")

    with running(Machine()) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{service.port}/")
        make(service.address).open(1)
    assert service.keys_used[-1].startswith("AKROLE/")


def test_missing_credentials_and_profiles_are_named_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FailJob, match="no AWS credentials were found; they may be AWS_ACCESS_KEY_ID"):
        make(f"s3://{BUCKET}/x?endpoint=http://127.0.0.1:9").open(1)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FailJob, match=r"AWS credentials: The config profile \(nobody\) could not be found"):
        make(f"s3://{BUCKET}/x?endpoint=http://127.0.0.1:9").open(1)
