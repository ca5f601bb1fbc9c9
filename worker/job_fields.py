"""Converts a job's hash in Redis to a `Job`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from worker.model import Job

_READERS: dict[str, Callable[[bytes], Any]] = {
    "int": int,
    "float": float,
    "Json": orjson.loads,
    "dict[str, str]": orjson.loads,
    "tuple[str, ...]": lambda text: tuple(orjson.loads(text)),
}
# The fields are declared once, in `worker.model.Job`; fields of any other type are text.
_READER_OF_FIELD = {
    field.name: _READERS.get(str(field.type).removesuffix(" | None"), bytes.decode) for field in dataclasses.fields(Job)
}


def job_from(fields: Mapping[bytes, bytes]) -> Job:
    """The job in a hash. An empty field counts as absent; fields of the lease are ignored."""
    known: dict[str, Any] = {"reason": "", "window": None}
    for key, value in fields.items():
        name = key.decode()
        if name in _READER_OF_FIELD and value != b"":
            known[name] = _READER_OF_FIELD[name](value)
    return Job(**known)
