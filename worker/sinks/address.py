"""Parses the address of a sink (`--to`) and gives it a canonical form, so that equal places compare equal."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from worker.errors import BadInput, MissingLibrary
from worker.redis_url import TLS_OPTIONS, read_redis_url
from worker.sinks.files.bucket_kinds import BUCKET_KINDS, Bucket
from worker.sinks.files.formats.kinds import FORMATS
from worker.suggestions import one_of

MOST_NAME_CHARACTERS = 512
STREAM_NAME = f"a stream's name: up to {MOST_NAME_CHARACTERS} printable characters, no space, no braces, no '?'"
MOST_ROWS_PER_ENTRY = 1_000
FILE_OPTIONS = {"format": "ndjson", "compression": "", "partition": ""}
SSE = ("", "AES256", "aws:kms")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
STREAM_OPTIONS = {"stream": "", "rows_per_entry": "1"}


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """One place for rows. `text` is canonical and may contain a password; `display_name` is for people, without it."""

    text: str = field(repr=False)
    display_name: str


@dataclass(frozen=True, slots=True)
class StreamAddress(SinkAddress):
    """A Redis stream; `url` is empty for Millrace's own Redis. `rows_per_entry` above 1 packs rows."""

    stream: str
    url: str = field(default="", repr=False)
    rows_per_entry: int = 1


@dataclass(frozen=True, slots=True)
class FilesAddress(SinkAddress):
    """Files in some place; with `is_partitioned`, those of a job are in a directory named for the dates it covers."""

    format: str
    compression: str
    is_partitioned: bool


@dataclass(frozen=True, slots=True)
class FileAddress(FilesAddress):
    """Files below a directory."""

    directory: Path


@dataclass(frozen=True, slots=True)
class BucketAddress(FilesAddress):
    """Files below a prefix of a bucket."""

    bucket: Bucket


def default_stream(connection: str, report: str) -> str:
    """The address of the stream to which the rows of a report go by default."""
    return f"stream:rows:{connection}.{report}"


def parse_stream(text: str) -> StreamAddress:
    """Parse `stream:NAME`, a stream of Millrace's own Redis."""
    name, _, query = text.partition(":")[2].partition("?")
    options = _options(query, {"rows_per_entry": "1"})
    name, rows_per_entry = _stream_name(name), _rows_per_entry(options)
    canonical = f"stream:{name}" + (f"?rows_per_entry={rows_per_entry}" if rows_per_entry > 1 else "")
    return StreamAddress(canonical, canonical, name, rows_per_entry=rows_per_entry)


def _stream_name(name: str) -> str:
    # Braces in the name would become the hash tag. It must be the whole name, to keep stream and record on one node.
    if not 0 < len(name) <= MOST_NAME_CHARACTERS or not name.isprintable() or re.search(r"[\s{}?]", name):
        raise BadInput("to: stream", name, STREAM_NAME)
    return name


def _rows_per_entry(options: dict[str, str]) -> int:
    given = options["rows_per_entry"]
    if not re.fullmatch(r"[0-9]{1,4}", given) or not 1 <= int(given) <= MOST_ROWS_PER_ENTRY:
        raise BadInput("to: rows_per_entry", given, f"a whole number from 1 to {MOST_ROWS_PER_ENTRY:,}")
    return int(given)


def parse_redis(text: str) -> StreamAddress:
    """Parse `redis://...` or `rediss://...`, a stream of another Redis or of a Redis Cluster."""
    base, _, query = text.partition("?")
    options = _options(query, {**STREAM_OPTIONS, **dict.fromkeys(("db", *TLS_OPTIONS), "")})
    rest = urlencode([(name, value) for name, value in options.items() if name not in STREAM_OPTIONS and value])
    url = read_redis_url(f"{base}?{rest}" if rest else base, where="to")
    name, rows_per_entry = _stream_name(options["stream"]), _rows_per_entry(options)
    stream = f"stream={quote(name, safe=':._-')}"
    if rows_per_entry > 1:
        stream += f"&rows_per_entry={rows_per_entry}"
    joint = "&" if url.options else "?"
    return StreamAddress(f"{url.text}{joint}{stream}", f"{url.masked}{joint}{stream}", name, url.text, rows_per_entry)


def parse_file(text: str) -> FileAddress:
    """Parse `file:DIR`."""
    rest = text.partition(":")[2]
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        path = path[2:] if path.startswith("///") else ""
    if not path or not path.isprintable():
        raise BadInput(
            "to: directory", f"file:{rest}", "a directory, as in file:./rows or file:/srv/rows?format=ndjson"
        )
    layout = _read_layout(_options(query, FILE_OPTIONS))
    try:
        directory = Path(os.path.abspath(Path(path).expanduser()))
    except RuntimeError:
        # Nobody of this name, or we run as a user whom this machine does not know, as containers may.
        raise BadInput("to: directory", f"file:{rest}", "the home of a user of this machine after ~") from None
    canonical = f"file:{directory}?" + "&".join(f"{name}={value}" for name, value in layout.items())
    return FileAddress(canonical, canonical, layout["format"], layout["compression"], "partition" in layout, directory)


