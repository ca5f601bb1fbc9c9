"""The file sink in a bucket whose service refuses, is away, or does not do what the sink relies on."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.authority import Authority
from tests.object_server import Answer, Bucket, Service, failure, running
from tests.sinks import READING, Closed, batch, commit, make
from worker.errors import FailJob, RetryLater
from worker.sinks.files import bucket as bucket_store
from worker.sinks.files import bucket_kinds
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.store import Key
from worker.sinks.kinds import parse_address

pytestmark = pytest.mark.usefixtures("access")

SCHEMES = ["s3", "gs", "az"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_kinds, "MOST_RETRIES", 0)


def store_of(service: Service) -> BucketStore:
    return BucketStore(parse_address(service.address).bucket)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("scheme", "status", "code", "error", "hint"),
    [
        ("s3", 503, "SlowDown", RetryLater, ""),
        ("s3", 400, "RequestTimeout", RetryLater, ""),
        ("s3", 400, "ExpiredToken", RetryLater, ""),
        ("s3", 403, "RequestTimeTooSkewed", RetryLater, "the clock of this machine is wrong"),
        ("s3", 403, "AccessDenied", FailJob, ""),
        ("s3", 404, "NoSuchBucket", FailJob, ""),
        ("s3", 400, "AuthorizationHeaderMalformed", FailJob, "the bucket is in another region: region=NAME"),
        ("s3", 501, "NotImplemented", FailJob, "Millrace needs conditional puts, which this service may not support"),
        ("s3", 507, "XMinioStorageFull", FailJob, ""),
        ("s3", 409, "ConditionalRequestConflict", RetryLater, ""),
        ("gs", 503, "ServiceUnavailable", RetryLater, ""),
        ("gs", 429, "SlowDown", RetryLater, ""),
        ("gs", 401, "AuthenticationRequired", FailJob, ""),
        ("gs", 403, "AccessDenied", FailJob, ""),
        ("gs", 404, "NoSuchBucket", FailJob, ""),
        ("az", 503, "ServerBusy", RetryLater, ""),
        ("az", 500, "OperationTimedOut", RetryLater, ""),
        ("az", 403, "AuthenticationFailed", FailJob, ""),
        ("az", 404, "ContainerNotFound", FailJob, ""),
        ("az", 409, "ContainerBeingDeleted", RetryLater, ""),
    ],
)
def test_a_service_that_refuses_is_quoted_and_asked_again_where_that_may_help(
    scheme: str, status: int, code: str, error: type[Exception], hint: str
) -> None:
    with running(Service(scheme, (status, code))) as service, pytest.raises(error) as refused:
        make(service.address).open(1)
    said = f"{scheme}://rows/x: {status} {code}: in its own words"
    assert str(refused.value) == said + (f" ({hint})" if hint else "")


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (500, "", RetryLater, "500"),
        (408, "", RetryLater, "408"),
        (301, "PermanentRedirect", FailJob, "in another region .* region=NAME"),
    ],
)
def test_a_refusal_without_words_is_named(status: int, code: str, error: type[Exception], words: str) -> None:
    with running(Service("s3", (status, code))) as service, pytest.raises(error, match=f"s3://rows/x.*{words}"):
        make(service.address).open(1)


@pytest.mark.parametrize(("status", "is_attempt"), [(503, False), (429, False), (500, True)])
def test_a_service_that_asks_for_fewer_requests_is_waited_for_without_a_failure(status: int, is_attempt: bool) -> None:
    with running(Service("s3", (status, ""))) as service, pytest.raises(RetryLater) as later:
        make(service.address).open(1)
    assert later.value.is_attempt is is_attempt


@pytest.mark.parametrize(
    ("scheme", "code"), [("s3", "NoSuchBucket"), ("gs", "NoSuchBucket"), ("az", "ContainerNotFound")]
)
def test_a_missing_bucket_is_not_mistaken_for_an_empty_one(scheme: str, code: str) -> None:
    with running(Service(scheme, (404, code))) as service:
        store = store_of(service)
        for look in (lambda: store.read(Key("name")), lambda: store.names(Key("directory"))):
            with pytest.raises(FailJob, match=f"404 {code}"):
                look()


def test_a_refusal_without_a_body_is_asked_for_its_reason() -> None:
    with running(Service("s3", (403, "ExpiredToken"))) as service, pytest.raises(RetryLater, match="403 ExpiredToken"):
        store_of(service).size(Key("name"))


@pytest.mark.parametrize(("puts", "answer"), [(1, failure(409, "ConditionalRequestConflict")), (2, failure(503, ""))])
def test_a_place_that_could_not_be_tried_is_left_as_it_was_and_not_refused_for_good(puts: int, answer: Answer) -> None:
    class Busy(Service):
        left = puts

        def reply(self, method: str, *request: Any) -> Answer:
            self.left -= method == "PUT"
            return answer if method == "PUT" and not self.left else super().reply(method, *request)

    with running(Busy("s3")) as service, pytest.raises(RetryLater, match=r"collided|503"):
        make(service.address).open(1)
    assert service.bucket.objects == {}


def test_a_service_that_is_away_is_asked_again() -> None:
    with pytest.raises(RetryLater, match="s3://rows/x"):
        make("s3://rows/x?endpoint=http://127.0.0.1:9").open(1)


@pytest.mark.parametrize("is_of_new_objects", [True, False])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_service_that_ignores_conditions_is_refused_before_a_row_is_written(
    scheme: str, is_of_new_objects: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Bucket.put

    def put_regardless(bucket: Bucket, key: str, content: bytes, expected: int | None) -> int | None:
        is_ignored = (expected == 0) is is_of_new_objects
        return put(bucket, key, content, None if is_ignored else expected)

    monkeypatch.setattr(Bucket, "put", put_regardless)
    with running(Service(scheme)) as service:
        for _ in range(2):
            with pytest.raises(FailJob, match="the service ignores the conditions of puts"):
                make(service.address).open(1)
        assert not service.bucket.objects


def test_a_service_that_honours_them_is_asked_once_for_a_place() -> None:
    with running(Service("s3")) as service:
        make(service.address).open(1)
        asked = len(service.asked_by)
        make(service.address, job="job-2").open(1)
        assert len(service.asked_by) - asked < asked
        assert len(service.bucket.objects) == 3


@pytest.mark.parametrize(("options", "checksum"), [("", "sha256"), ("?endpoint=https://minio.example", None)])
def test_only_aws_gets_a_checksum_of_each_object(options: str, checksum: str | None) -> None:
    bucket = parse_address(f"s3://rows/x{options}").bucket  # type: ignore[attr-defined]
    store: Any = bucket_kinds.connect(bucket)
    assert store.config.get("checksum_algorithm") == checksum


def test_an_endpoint_is_believed_where_its_own_authority_vouches_for_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certificate("store"))
    with running(Service("s3", (404, "")), context) as service:
        assert make(f"{service.address}&ca={authority.ca}").void(1, "failed") == Closed("missing")
        with pytest.raises(RetryLater, match="s3://rows/x"):
            make(service.address).void(1, "failed")
        with pytest.raises(FailJob, match=r"the certificates for https://127.*No such file or directory"):
            make(f"{service.address}&ca={tmp_path}/none.pem").void(1, "failed")


def test_a_full_disk_of_the_worker_is_named_and_nothing_is_uploaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_store.tempfile, "TemporaryFile", lambda **_: open("/dev/full", "wb"))  # noqa: SIM115
    with running(Service("s3")) as service:
        sink = make(service.address)
        sink.open(1)
        commit(sink, 1, 2)
        with pytest.raises(FailJob, match=r"No space left on device; a part grows there .*\(TMPDIR\)"):
            sink.close(1, 1, batch(READING, 1, 2).after)
        assert not any("page-" in key for key in service.bucket.objects)
