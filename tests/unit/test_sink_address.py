"""The address of a sink is parsed, or refused with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from worker.errors import BadInput
from worker.sinks.address import FileAddress, StreamAddress, default_stream
from worker.sinks.files.partition import partition
from worker.sinks.kinds import SinkJob, is_below, open_sink, parse_address


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("stream:rows:kargo.report", "stream:rows:kargo.report"),
        (" stream:x ", "stream:x"),
        ("stream:x?rows_per_entry=1", "stream:x"),
        ("stream:x?rows_per_entry=0500", "stream:x?rows_per_entry=500"),
        ("redis://host?stream=x", "redis://host:6379/0?stream=x"),
        ("redis://host?rows_per_entry=9&stream=x", "redis://host:6379/0?stream=x&rows_per_entry=9"),
        ("redis://HOST:6379/?stream=x", "redis://host:6379/0?stream=x"),
        ("redis://host:7000/02?stream=a%3Ab", "redis://host:7000/2?stream=a:b"),
        ("rediss://me:p%40ss@host/1?stream=a%2Fb", "rediss://me:p%40ss@host:6379/1?stream=a%2Fb"),
        ("redis://:secret@[::1]:7000?stream=x", "redis://:secret@[::1]:7000/0?stream=x"),
        ("redis://me@host?stream=x", "redis://me@host:6379/0?stream=x"),
        ("file:/srv/rows", "file:/srv/rows?format=ndjson&compression=none"),
        ("file:///srv/a/../rows/", "file:/srv/rows?format=ndjson&compression=none"),
        ("file:/srv/rows?format=csv", "file:/srv/rows?format=csv&compression=none"),
        ("file:/srv/rows?format=parquet", "file:/srv/rows?format=parquet&compression=zstd"),
        ("s3://bucket/a/b/", "s3://bucket/a/b?format=ndjson&compression=none"),
        ("s3://bucket", "s3://bucket/?format=ndjson&compression=none"),
        (
            "s3://bucket/a?endpoint=https://store:9000&format=parquet&region=eu-central-1&sse=aws:kms&sse_kms_key=1/2",
            "s3://bucket/a?format=parquet&compression=zstd&endpoint=https://store:9000&region=eu-central-1"
            "&sse=aws:kms&sse_kms_key=1/2",
        ),
        (
            "s3://bucket/a?allow_http=true&endpoint=http://minio:9000",
            "s3://bucket/a?format=ndjson&compression=none&endpoint=http://minio:9000&allow_http=true",
        ),
        ("gs://my_bucket/a/", "gs://my_bucket/a?format=ndjson&compression=none"),
        (
            "az://rows/a?endpoint=https://store&account=ours&format=csv",
            "az://rows/a?format=csv&compression=none&account=ours&endpoint=https://store",
        ),
        (
            "file:/srv/rows?partition=window&format=parquet&compression=none",
            "file:/srv/rows?format=parquet&compression=none&partition=window",
        ),
        ("file:/srv/rows?compression=gzip&format=ndjson", "file:/srv/rows?format=ndjson&compression=gzip"),
        ("file:/srv/Größe & more?compression=zstd", "file:/srv/Größe & more?format=ndjson&compression=zstd"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, canonical: str) -> None:
    assert parse_address(text).text == canonical
    assert parse_address(canonical) == parse_address(text)


def test_a_relative_directory_is_the_same_for_every_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text, directory in (("file:./rows", tmp_path / "rows"), ("file:~/rows", Path.home() / "rows")):
        address = parse_address(text)
        assert isinstance(address, FileAddress)
        assert address.directory == directory


def test_the_home_of_nobody_is_refused() -> None:
    with pytest.raises(BadInput, match=r"file:~nobody-of-this-name/rows.*home of a user"):
        parse_address("file:~nobody-of-this-name/rows")


def test_a_password_is_not_shown() -> None:
    address = parse_address("redis://me:secret@host?stream=x")
    assert isinstance(address, StreamAddress)
    assert address.display_name == "redis://me:***@host:6379/0?stream=x"
    assert address.url == "redis://me:secret@host:6379/0"
    assert "secret" not in repr(address)


@pytest.mark.parametrize(
    "text",
    ["redis://:top/secret@host?stream=x", "redis://:secret@host:99999?stream=x", "redis:secret@host", "secret@host"],
)
def test_a_refusal_does_not_contain_the_password(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_address(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "where", "allowed"),
    [
        ("", "to", "stream:NAME"),
        ("rows", "to", "stream:NAME"),
        ("ftp://host/rows", "to", "stream:NAME, redis://HOST:PORT/DB?stream=NAME"),
        ("stream:", "to: stream", "printable"),
        ("stream:two words", "to: stream", "no space"),
        ("stream:{tag}:rows", "to: stream", "no braces"),
        ("stream:x?rows_per_entry=0", "to: rows_per_entry", "from 1 to 1,000"),
        ("stream:x?rows_per_entry=1001", "to: rows_per_entry", "from 1 to 1,000"),
        ("stream:x?rows_per_entry=many", "to: rows_per_entry", "from 1 to 1,000"),
        ("redis://host?stream=x&rows_per_entry=", "to: rows_per_entry", "from 1 to 1,000"),
        ("stream:x?rows_per_entri=5", "to: option", "did you mean 'rows_per_entry'?"),
        ("redis://host", "to: stream", "printable"),
        ("redis://?stream=x", "to", "redis://HOST"),
        ("redis://host/rows?stream=x", "to: database", "number"),
        ("redis://host:0x/1?stream=x", "to", "65535"),
        ("redis://host?stream=x&stream=y", "to: option", "each once"),
        ("redis://host?strem=x", "to: option", "did you mean 'stream'?"),
        ("file:", "to: directory", "a directory"),
        ("file:?format=ndjson", "to: directory", "a directory"),
        ("file://host/rows", "to: directory", "a directory"),
        ("s3://UPPER/rows", "to: bucket", "a bucket's name"),
        ("s3://key:secret@bucket/rows", "to: bucket", "a bucket's name"),
        ("s3://bucket/../rows", "to: prefix", "that do not begin with a dot"),
        ("s3://bucket/rows?endpoint=http://store:9000", "to: endpoint", "on this machine, or with allow_http=true"),
        ("s3://bucket/rows?endpoint=http://store:9000&allow_http=yes", "to: endpoint", "allow_http=true"),
        ("s3://bucket/rows?endpoint=https://store:9000&allow_http=true", "to: allow_http", "beside endpoint=http://"),
        ("s3://bucket/rows?endpoint=https://key:secret@store", "to: endpoint", "without credentials"),
        ("s3://bucket/rows?sse=aes", "to: sse", "one of AES256, aws:kms"),
        ("s3://bucket/rows?sse_kms_key=x", "to: sse_kms_key", "sse=aws:kms beside it"),
        ("s3://bucket/rows?ca=ca.pem", "to: ca", "the absolute path"),
        ("s3://bucket/rows?key=secret", "to: option", "each once"),
        ("gs://b/rows", "to: bucket", "as in gs://my-bucket/rows"),
        ("gs://bucket/rows?region=eu", "to: option", "one of format, compression, partition, endpoint, ca, allow_http"),
        ("az://two--dashes/rows", "to: bucket", "a bucket's name"),
        ("az://key:secret@rows/x", "to: bucket", "a bucket's name"),
        ("az://rows/x?account=not/one", "to: account", "a storage account's name"),
        ("az://rows/x?endpoint=http://azurite:10000/ours", "to: endpoint", "with allow_http=true"),
        ("file:/rows?format=orc", "to: format", "one of ndjson, csv, parquet"),
        ("file:/rows?compression=snappy", "to: compression", "one of none, gzip, zstd"),
        ("file:/rows?format=parquet&compression=zip", "to: compression", "one of zstd, snappy, gzip, none"),
        ("file:/rows?partition=day", "to: partition", "window"),
        ("file:/rows?compression=zip", "to: compression", "one of none, gzip, zstd"),
        ("file:/rows?compresion=gzip", "to: option", "did you mean 'compression'?"),
    ],
)
def test_an_unusable_address_is_refused_with_what_is_allowed(text: str, where: str, allowed: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_address(text)
    assert refused.value.where == where
    assert allowed in refused.value.allowed


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except BadInput:
        return
    assert parse_address(address.text) == address


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=80))
def test_any_password_is_kept_and_none_is_shown(password: str) -> None:
    from urllib.parse import quote

    secret = quote(f"secret{password}", safe="")
    address = parse_address(f"redis://:{secret}@host?stream=x")
    assert isinstance(address, StreamAddress)
    assert address.url == f"redis://:{secret}@host:6379/0"
    assert "secret" not in address.display_name


def test_by_default_rows_go_to_the_report_s_own_stream() -> None:
    address = parse_address(default_stream("kargo", "campaign-performance-metrics"))
    assert isinstance(address, StreamAddress)
    assert address.stream == "rows:kargo.campaign-performance-metrics"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-x", ".x", "a b", "ä", "x" * 129])
@pytest.mark.parametrize("where", ["connection", "report", "job"])
def test_a_name_that_is_not_a_path_component_is_refused(where: str, name: str) -> None:
    names = {"connection": "c", "report": "r", "job": "j"} | {where: name}
    with pytest.raises(BadInput) as refused:
        open_sink(parse_address("file:/srv/rows"), SinkJob(**names, default_redis=Redis(), stream_bound=0, part_rows=1))
    assert refused.value.where == where


def test_a_format_whose_library_is_not_installed_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.sinks.files.formats.row_format.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pyarrow to be installed: pip install 'millrace\[parquet\]'"):
        parse_address("file:/rows?format=parquet")
    assert parse_address("file:/rows?format=csv").text == "file:/rows?format=csv&compression=none"


@pytest.mark.parametrize(
    ("scheme", "libraries"), [("s3", "obstore and botocore"), ("gs", "obstore"), ("az", "obstore")]
)
def test_a_bucket_whose_library_is_not_installed_is_refused_with_the_remedy(
    scheme: str, libraries: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.sinks.address.find_spec", lambda name: None)
    with pytest.raises(BadInput) as refused:
        parse_address(f"{scheme}://rows/x")
    assert refused.value.allowed == f"{libraries} to be installed: pip install 'millrace[buckets]'"


@pytest.mark.parametrize(
    ("given", "prefix", "is_allowed"),
    [
        ("file:/srv/rows/kargo", "file:/srv/rows/", True),
        ("file:/srv/other", "file:/srv/rows/", False),
        ("s3://bucket/rows/x", "s3://bucket/rows/", True),
        ("s3://other/rows/x", "s3://bucket/rows/", False),
        ("s3://bucket/rows/x?endpoint=https://elsewhere", "s3://bucket/rows/", False),
        ("s3://bucket/rows/x?endpoint=https://store", "s3://bucket/rows/?endpoint=https://store", True),
        ("s3://bucket/rows/x", "s3://bucket/rows/?endpoint=https://store", False),
        ("s3://bucket/rows/x?ca=/etc/other.pem", "s3://bucket/rows/", False),
        ("gs://bucket/rows/x", "gs://bucket/rows/", True),
        ("gs://bucket/rows/x", "s3://bucket/rows/", False),
        ("az://bucket/rows/x?account=ours", "az://bucket/rows/?account=ours", True),
        ("az://bucket/rows/x?account=another", "az://bucket/rows/?account=ours", False),
        ("az://bucket/rows/x?account=another", "az://bucket/rows/", False),
    ],
)
def test_an_address_is_below_a_prefix_only_at_the_service_it_names(given: str, prefix: str, is_allowed: bool) -> None:
    assert is_below(parse_address(given), prefix) == is_allowed


@pytest.mark.parametrize(
    ("first", "last", "directories"),
    [
        ("2026-11-01", "2026-11-01", ["date=2026-11-01"]),
        ("20261101", "20261101", ["date=2026-11-01"]),
        (2026110100, 2026110123, ["date=2026-11-01"]),
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", ["date=2026-11-01"]),
        ("2026-11-01T00:00:00+01:00", "2026-11-01T23:59:59.999+01:00", ["date=2026-11-01"]),
        ("2026-12-31T00:00", "2027-01-01T00:00", ["date=2026-12-31"]),
        (2026110100, 2026110200, ["from=2026110100", "to=2026110200"]),
        (2026110101, 2026110123, ["from=2026110101", "to=2026110123"]),
        ("2026-11-01", "2026-11-02", ["from=2026-11-01", "to=2026-11-02"]),
        ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", ["from=2026-11-01T00:00:00Z", "to=2026-11-03T00:00:00Z"]),
        ("2026-11-01T00:00", "2026-11-01T22:59", ["from=2026-11-01T00:00", "to=2026-11-01T22:59"]),
        ("2026-W45", "2026-W45", ["date=2026-W45"]),
        (1793491200, 1793577599, ["from=1793491200", "to=1793577599"]),
        ("2026-02-30", "2026-02-30", ["date=2026-02-30"]),
    ],
)
def test_a_window_of_one_day_is_that_date_however_its_ends_are_written(
    first: str | int, last: str | int, directories: list[str]
) -> None:
    assert partition({"from": first, "to": last}) == directories
