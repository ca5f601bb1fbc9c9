"""Two costs of Celery on Redis that thousands of waiting reports would feel, taken away.

Both leave what is done as it is and only do it once: together they were a quarter of the CPU of a poll.
"""

from __future__ import annotations

from typing import Any

from billiard import einfo
from kombu.transport.redis import Channel

_codes: dict[int, tuple[object, object]] = {}


def spare_repeated_work() -> None:
    """Make kombu and billiard keep what they would make anew for every message. May be repeated."""
    einfo._Frame.Code = staticmethod(_picture_of)
    Channel._create_client = _client_of


def _picture_of(code: Any) -> Any:
    """billiard's picture of a function's code.

    A retry is raised, so each poll takes a picture of every function between Celery and us, one of them very long.
    """
    known = _codes.get(id(code))
    if known is None or known[0] is not code:
        # The code is kept beside its picture, so that no other can get its id.
        known = _codes[id(code)] = (code, einfo._Code(code))
    return known[1]


def _client_of(channel: Any, asynchronous: bool = False) -> Any:
    """A channel's client for Redis. The one for commands is shared: kombu would make one for each acknowledgement."""
    if asynchronous:
        # These hold a connection of their own, with an answer under way.
        return channel.Client(connection_pool=channel.async_pool)
    client = channel.__dict__.get("_command_client")
    if client is None or client.connection_pool is not channel.pool:
        client = channel._command_client = channel.Client(connection_pool=channel.pool)
    return client
