"""Celery's broker: a Redis, reached as every other part reaches Redis, and waited for where it cannot serve."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from kombu.transport.redis import Transport

from worker.redis_errors import BROKER_WAITS_ON, name_passing_errors
from worker.redis_url import RedisUrl, read_redis_url

PREFIX = "millrace:broker:"
"""Before every key of the broker. The names of queues are without it."""


def broker_settings(url: RedisUrl | str) -> dict[str, Any]:
    """Celery's settings that say where this broker is. Raises BadInput where Millrace does not know its kind."""
    place = read_redis_url(url, where="MILLRACE_BROKER_URL") if isinstance(url, str) else url
    options: dict[str, Any] = {"global_keyprefix": PREFIX}
    if place.scheme == "sentinel":
        # A sentinel is asked over TLS where the server is.
        tls = {"ssl": True, **place.tls} if place.tls else {}
        options |= {"master_name": place.service, "sentinel_kwargs": {**place.sentinel_login, **tls}}
    return {
        "broker_url": _text(place),
        "broker_use_ssl": dict(place.tls) if place.tls else False,
        "broker_transport_options": options,
    }


def _text(place: RedisUrl) -> str:
    """The URL as kombu and Flower spell it."""
    if place.scheme == "unix":
        return f"redis+socket://{place.userinfo}{quote(place.socket)}?virtual_host={place.database}"
    hosts = [f"{place.userinfo}{f'[{host}]' if ':' in host else host}:{port}" for host, port in place.hosts]
    return ";".join(f"{place.scheme}://{host}/{place.database}" for host in hosts)


def wait_where_redis_cannot_serve() -> None:
    """Have the broker's connection begin anew where Redis cannot serve, and not end the process."""
    name_passing_errors()
    Transport.connection_errors += BROKER_WAITS_ON
