"""Making a job out of what somebody asked for: everything is checked before anything is kept or sent."""

from __future__ import annotations

import difflib
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from config.settings import environment_value
from worker.assembly import Assembly
from worker.connections import Connection, missing_credentials
from worker.errors import BadInput
from worker.params import resolve
from worker.sources import Report

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for. `name` is CONNECTION.REPORT; `sink` None: where rows go by default.

    Two orders with the same `key` are one: the second finds the job the first one made.
    """

    name: str
    params: Mapping[str, Any]
    sink: str | None = None
    may_join: bool = True
    ready_within: str | None = None
    finish_within: str | None = None
    key: str | None = None


def place(parts: Assembly, order: Order) -> tuple[str, bool]:
    """Make the job, or join the unfinished one that is the same: its id, and whether it was joined.

    Raises BadInput, naming the field, what was given and what is allowed; nothing is kept then.
    """
    connection, report_name, report = find(parts, order.name)
    require_credentials(connection)
    now = datetime.now(UTC)
    resolved = resolve(report, order.params, now=now, timezone=connection.timezone)
    sink = parts.sink_address(order.sink, connection.name, report_name)
    source = connection.source
    text = orjson.dumps(source.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(text).hexdigest()
    fields = {
        "connection": connection.name,
        "report": report_name,
        "source_digest": digest,
        "params": orjson.dumps(resolved.params).decode(),
        "window": orjson.dumps(resolved.window).decode(),
        "sink": sink,
    }
    parts.ledger.keep_source(digest, text)
    return parts.ledger.make(
        _job_id(order.key),
        fields,
        fingerprint=_fingerprint(connection.name, report_name, resolved.params, sink),
        may_join=order.may_join,
        ready_within=seconds(order.ready_within or source.ready_within, "ready_within"),
        finish_within=seconds(order.finish_within or source.finish_within, "finish_within"),
    )


def find(parts: Assembly, name: str) -> tuple[Connection, str, Report]:
    """The connection and report that CONNECTION.REPORT names."""
    connection_name, _, report_name = name.partition(".")
    connection = parts.connections.get(connection_name)
    if connection is None:
        raise BadInput("connection", connection_name, one_of(connection_name, parts.connections))
    report = connection.source.reports.get(report_name)
    if report is None:
        raise BadInput(f"report of {connection_name}", report_name, one_of(report_name, connection.source.reports))
    return connection, report_name, report


def one_of(given: str, allowed: Iterable[str]) -> str:
    """What may stand there, for a person: the nearest first, where there is one."""
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1)
    return (f"{near[0]} (did you mean it?), " if near else "") + "one of " + ", ".join(names)


def require_credentials(connection: Connection) -> None:
    """Raise BadInput naming the environment variables that are missing."""
    if missing := missing_credentials(connection, environment_value):
        raise BadInput(f"credentials of {connection.name}", None, f"{' and '.join(missing)} set in the environment")


def seconds(duration: str, where: str) -> float:
    """'90s', '15m', '2h', '7d' in seconds."""
    number, unit = duration[:-1], duration[-1:]
    if unit not in SECONDS or not number.isdecimal() or int(number) == 0:
        raise BadInput(where, duration, "a number and one of s, m, h, d, w, such as 2h")
    return int(number) * SECONDS[unit]


def _job_id(key: str | None) -> str:
    return uuid.uuid4().hex[:20] if key is None else hashlib.sha256(b"order\n" + key.encode()).hexdigest()[:20]


def _fingerprint(connection: str, report: str, params: Mapping[str, Any], sink: str) -> str:
    text = orjson.dumps([connection, report, params, sink], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
