"""One consumer of a Redis consumer group: reads new and pending entries, claims abandoned ones, acknowledges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redis import Redis
from redis.exceptions import ResponseError

from examples.consumer.entries import Entry, Lost, parse


class Group:
    """One consumer of the group. Several may run at once, with different names.

    The group gives each entry to one of them, so a consumer may get rows out of order, and an end before its rows.
    """

    def __init__(self, redis: Redis, stream: str, group: str, name: str, *, batch_entries: int) -> None:
        """`redis` must return text, not bytes. `batch_entries` is the most that is applied in one transaction."""
        self._redis = redis
        self._stream = stream
        self._group = group
        self._name = name
        self._batch_entries = batch_entries

    def join(self) -> None:
        """Create the group unless it exists; a new one begins at the oldest entry."""
        try:
            self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._redis.xgroup_createconsumer(self._stream, self._group, self._name)

    def new(self, wait_seconds: float) -> list[Entry]:
        """Entries that no consumer of the group has got yet; waits up to `wait_seconds` for some."""
        return self._read(">", block=max(1, int(wait_seconds * 1000)))

    def held(self) -> Iterator[list[Entry]]:
        """All entries that this consumer has got and not acknowledged, also before a restart."""
        after = "0"
        while entries := self._read(after):
            yield entries
            after = entries[-1].id

    def claim(self, idle_seconds: float) -> list[Lost]:
        """Take over entries that other consumers have not touched for this long; `held` then yields them.

        Returns those that were removed from the stream: since Redis 7, the server drops them from the group here.
        """
        lost: list[Lost] = []
        cursor = ""
        while cursor != "0-0":
            cursor, _, *removed = self._redis.xautoclaim(
                self._stream,
                self._group,
                self._name,
                int(idle_seconds * 1000),
                cursor or "0-0",
                count=self._batch_entries,
            )
            lost += [Lost(entry_id) for ids in removed for entry_id in ids]
        return lost

    def acknowledge(self, ids: Sequence[str]) -> None:
        """Acknowledge entries that are applied durably: no consumer gets them again, and they may be trimmed."""
        if ids:
            self._redis.xack(self._stream, self._group, *ids)

    def pending(self) -> int:
        """How many entries consumers of the group have got and not acknowledged."""
        return int(self._redis.xpending(self._stream, self._group)["pending"])

    def _read(self, after: str, block: int | None = None) -> list[Entry]:
        answer = self._redis.xreadgroup(
            self._group, self._name, {self._stream: after}, count=self._batch_entries, block=block
        )
        return [parse(entry_id, fields) for _, entries in answer for entry_id, fields in entries]
