"""Server-sent events about jobs; Redis is read once for all clients."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
from fastapi.responses import StreamingResponse
from redis.exceptions import RedisError

from worker.jobs.views import job_facts, wait_facts
from worker.jobs.waiting import REDIS, Wait
from worker.ledger import Ledger
from worker.model import FINISHED, Json

EVERY_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
OVERVIEW = ""
"""The topic of the overview (other topics are ids of jobs): the number of jobs in each state, and the latest jobs."""
OVERVIEW_JOBS = 60

AWAY: Json = {"waits_for": wait_facts(Wait("redis", REDIS))}


class EventStream(StreamingResponse):
    """A response of events, with headers that tell proxies not to cache or buffer it."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], status_code: int = 200) -> None:
        super().__init__(events, status_code, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


class Feed:
    """Reads the watched topics once per interval for all clients, and only while there are clients."""

    def __init__(
        self, look: Callable[[Sequence[str]], dict[str, Json]], *, every_seconds: float = EVERY_SECONDS
    ) -> None:
        """`look` returns the value of each topic; it may block, and may raise errors of Redis."""
        self._look = look
        self._every_seconds = every_seconds
        self._clients: Counter[str] = Counter()
        self._values: dict[str, Json] = {}
        self._round = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def changes(self, topic: str) -> AsyncIterator[Json | None]:
        """Yield the topic's value, then each changed value; None as a heartbeat if nothing changes for a while."""
        self._clients[topic] += 1
        if self._looking is None or self._looking.done():
            self._round = asyncio.Event()
            self._looking = asyncio.create_task(self._look_repeatedly())
        clock = asyncio.get_running_loop().time
        known, told_at = None, clock()
        try:
            while True:
                await self._round.wait()
                if self._looking.done():
                    # While there are clients, the task ends only by an error: raise it, so that clients connect again.
                    self._looking.result()
                    return
                value = self._values.get(topic)
                if value is not None and value != known:
                    known, told_at = value, clock()
                    yield value
                elif clock() - told_at >= HEARTBEAT_SECONDS:
                    told_at = clock()
                    yield None
        finally:
            self._clients[topic] -= 1
            if not self._clients[topic]:
                del self._clients[topic]

    async def _look_repeatedly(self) -> None:
        """Read the watched topics once per interval and wake the clients, until there are none."""
        try:
            while self._clients:
                topics = list(self._clients)
                try:
                    self._values = await asyncio.to_thread(self._look, topics)
                except RedisError:
                    self._values = dict.fromkeys(topics, AWAY)
                finished, self._round = self._round, asyncio.Event()
                finished.set()
                await asyncio.sleep(self._every_seconds)
        finally:
            self._round.set()


def read_topics(ledger: Ledger, topics: Sequence[str]) -> dict[str, Json]:
    """The value of each topic: a job with its receipt, or the overview. Jobs that do not exist are left out."""
    wanted = [topic for topic in topics if topic != OVERVIEW]
    now = ledger.now()
    found = {
        job_id: {**job_facts(job, now), "receipt": job.receipt} for job_id, job in ledger.jobs_by_id(wanted).items()
    }
    if OVERVIEW in topics:
        jobs = [{**job_facts(job, now), "receipt": job.receipt} for job in ledger.jobs(count=OVERVIEW_JOBS)]
        found[OVERVIEW] = {"states": ledger.count_by_state(), "jobs": jobs}
    return found


async def job_events(feed: Feed, job_id: str) -> AsyncIterator[bytes]:
    """Yield `state` first and at each move, `progress` in between, `waits` while Redis is away; `end` is the last."""
    state = None
    async for value in feed.changes(job_id):
        if value is None or value is AWAY:
            yield _heartbeat() if value is None else _event("waits", AWAY["waits_for"])
            continue
        yield _event("progress" if value["state"] == state else "state", value)
        state = value["state"]
        if state in FINISHED and value["receipt"]:
            yield _event("end", value)
            return


async def overview_events(feed: Feed) -> AsyncIterator[bytes]:
    """Yield `overview` first and at each change, `waits` while Redis is away; never ends."""
    async for value in feed.changes(OVERVIEW):
        if value is None or value is AWAY:
            yield _heartbeat() if value is None else _event("waits", AWAY["waits_for"])
        else:
            yield _event("overview", value)


def _event(name: str, data: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def _heartbeat() -> bytes:
    return b": nothing new\n\n"
