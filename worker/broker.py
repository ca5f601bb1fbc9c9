"""Celery's broker, which is a Redis: its settings, and patches that make workers wait for a Redis that is away."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import quote

from kombu.transport.redis import Transport
from kombu.transport.virtual import QoS
from redis.exceptions import RedisError

from worker.redis_errors import BROKER_WAITS_ON, register_error_answers
from worker.redis_url import RedisUrl, read_redis_url

PREFIX = "millrace:broker:"
"""Put before every key of the broker. Names of queues are without it."""


def broker_settings(url: RedisUrl | str) -> dict[str, Any]:
    """Celery's settings for this broker. Raises BadInput for a kind of broker that Millrace does not know."""
    parsed = read_redis_url(url, where="MILLRACE_BROKER_URL") if isinstance(url, str) else url
    options: dict[str, Any] = {"global_keyprefix": PREFIX}
    if parsed.scheme == "sentinel":
        # The sentinels are asked over TLS if the server is.
        tls = {"ssl": True, **parsed.tls} if parsed.tls else {}
        options |= {"master_name": parsed.service, "sentinel_kwargs": {**parsed.sentinel_login, **tls}}
    # kombu and Flower have their own URL syntax for sockets and for several hosts.
    if parsed.scheme == "unix":
        broker_url = f"redis+socket://{parsed.userinfo}{quote(parsed.socket)}?virtual_host={parsed.database}"
    else:
        hosts = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in parsed.hosts]
        broker_url = ";".join(f"{parsed.scheme}://{parsed.userinfo}{host}/{parsed.database}" for host in hosts)
    return {
        "broker_url": broker_url,
        "broker_use_ssl": dict(parsed.tls) if parsed.tls else False,
        "broker_transport_options": options,
    }


def keep_waiting_for_broker() -> None:
    """Make Celery reconnect if Redis answers that it cannot serve; without this, the process would end."""
    register_error_answers()
    # kombu reconnects on the errors in this tuple and lets others end the process.
    Transport.connection_errors += BROKER_WAITS_ON


def put_back_quietly() -> None:
    """Make a worker that ends put back the messages it holds, without complaint if Redis does not take them.

    kombu would try each message, and write those it cannot put back to a file.
    """
    QoS.restore_unacked = _restore_unacked


def _restore_unacked(held: QoS) -> list[tuple[Exception, Any]]:
    messages = list(held._delivered.values())
    held._delivered.clear()
    with suppress(RedisError, OSError):
        for message in messages:
            held.channel._restore(message)
    # The sweep nudges the work of messages that were not put back.
    return []
