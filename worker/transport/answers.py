"""What stands in a small JSON answer, found by the paths of a source file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from worker.errors import FailJob
from worker.sources.schema import ErrorShape

EXCERPT_BYTES = 200


def find(body: Any, path: str) -> Any:
    """What a path leads to: names and list positions joined by dots, the empty path is all of it; None if nowhere."""
    for name in path.split(".") if path else ():
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body


def first(body: Any, paths: Iterable[str]) -> Any:
    """What the first path that leads to a value leads to. Null and empty text are no values."""
    return next((value for value in (find(body, path) for path in paths) if value not in (None, "")), None)


def link_in(body: Any, paths: Iterable[str]) -> str | None:
    """The link at the first path that has one. Null, empty text and the word "null" are no link."""
    found = (find(body, path) for path in paths)
    return next((link.strip() for link in found if isinstance(link, str) and link.strip() not in ("", "null")), None)


def count_in(body: Any, paths: Iterable[str]) -> int | None:
    """A count at the first path that has one, as a number or in digits. A negative one means the vendor cannot tell."""
    for found in (find(body, path) for path in paths):
        value = int(found) if isinstance(found, str) and found.strip().isdecimal() else found
        if isinstance(value, int) and not isinstance(value, bool):
            return value if value >= 0 else None
    return None


def parsed(raw: bytes, name: str) -> Any:
    """The JSON an answer holds; FailJob with its first bytes where it holds none. `name` is the request's."""
    try:
        return json.loads(raw.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        raise FailJob(f"{name}: the answer is not JSON: {excerpt(raw)}") from None


def error_in(body: Any, shapes: Iterable[ErrorShape]) -> str | None:
    """What the vendor complains of in a body, in the first of the shapes it fits; None where it fits none."""
    for shape in shapes:
        cause = find(body, shape.when)
        if cause in (None, "", [], {}) or (shape.equals is not None and cause != shape.equals):
            continue
        parts = [find(body, path) for path in (shape.code, shape.message) if path]
        said = ": ".join(str(part) for part in parts if part not in (None, "")) or excerpt(json.dumps(body).encode())
        request_id = find(body, shape.request_id) if shape.request_id else None
        return f"{said} (request id {request_id})" if request_id else said
    return None


def excerpt(raw: bytes, limit: int = EXCERPT_BYTES) -> str:
    """The first bytes of a body on one line, for people."""
    if not raw.strip():
        return "(empty)"
    text = " ".join(raw[: limit * 2].decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "?" for c in text)[:limit]
