"""Where rows go, as `--to` says it: read, checked and written in one way, so that equal places are equal texts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from worker.errors import BadInput
from worker.redis_url import TLS_OPTIONS, read_redis_url
from worker.sinks.files.formats.kinds import FORMATS
from worker.suggestions import one_of

MOST_NAME_CHARACTERS = 512
STREAM_NAME = f"a stream's name: up to {MOST_NAME_CHARACTERS} printable characters, no space, no braces, no '?'"
MOST_ROWS_PER_ENTRY = 1_000
STREAM_OPTIONS = {"stream": "", "rows_per_entry": "1"}


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """One place for rows. `text` is canonical and may hold a password; `shown` is the same for people, without it."""

    text: str = field(repr=False)
    shown: str


@dataclass(frozen=True, slots=True)
class StreamAddress(SinkAddress):
    """A Redis stream; `url` is empty where it lies in Millrace's own Redis. `rows_per_entry` above 1 packs rows."""

    stream: str
    url: str = field(default="", repr=False)
    rows_per_entry: int = 1


@dataclass(frozen=True, slots=True)
class FileAddress(SinkAddress):
    """Files below a directory; with `is_partitioned`, below one named for the dates a job covers."""

    directory: Path
    format: str = "ndjson"
    compression: str = "none"
    is_partitioned: bool = False


def default_stream(connection: str, report: str) -> str:
    """Where the rows of a report go when nobody says otherwise."""
    return f"stream:rows:{connection}.{report}"


def parse_stream(text: str) -> StreamAddress:
    """Read `stream:NAME`, a stream of Millrace's own Redis."""
    name, _, query = text.partition(":")[2].partition("?")
    options = _options(query, {"rows_per_entry": "1"})
    name, rows_per_entry = _stream_name(name), _rows_per_entry(options)
    canonical = f"stream:{name}" + (f"?rows_per_entry={rows_per_entry}" if rows_per_entry > 1 else "")
    return StreamAddress(canonical, canonical, name, rows_per_entry=rows_per_entry)


def _stream_name(name: str) -> str:
    # Braces would take the place of the hash tag that keeps a stream and its record on one node of a cluster.
    if not 0 < len(name) <= MOST_NAME_CHARACTERS or not name.isprintable() or re.search(r"[\s{}?]", name):
        raise BadInput("to: stream", name, STREAM_NAME)
    return name


def _rows_per_entry(options: dict[str, str]) -> int:
    given = options["rows_per_entry"]
    if not re.fullmatch(r"[0-9]{1,4}", given) or not 1 <= int(given) <= MOST_ROWS_PER_ENTRY:
        raise BadInput("to: rows_per_entry", given, f"a whole number from 1 to {MOST_ROWS_PER_ENTRY:,}")
    return int(given)


def parse_redis(text: str) -> StreamAddress:
    """Read `redis://...` or `rediss://...`, a stream of another Redis or of a Redis Cluster."""
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
    """Read `file:DIR`."""
    rest = text.partition(":")[2]
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        path = path[2:] if path.startswith("///") else ""
    if not path or not path.isprintable():
        raise BadInput(
            "to: directory", f"file:{rest}", "a directory, as in file:./rows or file:/srv/rows?format=ndjson"
        )
    options = _options(query, {"format": "ndjson", "compression": "", "partition": ""})
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
    directory = Path(os.path.abspath(Path(path).expanduser()))
    canonical = f"file:{directory}?format={name}&compression={compression}"
    if partition:
        canonical += f"&partition={partition}"
    return FileAddress(canonical, canonical, directory, name, compression, bool(partition))


def _options(query: str, defaults: dict[str, str]) -> dict[str, str]:
    """What stands after the question mark, each name at most once and known."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in defaults or name in found:
            raise BadInput("to: option", name, f"{one_of(name, defaults)}, each once")
        found[name] = value
    return defaults | found


def without_password(text: str) -> str:
    """Any text somebody gave for an address, fit to be shown."""
    return re.sub(r"^(\s*\w+:/{0,2})?.*@", r"\1***@", text, flags=re.DOTALL)
