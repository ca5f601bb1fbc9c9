"""Trims the stream: removes the entries that all consumer groups have applied, and no others."""

from __future__ import annotations

from redis import Redis

from examples.consumer.entries import position


def trim(redis: Redis, stream: str) -> int:
    """Remove the entries before the first one that some group has not acknowledged; returns how many were removed.

    `redis` must return text. Safe while other groups and other trimmers run, because a group's position only grows.
    Readers without a group are not taken into account.
    """
    oldest_needed = min((_oldest_needed(redis, stream, group) for group in redis.xinfo_groups(stream)), default=None)
    if oldest_needed is None:
        return 0
    milliseconds, sequence = oldest_needed
    return int(redis.xtrim(stream, minid=f"{milliseconds}-{sequence}", approximate=False))


def _oldest_needed(redis: Redis, stream: str, group: dict[str, str]) -> tuple[int, int]:
    """The first entry that this group still needs: its oldest pending one, else the one after its position."""
    # The position was read before the pending entries, so entries delivered in between come after it.
    pending = redis.xpending(stream, group["name"])
    if pending["pending"]:
        return position(pending["min"])
    milliseconds, sequence = position(group["last-delivered-id"])
    return milliseconds, sequence + 1
