"""The file sink in a bucket, over a real S3 API."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.bucket import object_keys, s3_client
from tests.object_server import BUCKET
from tests.sinks import READING, batch, commit, finish, make, opened, position, publish, sink_job
from worker.errors import RetryLater
from worker.model import Checkpoint
from worker.sinks.files import bucket as bucket_store
from worker.sinks.files.bucket import BucketStore
from worker.sinks.files.store import Key
from worker.sinks.kinds import audit_sink, parse_address

JOB = "kargo/report/job-1"


@pytest.fixture
def prefix(bucket: str) -> str:
    return bucket.removeprefix(f"s3://{BUCKET}/").partition("?")[0]


def content(endpoint: str, prefix: str, key: str) -> bytes:
    body: bytes = s3_client(endpoint).get_object(Bucket=BUCKET, Key=f"{prefix}/{key}")["Body"].read()
    return body


def test_objects_are_whole_under_keys_of_their_own_and_the_receipt_names_them(
    bucket: str, prefix: str, s3_endpoint: str
) -> None:
    sink = make(f"{bucket}&compression=gzip", part_rows=4)
    sink.open(1)
    publish(sink, READING)
    finish(sink)
    receipt = json.loads(content(s3_endpoint, prefix, f"{JOB}/receipt.json"))
    assert [re.sub("[0-9a-f]{32}", "KEY", file["path"]) for file in receipt["files"]] == [
        "page-00001.part-0001.KEY.ndjson.gz",
        "page-00001.part-0002.KEY.ndjson.gz",
        "page-00001.part-0003.KEY.ndjson.gz",
    ]
    rows = [key for key in object_keys(s3_endpoint, prefix) if "page-" in key and ".sink" not in key]
    assert rows == [f"{JOB}/{file['path']}" for file in receipt["files"]]
    manifest = json.loads(content(s3_endpoint, prefix, "kargo/report/latest.json"))
    assert manifest["windows"][0]["files"] == [f"job-1/{file['path']}" for file in receipt["files"]]


def test_the_guides_python_for_buckets_reads_the_manifest(bucket: str, prefix: str, s3_endpoint: str) -> None:
    spend = Decimal("12345678901.123456789")
    sink = opened(f"{bucket}&format=parquet", part_rows=2)
    publish(sink, (*READING[:2], b'{"row":3,"spend":1.0}', b'{"row":4,"spend":12345678901.123456789}'))
    finish(sink)
    page = (Path(__file__).parents[2] / "docs" / "consuming.md").read_text().partition("## Consuming files")[2]
    listing, query = re.findall(r"```python\n(.+?)```", page, re.DOTALL)[1:3]
    found: dict[str, Any] = {}
    script = listing.replace("BUCKET/PREFIX", f"{BUCKET}/{prefix}") + query
    exec(script.replace("S3FileSystem()", f'S3FileSystem(endpoint_override="{s3_endpoint}")'), found)
    assert sorted(found["found"]) == [(1, None), (2, None), (3, Decimal(1)), (4, spend)]
    (line,) = re.findall(r"`(pyarrow\.parquet\.read_table\(file, filesystem=s3\))`", page)
    tables = [eval(line, found | {"file": file}) for file in found["files"]]
    assert [value.as_py() for value in tables[-1]["spend"]] == [Decimal(1), spend]


def test_nothing_is_seen_of_a_part_before_it_is_complete(bucket: str, prefix: str, s3_endpoint: str) -> None:
    sink = make(bucket)
    sink.open(1)
    commit(sink, 1, 4)
    assert not [key for key in object_keys(s3_endpoint, prefix) if "page-" in key]
    sink.release()


def test_an_object_that_is_not_part_of_the_result_is_removed_at_the_end(
    bucket: str, prefix: str, s3_endpoint: str
) -> None:
    orphan = f"{prefix}/{JOB}/page-00001.part-0001.{'0' * 32}.ndjson"
    s3_client(s3_endpoint).put_object(Bucket=BUCKET, Key=orphan, Body=b"{}\n")
    sink = make(bucket)
    sink.open(1)
    publish(sink, READING[:2])
    finish(sink)
    keys = object_keys(s3_endpoint, prefix)
    assert f"{JOB}/page-00001.part-0001.{'0' * 32}.ndjson" not in keys
    assert sum("page-00001." in key and ".sink" not in key for key in keys) == 1


def test_a_writer_that_rarely_reads_the_record_learns_at_the_end_of_its_part_that_it_is_taken(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_store, "LOOK_SECONDS", 3_600)
    late, other = make(bucket, part_rows=4), make(bucket, part_rows=4)
    late.open(1)
    commit(late, 1, 2)
    publish(other, READING)
    assert commit(late, 3, 4) == position(READING, 4)
    assert commit(late, 5, 6) == position(READING, is_closed=True)
    finish(other)
    assert audit_sink(parse_address(bucket), sink_job()).is_whole


def test_a_part_that_has_grown_large_is_uploaded_by_one_request_and_the_next_begins(
    bucket: str, prefix: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BucketStore, "part_bytes", 30)
    sink = make(bucket, part_rows=1_000)
    sink.open(1)
    publish(sink, READING)
    finish(sink)
    receipt = json.loads(content(s3_endpoint, prefix, f"{JOB}/receipt.json"))
    assert [file["rows"] for file in receipt["files"]] == [4, 4, 1]
    for file in receipt["files"]:
        head = s3_client(s3_endpoint).head_object(Bucket=BUCKET, Key=f"{prefix}/{JOB}/{file['path']}")
        assert "-" not in head["ETag"], "an upload in pieces"
    assert audit_sink(parse_address(bucket), sink_job()).is_whole


def test_objects_are_encrypted_as_the_address_says(bucket: str, prefix: str, s3_endpoint: str) -> None:
    sink = make(f"{bucket}&sse=AES256")
    sink.open(1)
    keys = object_keys(s3_endpoint, prefix)
    heads = [s3_client(s3_endpoint).head_object(Bucket=BUCKET, Key=f"{prefix}/{key}") for key in keys]
    assert {head["ServerSideEncryption"] for head in heads} == {"AES256"}


def test_simultaneous_changes_are_all_kept(any_bucket: str) -> None:
    store = BucketStore(parse_address(any_bucket).bucket)  # type: ignore[attr-defined]

    def add(number: int) -> None:
        store.change(Key("list"), lambda held: b"%s%d\n" % (held or b"", number))

    with ThreadPoolExecutor(max_workers=4) as threads:
        list(threads.map(add, range(12)))
    assert sorted(map(int, (store.read(Key("list")) or b"").split())) == list(range(12))


def test_a_put_whose_answer_was_lost_is_known_as_ours(any_bucket: str) -> None:
    store = BucketStore(parse_address(any_bucket).bucket)  # type: ignore[attr-defined]
    assert store.create(Key("name"), b"mine")
    assert store.create(Key("name"), b"mine")
    assert not store.create(Key("name"), b"another's")


def test_an_upload_that_fails_is_written_again(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = make(bucket)
    sink.open(1)
    commit(sink, 1, 2)

    def fail(*arguments: Any) -> None:
        raise RetryLater("the service is away")

    with monkeypatch.context() as patch:
        patch.setattr(BucketStore, "upload", fail)
        with pytest.raises(RetryLater):
            sink.close(1, 1, position(READING, 2))
    assert sink.checkpoint(1, 1) == Checkpoint()
    assert sink.commit(1, 1, batch(READING, 1, 9)) == position(READING)
    sink.close(1, 1, position(READING))
    finish(sink)
    assert audit_sink(parse_address(bucket), sink_job()).is_whole
