"""What a vendor says inside a body: its errors, as its source file declares them, and its first bytes, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from worker.json_path import is_value
from worker.sources.schema import ErrorShape

EXCERPT_BYTES = 200

Finder = Callable[[str], Any]
"""What a path leads to, None where it leads nowhere."""


def error_in(find: Finder, shapes: Iterable[ErrorShape]) -> str | None:
    """What the vendor complains of, with code, message and request id; None where no shape fits."""
    for shape in shapes:
        cause = find(shape.when)
        if is_value(cause) and (shape.equals is None or cause == shape.equals):
            return describe(find, shape)
    return None


def describe(find: Finder, shape: ErrorShape) -> str:
    """What a shape says of a body that it fits."""
    said = [find(path) for path in (shape.code, shape.message) if path]
    cause = find(shape.when)
    said = [part for part in said if is_value(part)] or [cause if is_value(cause) else "neither code nor message"]
    text = ": ".join(map(_text, said))
    request_id = find(shape.request_id) if shape.request_id else None
    return f"{text} (request id {_text(request_id)})" if is_value(request_id) else text


def paths_of(shapes: Iterable[ErrorShape]) -> Iterator[str]:
    """Every place the shapes look at."""
    for shape in shapes:
        yield from (path for path in (shape.when, shape.code, shape.message, shape.request_id) if path is not None)


def excerpt(raw: bytes, limit: int = EXCERPT_BYTES) -> str:
    """The first bytes of a body on one line, for people."""
    if not raw.strip():
        return "(empty)"
    text = " ".join(raw[: limit * 2].decode("utf-8", "replace").split())
    return "".join(c if c.isprintable() else "?" for c in text)[:limit]


def _text(value: Any) -> str:
    return str(value)[:500]