def _read_layout(options: dict[str, str]) -> dict[str, str]:
    """The options that say how rows are written, in canonical form."""
    name, partition = options["format"], options["partition"]
    if name not in FORMATS:
        raise BadInput("to: format", name, one_of(name, FORMATS))
    FORMATS[name].require("to: format", name)
    compressions = FORMATS[name].compressions
    compression = options["compression"] or compressions[0]
    if compression not in compressions:
        raise BadInput("to: compression", compression, one_of(compression, compressions))
    if partition not in {"", "window"}:
        raise BadInput("to: partition", partition, "window")
    return {"format": name, "compression": compression, **({"partition": partition} if partition else {})}


def parse_bucket(text: str) -> BucketAddress:
    """Parse `s3://BUCKET/PREFIX`, `gs://...` or `az://CONTAINER/PREFIX`. Credentials are not part of it."""
    base, _, query = text.partition("?")
    scheme, _, rest = base.partition("://")
    name, _, prefix = rest.partition("/")
    prefix, kind = prefix.strip("/"), BUCKET_KINDS[scheme]
    if not re.fullmatch(kind.names, name):
        raise BadInput("to: bucket", without_password(name), f"a bucket's name, as in {scheme}://my-bucket/rows")
    if not prefix.isprintable() or not all(
        re.fullmatch(r"[^.\s][^\s?#]*", part) for part in prefix.split("/") if prefix
    ):
        raise BadInput(
            "to: prefix", prefix, "names of printable characters without blanks that do not begin with a dot"
        )
    if missing := [name for name in kind.libraries if find_spec(name) is None]:
        raise MissingLibrary("to", base, f"{' and '.join(missing)} to be installed: pip install 'millrace[buckets]'")
    options = _options(query, {**FILE_OPTIONS, **dict.fromkeys(kind.options, "")})
    layout, place = _read_layout(options), {option: options[option] for option in kind.options}
    bucket = Bucket(scheme, name, prefix, **place)
    _check_bucket(bucket)
    given = {**layout, **place}
    canonical = f"{scheme}://{name}/{prefix}?" + "&".join(
        f"{key}={quote(value, safe=':/._-')}" for key, value in given.items() if value
    )
    return BucketAddress(canonical, canonical, layout["format"], layout["compression"], "partition" in layout, bucket)


def _check_bucket(bucket: Bucket) -> None:
    """Raise BadInput if options of a bucket are wrong or contradict each other."""
    endpoint = urlsplit(bucket.endpoint)
    is_plain = endpoint.scheme == "http" and (endpoint.hostname in LOOPBACK or bucket.allow_http == "true")
    if bucket.endpoint and (
        not endpoint.hostname or "@" in endpoint.netloc or not (is_plain or endpoint.scheme == "https")
    ):
        allowed = "https://HOST[:PORT], without credentials; http:// on this machine, or with allow_http=true"
        raise BadInput("to: endpoint", without_password(bucket.endpoint), allowed)
    if bucket.allow_http and (bucket.allow_http != "true" or endpoint.scheme != "http"):
        raise BadInput("to: allow_http", bucket.allow_http, "true, beside endpoint=http://HOST[:PORT]")
    if bucket.account and not re.fullmatch(r"[a-z0-9]{3,24}", bucket.account):
        raise BadInput("to: account", without_password(bucket.account), "a storage account's name")
    if bucket.sse not in SSE:
        raise BadInput("to: sse", bucket.sse, one_of(bucket.sse, SSE[1:]))
    if bucket.sse_kms_key and bucket.sse != "aws:kms":
        raise BadInput("to: sse_kms_key", bucket.sse_kms_key, "sse=aws:kms beside it")
    if bucket.ca and not Path(bucket.ca).is_absolute():
        raise BadInput("to: ca", bucket.ca, "the absolute path of a file of certificates (PEM)")


def _options(query: str, defaults: dict[str, str]) -> dict[str, str]:
    """The options after the question mark, over the defaults. Raises BadInput for an unknown or repeated name."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in defaults or name in found:
            raise BadInput("to: option", name, f"{one_of(name, defaults)}, each once")
        found[name] = value
    return defaults | found


def without_password(text: str) -> str:
    """The text of an address without a possible password in it."""
    return re.sub(r"^(\s*\w+:/{0,2})?.*@", r"\1***@", text, flags=re.DOTALL)
