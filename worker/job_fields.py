"""A job's hash in Redis, read into the noun."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from worker.model import Job


def _list(text: bytes) -> tuple[Any, ...]:
    return tuple(orjson.loads(text))


_READERS: dict[str, Callable[[bytes], Any]] = {
    "int": int,
    "float": float,
    "Json": orjson.loads,
    "dict[str, str]": orjson.loads,
    "tuple[str, ...]": _list,
}
_READ = {
    # The nouns are declared once, in worker/model.py; whatever has no reader there is text.
    field.name: _READERS.get(str(field.type).removesuffix(" | None"), bytes.decode)
    for field in dataclasses.fields(Job)
}


def job_from(fields: Mapping[bytes, bytes]) -> Job:
    """The job a hash holds. An empty field counts as absent; fields of the lease are left out."""
    known: dict[str, Any] = {"reason": "", "window": None}
    for key, value in fields.items():
        name = key.decode()
        if name in _READ and value != b"":
            known[name] = _READ[name](value)
    return Job(**known)
