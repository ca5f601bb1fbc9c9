"""A job's hash in Redis, read into the noun."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from worker.model import Job

_TIMES = (
    "created_at ready_by finish_by asked_at submitting_at submitted_at ready_at first_row_at finished_at"
    " expires_at linkless_since ready_within finish_within"
).split()
_COUNTS = (
    "generation restarts poll attempts possible_orphans asked_anew is_unproven ready_total total pages closed"
    " rows dead_rows bytes"
).split()
_READ: dict[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(_TIMES, float),
    **dict.fromkeys(_COUNTS, int),
    **dict.fromkeys(("params", "window", "receipt"), orjson.loads),
    **dict.fromkeys(("webhooks", "links"), lambda text: tuple(orjson.loads(text))),
}
_NAMES = {field.name for field in dataclasses.fields(Job)}


def job_from(fields: Mapping[bytes, bytes]) -> Job:
    """The job a hash holds. An empty field counts as absent; fields of the lease are left out."""
    known: dict[str, Any] = {"reason": "", "window": None}
    for key, value in fields.items():
        name = key.decode()
        if name in _NAMES and value != b"":
            known[name] = _READ.get(name, bytes.decode)(value)
    return Job(**known)
