"""Make room: take away what every group has applied, and nothing else."""

from __future__ import annotations

from redis import Redis

from examples.consumer.entries import position


def trim(redis: Redis, stream: str) -> int:
    """Remove the entries every group has acknowledged, up to the first that one has not; how many went.

    `redis` answers text. Safe beside other groups and other trimmers at any time: a group's position only grows.
    Who reads the stream without a group is not seen.
    """
    oldest_needed = min((_oldest_needed(redis, stream, group) for group in redis.xinfo_groups(stream)), default=None)
    if oldest_needed is None:
        return 0
    milliseconds, sequence = oldest_needed
    return int(redis.xtrim(stream, minid=f"{milliseconds}-{sequence}", approximate=False))


def _oldest_needed(redis: Redis, stream: str, group: dict[str, str]) -> tuple[int, int]:
    """The first entry this group still needs: its oldest unacknowledged one, else whatever follows its position."""
    # The position was read before the pending entries: what is delivered in between lies behind it.
    pending = redis.xpending(stream, group["name"])
    if pending["pending"]:
        return position(pending["min"])
    milliseconds, sequence = position(group["last-delivered-id"])
    return milliseconds, sequence + 1
