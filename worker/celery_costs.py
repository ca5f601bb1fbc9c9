"""Patches Celery and kombu to use less CPU, for thousands of waiting reports.

What they do stays the same: a Redis client is reused, a queue is declared once, a retry is described without its
traceback, and JSON is encoded and decoded by orjson.
"""

from __future__ import annotations

from typing import Any

import orjson
from billiard import einfo
from celery.exceptions import Retry
from kombu import Producer, serialization
from kombu.transport import redis as transport
from kombu.utils import json as kombu_json

_describe = einfo.ExceptionInfo.__init__
_declare = Producer.maybe_declare


def make_celery_cheaper() -> None:
    """Apply the patches to this process. May be repeated."""
    einfo.ExceptionInfo.__init__ = _describe_failure
    transport.Channel._create_client = _get_client
    Producer.maybe_declare = _declare_unless_declared
    transport.dumps, transport.loads = _write_json, _read_json
    serialization.register("json", _write_json, _read_json, "application/json", "utf-8")


def _write_json(value: Any) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
    except TypeError:
        # kombu has an encoding of its own for times, bytes and other types.
        return str(kombu_json.dumps(value))


def _read_json(text: str | bytes) -> Any:
    is_plain = (b"__type__" if isinstance(text, bytes) else "__type__") not in text  # type: ignore[operator]
    return orjson.loads(text) if is_plain else kombu_json.loads(text)


def _describe_failure(info: Any, exc_info: Any = None, internal: bool = False) -> None:
    """Describe a failure with its traceback, as billiard does, but a retry only by its reason.

    A retry is an exception, so for each poll billiard would copy and format the same frames of Celery.
    """
    if exc_info is None or exc_info[0] is not Retry:
        _describe(info, exc_info, internal)
        return
    info.type, info.tb, info.internal = Retry, None, internal
    info.traceback = f"{exc_info[1]!r}\n"
    info.exception = einfo.ExceptionWithTraceback(exc_info[1], info.traceback)


def _declare_unless_declared(producer: Any, entity: Any, retry: bool = False, **policy: Any) -> bool:
    """Declare a queue unless this connection has done so. kombu checks that too, but only after copying the queue."""
    connection = producer.channel.connection
    if connection and entity.can_cache_declaration and hash(entity) in connection.client.declared_entities:
        return False
    return bool(_declare(producer, entity, retry, **policy))


def _get_client(channel: Any, asynchronous: bool = False) -> Any:
    """The Redis client of a channel. The client for commands is reused; kombu would create one per acknowledgement."""
    if asynchronous:
        # Asynchronous clients are not reused: each has a connection of its own on which an answer is pending.
        return channel.Client(connection_pool=channel.async_pool)
    client = channel.__dict__.get("_command_client")
    if client is None or client.connection_pool is not channel.pool:
        client = channel._command_client = channel.Client(connection_pool=channel.pool)
    return client
