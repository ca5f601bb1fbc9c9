"""Where rows go, as `--to` says it: read, checked and written in one way, so that equal places are equal texts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from worker.errors import BadInput
from worker.sinks.compression import COMPRESSIONS
from worker.suggestions import one_of

FORMATS = ("ndjson",)
ALLOWED = "stream:NAME, redis://HOST:PORT/DB?stream=NAME, rediss://... or file:DIR?format=ndjson&compression=none"
MOST_NAME_CHARACTERS = 512
STREAM_NAME = f"a stream's name: up to {MOST_NAME_CHARACTERS} printable characters, no space, no braces"


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """One place for rows. `text` is canonical and may hold a password; `shown` is the same for people, without it.

    `stream` and `url` (empty: Millrace's own Redis) belong to streams, `directory` and `compression` to files.
    """

    kind: Literal["stream", "redis", "file"]
    text: str = field(repr=False)
    shown: str
    stream: str = ""
    url: str = field(default="", repr=False)
    directory: Path = Path()
    compression: str = "none"


def default_stream(connection: str, report: str) -> str:
    """Where the rows of a report go when nobody says otherwise."""
    return f"stream:rows:{connection}.{report}"


def parse_address(text: str) -> SinkAddress:
    """Read an address, a canonical one giving itself. Raises BadInput with what is allowed; sends nothing."""
    scheme, colon, rest = text.strip().partition(":")
    if colon and scheme == "stream":
        name = _stream_name(rest)
        return SinkAddress("stream", f"stream:{name}", f"stream:{name}", stream=name)
    if colon and scheme in {"redis", "rediss"}:
        return _redis(text.strip())
    if colon and scheme == "file":
        return _file(rest)
    raise BadInput("to", _without_password(text), ALLOWED)


def _stream_name(name: str) -> str:
    # Braces would take the place of the hash tag that keeps a stream and its record on one node of a cluster.
    if not 0 < len(name) <= MOST_NAME_CHARACTERS or not name.isprintable() or re.search(r"[\s{}]", name):
        raise BadInput("to: stream", name, STREAM_NAME)
    return name


def _redis(text: str) -> SinkAddress:
    parts = urlsplit(text)
    database = parts.path.strip("/") or "0"
    try:
        port = parts.port or 6379
    except ValueError:
        raise BadInput("to: port", _without_password(text), "a port from 1 to 65535") from None
    if not parts.hostname or parts.fragment:
        raise BadInput("to", _without_password(text), ALLOWED)
    if not re.fullmatch(r"[0-9]{1,4}", database):
        raise BadInput(
            "to: database", database, "the number of a Redis database, as in redis://HOST:PORT/0?stream=NAME"
        )
    name = _stream_name(_options(parts.query, {"stream": ""})["stream"])
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = f"{host}:{port}/{int(database)}"
    stream = f"?stream={quote(name, safe=':._-')}"
    credentials, masked = _credentials(parts)
    return SinkAddress(
        "redis",
        f"{parts.scheme}://{credentials}{place}{stream}",
        f"{parts.scheme}://{masked}{place}{stream}",
        stream=name,
        url=f"{parts.scheme}://{credentials}{place}",
    )


def _credentials(parts: SplitResult) -> tuple[str, str]:
    """User and password as they stand in a URL, and the same with the password hidden."""
    user = quote(unquote(parts.username or ""), safe="")
    if parts.password:
        return f"{user}:{quote(unquote(parts.password), safe='')}@", f"{user}:***@"
    return (f"{user}@", f"{user}@") if user else ("", "")


def _file(rest: str) -> SinkAddress:
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        path = path[2:] if path.startswith("///") else ""
    if not path or not path.isprintable():
        raise BadInput(
            "to: directory", f"file:{rest}", "a directory, as in file:./rows or file:/srv/rows?format=ndjson"
        )
    options = _options(query, {"format": "ndjson", "compression": "none"})
    if options["format"] not in FORMATS:
        raise BadInput("to: format", options["format"], one_of(options["format"], FORMATS))
    if options["compression"] not in COMPRESSIONS:
        raise BadInput("to: compression", options["compression"], one_of(options["compression"], COMPRESSIONS))
    directory = Path(os.path.abspath(Path(path).expanduser()))
    text = f"file:{directory}?format={options['format']}&compression={options['compression']}"
    return SinkAddress("file", text, text, directory=directory, compression=options["compression"])


def _options(query: str, defaults: dict[str, str]) -> dict[str, str]:
    """What stands after the question mark, each name at most once and known."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in defaults or name in found:
            raise BadInput("to: option", name, f"{one_of(name, defaults)}, each once")
        found[name] = value
    return defaults | found


def _without_password(text: str) -> str:
    return re.sub(r"^(\s*\w+:/{0,2})?.*@", r"\1***@", text, flags=re.DOTALL)
